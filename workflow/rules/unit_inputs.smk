# What the rules of units and HuBERT ask the plan: paths, flags, what makes a job rerun.
import re

from aubert.hubert.plan import Units
from aubert.units.encoder_features import VERSION as ENCODER_VERSION

UNITS = config["units"]
KMEANS = UNITS["kmeans"]
# The codebooks of k-means, in the order that they follow each other: of the sample, then one for
# each pass over all frames. The last one is what units are labelled with. A random projection has
# that one alone, which is drawn.
STEPS = [f"pass{number}" for number in range(KMEANS["passes"])] + ["codebook"]


def step_before(step):
    return STEPS[STEPS.index(step) - 1]


def named(features):
    """A pattern of the features' names."""
    return "|".join(re.escape(one.name) for one in features) or "none"


DRAWN = named(one for one in PLAN.features.values() if one.is_drawn)
LEARNED = named(one for one in PLAN.features.values() if not one.is_drawn)


def shard_flags(wildcards):
    return to_flags({"shard": int(wildcards.shard), "num_shards": len(SHARDS)})


def dump_of_shard(wildcards):
    """The shard's features on disk, where units.features is dumped."""
    if UNITS["features"] != "dumped":
        return []
    name = f"corpus_{wildcards.shard}_{len(SHARDS)}.npy"
    return results("units", wildcards.feature, "dump", name)


def dump_flags(wildcards):
    path = dump_of_shard(wildcards)
    return to_flags({"dump": os.path.dirname(path)}) if path else ""


def quality_of(units):
    return results("units", units.feature, f"k{units.k}", "quality.json")


def labels_of(iteration):
    """name -> directory of the label sets that an iteration learns from."""
    return {
        units.name: results("units", units.feature, f"k{units.k}", "labels")
        for units in PLAN.learned_from(int(iteration))
    }


def feature_of(wildcards):
    return PLAN.features[wildcards.feature]


def units_of(wildcards):
    return Units(wildcards.feature, int(wildcards.k))


def baseline_of(wildcards):
    """The figures that these units' stand beside, if any."""
    baseline = PLAN.baseline(units_of(wildcards))
    return quality_of(baseline) if baseline else []


def own_model(wildcards):
    """The model of this run that a feature is read off, if it is one's."""
    feature = feature_of(wildcards)
    return results("hubert", feature.model) if feature.model else []


def own_layers(wildcards):
    """What the choice of a feature's layer is read from, if it is to be chosen."""
    auto = feature_of(wildcards).layer == "auto"
    return results("units", wildcards.feature, "layers.json") if auto else []


def units_code(wildcards):
    """Units without a network are cheap: an edit of their code makes them again."""
    feature = feature_of(wildcards)
    if feature.is_hidden:
        return []
    own = "units.random_projection" if feature.is_drawn else "units.mfcc"
    return sorted({*code_of(own), *code_of("units.labels")})


def units_version(wildcards):
    return ENCODER_VERSION if feature_of(wildcards).is_hidden else None


def encoder_flags(wildcards):
    feature = feature_of(wildcards)
    if not feature.is_hidden:
        return ""
    encoder = own_model(wildcards) or feature.encoder
    return to_flags({"encoder": encoder, "device": UNITS["device"], **UNITS["encoder"]})


def encoder_gpu(wildcards):
    """Features without a network need none."""
    return gpu_unless(UNITS["device"]) if feature_of(wildcards).is_hidden else 0


def kmeans_flags(wildcards):
    return to_flags({"device": UNITS["device"], **KMEANS})


def feature_flags(wildcards):
    feature = feature_of(wildcards)
    if feature.is_hidden:
        own = {"layer_from": own_layers(wildcards) or None}
    else:
        own = UNITS["random_projection" if feature.is_drawn else "mfcc"]
    return to_flags({**feature.options(), **own})


def hubert_threads(wildcards):
    """One, and one for each process that prepares batches."""
    how = PLAN.training_fields(int(wildcards.iteration), how=True)
    return 1 + how["num_workers"]
