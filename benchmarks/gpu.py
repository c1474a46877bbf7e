"""What one GPU does with the learned half: a HuBERT step, encoding, emissions, k-means, and whether
the GPU computes what the CPU computes. Ratios are of one run.

    python benchmarks/gpu.py                  # BASE on a GPU: below six minutes
    python benchmarks/gpu.py --device cpu     # small sizes, which shows that the script runs

Weights are random: what is measured is time, memory and numbers, not models.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hubert_step
import numpy as np
import torch
from figures import shown

from aubert.encoders.hubert import encode
from aubert.hubert.batch import hubert_batch
from aubert.hubert.network import HubertForPretraining, Units, save_encoder
from aubert.hubert.options import HubertOptions
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.kmeans import KMeansOptions, learn_kmeans
from aubert.units.nearest import Nearest

RATE_HZ = 16_000


def main() -> None:
    arguments = parse()
    gpu = arguments.device == "cuda"
    options = HubertOptions.base() if gpu else hubert_step.TINY
    print(f"device: {torch.cuda.get_device_name() if gpu else f'CPU, {os.cpu_count()} cores'}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads on the CPU")

    title("HuBERT training step" + (", BASE, bfloat16" if gpu else ", tiny, float32"))
    flags = [f"--device={arguments.device}", *(["--base"] if gpu else [])]
    steps = 20 if gpu else 2
    rows = hubert_step.compared([*flags, f"--steps={steps}"], rounds=1)
    for row in [hubert_step.COLUMNS, *rows]:
        print(" | ".join(map(shown, row)))

    with tempfile.TemporaryDirectory() as folder:
        model = written_encoder(Path(folder, "model"), options)
        title("Layer 6 of utterances of 2 to 16 s" if gpu else "Layer 2 of utterances of 2 to 16 s")
        encoding(model, arguments.device, layer=6 if gpu else 2, minutes=30 if gpu else 0.5)
        title("Two processes at once" + (" on the one GPU" if gpu else ""))
        two_at_once(model, arguments.device)
    title("k-means")
    clustering(arguments.device, *((200_000, 768, 500) if gpu else (5_000, 39, 50)))
    title("The same numbers as on the CPU")
    equivalence(arguments.device, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cpu", "cuda"), default=default)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU; --device cpu runs small sizes on the CPU")
    return arguments


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def seconds_of(call: Callable[[], object], device: str) -> float:
    hubert_step.synchronise(device)
    start = time.perf_counter()
    call()
    hubert_step.synchronise(device)
    return time.perf_counter() - start


def written_encoder(directory: Path, options: HubertOptions) -> Path:
    from aubert.hubert.network import build_encoder

    torch.manual_seed(0)
    directory.mkdir()
    save_encoder(build_encoder(options), options, directory)
    return directory


def utterances(minutes: float) -> Iterator[tuple[str, np.ndarray]]:
    """Noise in lengths of 2 to 16 s, `minutes` of it in all."""
    rng, left = np.random.default_rng(0), round(minutes * 60 * RATE_HZ)
    while left > 0:
        length = min(int(rng.integers(2 * RATE_HZ, 16 * RATE_HZ)), max(left, 2 * RATE_HZ))
        yield str(left), rng.standard_normal(length).astype(np.float32)
        left -= length


def encoding(model: Path, device: str, layer: int, minutes: float) -> None:
    """aubert's batches by length beside transformers one utterance at a time, equal precision."""
    from transformers import HubertModel

    ours = Encoder.load(str(model), EncoderOptions(layer=layer, device=device))
    theirs = HubertModel.from_pretrained(model).eval().to(device)
    audio = list(utterances(minutes))
    hours = sum(len(samples) for _, samples in audio) / RATE_HZ / 3600

    @torch.no_grad()
    def one_by_one() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            for _, samples in audio:
                rows = torch.from_numpy(samples)[None].to(device)
                theirs(rows, output_hidden_states=True).hidden_states[layer].cpu()

    warm = audio[:4]
    list(ours.run(warm))
    sides = {
        "transformers": seconds_of(one_by_one, device),
        "aubert": seconds_of(lambda: list(ours.run(audio)), device),
    }
    for side, seconds in sides.items():
        print(
            f"{side:<18}{hours * 3600 / seconds:>10.0f} s of audio per second"
            f"{sides['transformers'] / seconds:>8.2f}x"
        )


def two_at_once(model: Path, device: str) -> None:
    """The same command in two processes: both end well, and in which time beside one."""
    import soundfile

    folder = model.parent
    for number, (_, samples) in enumerate(utterances(0.5)):
        soundfile.write(folder / f"{number}.wav", samples / 10, RATE_HZ)
    command = [sys.executable, "-m", "aubert", "encode", *map(str, sorted(folder.glob("*.wav")))]
    command += ["--model", str(model), "--layer", "2", "--device", device, "-o"]

    def run(count: int) -> None:
        jobs = [
            subprocess.Popen([*command, str(folder / f"out{count}{n}")], stdout=subprocess.DEVNULL)
            for n in range(count)
        ]
        assert [job.wait() for job in jobs] == [0] * count

    one, two = (seconds_of(lambda count=count: run(count), device) for count in (1, 2))
    print(f"aubert encode: one process {one:.1f} s, two at once {two:.1f} s")


def clustering(device: str, num_frames: int, dim: int, num_clusters: int) -> None:
    """Ours on the device beside ours on the CPU and scikit-learn's MiniBatchKMeans with fairseq's
    settings, of the same frames."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((num_clusters, dim)).astype(np.float32)
    noise = rng.standard_normal((num_frames, dim)).astype(np.float32)
    frames = centres[rng.integers(0, num_clusters, num_frames)] + 0.7 * noise
    source = [("all", frames)]
    common = {"sample_frames": num_frames, "restarts": 1}
    sides = {
        "scikit-learn": KMeansOptions(**common, method="sklearn", device="cpu"),
        "aubert, CPU": KMeansOptions(**common, device="cpu"),
        **({"aubert, GPU": KMeansOptions(**common, device="cuda")} if device == "cuda" else {}),
    }
    found = {}
    for side, options in sides.items():

        def call(side: str = side, options: KMeansOptions = options) -> None:
            found[side] = learn_kmeans(lambda: iter(source), num_clusters, options)

        seconds = seconds_of(call, device)
        print(f"{side:<18}{seconds:>10.2f} s, inertia {found[side].inertia:.4f}")


@torch.no_grad()
def equivalence(device: str, options: HubertOptions) -> None:
    """Loss, hidden states and labels on the device beside those on the CPU, in float32."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    still = replace(options, dropout=0.0, attention_dropout=0.0, activation_dropout=0.0,
                    input_dropout=0.0, layerdrop=0.0)  # fmt: skip
    model = HubertForPretraining(still, [Units("units", 100)]).eval()
    samples = [rng.standard_normal(length).astype(np.float32) for length in (48_000, 40_000)]
    labels = [[rng.integers(0, 100, still.num_frames(len(row)))] for row in samples]
    batch = hubert_batch(samples, labels, still, np.random.default_rng(1))
    losses, states = {}, {}
    for place in dict.fromkeys(["cpu", device]):
        moved = batch.to(place)
        model.to(place)
        losses[place] = float(model(moved)[0]) / len(batch.counted)
        hidden, _ = encode(model.encoder, moved.samples, moved.num_samples)
        states[place] = hidden.float().cpu().numpy()
    difference = abs(losses[device] / losses["cpu"] - 1)
    print(f"loss               {losses['cpu']:.6f}, relative difference {difference:.1e}")
    apart = np.abs(states[device] - states["cpu"]).max() / states["cpu"].std()
    print(f"hidden states      largest difference {apart:.1e} standard deviations")
    frames = states["cpu"][0]
    nearest = Nearest(torch.from_numpy(frames[::7][:50]))
    equal = np.mean(
        nearest.of_utterance(states[device][0]) == nearest.of_utterance(states["cpu"][0])
    )
    print(f"labels             {equal:.4f} equal of {len(frames)} frames")


if __name__ == "__main__":
    main()
