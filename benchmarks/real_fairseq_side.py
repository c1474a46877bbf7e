"""What real_fairseq.py asks the real fairseq, in its own environment: never imported by aubert.

make: checkpoints, and what they put out; read: checkpoints that aubert wrote, and what they put out
"""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fairseq import checkpoint_utils
from fairseq.criterions.hubert_criterion import HubertCriterion
from fairseq.models import MODEL_DATACLASS_REGISTRY
from fairseq.models.hubert.hubert import HubertConfig, HubertModel
from fairseq.models.hubert.hubert_asr import HubertCtc, HubertCtcConfig
from fairseq.tasks.hubert_pretraining import HubertPretrainingConfig, HubertPretrainingTask
from omegaconf import OmegaConf

CONVS = "[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16, 2, 2)] * 2"
SMALL = {
    "encoder_layers": 3,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 48,
    "encoder_attention_heads": 4,
    "conv_feature_layers": CONVS,
    "conv_pos": 16,
    "conv_pos_groups": 4,
    "final_dim": 8,
    "label_rate": 50.0,
}
# name -> what differs: of the model, of the task (`labels`, `normalize`), `ctc` for a CTC head.
KINDS = {
    "base": {},
    "large": {"extractor_mode": "layer_norm", "layer_norm_first": True, "normalize": True},
    "pre-norm, default front end": {"layer_norm_first": True},
    "width 96": {"encoder_embed_dim": 96, "encoder_attention_heads": 6},
    "front end as wide as the transformer": {"encoder_embed_dim": 16, "encoder_attention_heads": 2},
    "batch norm of positions": {"conv_pos_batch_norm": True},
    "two label sets": {"labels": ["a", "b"], "untie_final_proj": True},
    "two label sets, one projection": {"labels": ["a", "b"]},
    "ctc": {"ctc": True},
    "ctc, large": {
        "extractor_mode": "layer_norm",
        "layer_norm_first": True,
        "normalize": True,
        "ctc": True,
    },
}
NUM_UNITS = {"km": 7, "a": 7, "b": 9}
LETTERS = "|ETAO"


@dataclass
class CtcConfig(HubertCtcConfig):
    """fairseq 0.12.3 asks for a key that its own config has not, and loads no CTC checkpoint."""

    autoregressive: bool = False


MODEL_DATACLASS_REGISTRY["hubert_ctc"] = CtcConfig


def make(folder: Path) -> None:
    for kind, changes in KINDS.items():
        torch.manual_seed(0)
        changes = dict(changes)
        directory = folder / "made" / kind
        directory.mkdir(parents=True)
        labels, normalize = changes.pop("labels", ["km"]), changes.pop("normalize", False)
        ctc = changes.pop("ctc", False)
        for label in labels:
            lines = "".join(f"{unit} 1\n" for unit in range(NUM_UNITS[label]))
            (directory / f"dict.{label}.txt").write_text(lines)
        (directory / "dict.ltr.txt").write_text("".join(f"{letter} 1\n" for letter in LETTERS))
        settings = {"data": str(directory), "label_dir": str(directory), "normalize": normalize}
        task_cfg = OmegaConf.structured(
            HubertPretrainingConfig(labels=labels, label_rate=50.0, **settings)
        )
        task = HubertPretrainingTask(task_cfg)
        cfg = OmegaConf.structured(HubertConfig(**{**SMALL, **changes}))
        model = HubertModel.build_model(cfg, task)
        whole = {"model": plain(cfg, "hubert"), "task": plain(task_cfg, "hubert_pretraining")}
        if ctc:
            task_cfg = OmegaConf.structured(
                HubertPretrainingConfig(labels=["ltr"], fine_tuning=True, **settings)
            )
            task = HubertPretrainingTask(task_cfg)
            ctc_cfg = OmegaConf.structured(CtcConfig(normalize=normalize, data=str(directory)))
            ctc_cfg.w2v_args = OmegaConf.create(whole)
            model = HubertCtc.build_model(ctc_cfg, task)
            whole = {
                "model": plain(ctc_cfg, "hubert_ctc"),
                "task": plain(task_cfg, "hubert_pretraining"),
            }
        perturb(model)
        save(directory / "checkpoint.pt", whole, model, task)
        put_out(directory, model.eval(), normalize, ctc)


def plain(cfg, name: str) -> dict:
    """As fairseq's trainer puts a cfg into a checkpoint."""
    return {**OmegaConf.to_container(cfg, enum_to_str=True), "_name": name}


def perturb(model: torch.nn.Module) -> None:
    """As after a training: no norm is the identity, no bias zero."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)


def save(path: Path, cfg: dict, model, task) -> None:
    """The entries of fairseq's trainer.state_dict, its task's dictionaries among them."""
    content = {
        "args": None,
        "cfg": cfg,
        "model": model.state_dict(),
        "criterion": {},
        "optimizer_history": [
            {"num_updates": 3, "optimizer_name": "FairseqAdam", "lr_scheduler_state": {}}
        ],
        "task_state": task.state_dict(),
        "extra_state": {"train_iterator": {"epoch": 1}},
        "last_optimizer_state": None,
    }
    torch.save(content, path)


def read(folder: Path) -> None:
    for directory in sorted((folder / "exported").iterdir()):
        (model,), cfg, _ = checkpoint_utils.load_model_ensemble_and_task(
            [str(directory / "checkpoint.pt")]
        )
        put_out(directory, model.eval(), cfg.task.normalize, "ctc" in cfg.model._name)


def put_out(directory: Path, model, normalize: bool, ctc: bool) -> None:
    """features.npy [layers + 1, frames, width]: output_layer 1 and on, then the encoder's output;
    loss.json and logits.npy of what is above it."""
    samples = torch.from_numpy(np.load(directory.parents[1] / "samples.npy"))
    if normalize:  # as fairseq's datasets and dump_hubert_feature.py do it
        samples = torch.nn.functional.layer_norm(samples, samples.shape)
    encoder = model.w2v_encoder.w2v_model if ctc else model
    layers = [*range(1, len(encoder.encoder.layers) + 1), None]
    with torch.no_grad():
        found = [
            encoder.extract_features(samples[None], None, mask=False, output_layer=layer)[0][0]
            for layer in layers
        ]
        np.save(directory / "features.npy", torch.stack(found).numpy())
        if ctc:
            logits = model(source=samples[None], padding_mask=None)["encoder_out"][:, 0]
            np.save(directory / "logits.npy", logits.log_softmax(-1).numpy())
        elif getattr(model, "num_classes", None):
            (directory / "loss.json").write_text(json.dumps(loss(directory, model, samples)))


def loss(directory: Path, model, samples: torch.Tensor) -> dict:
    """Of HubertCriterion on given labels and a given mask, per label set, without dropout."""
    given = np.load(directory.parents[1] / "labels.npz")
    labels = [torch.from_numpy(given["labels"]) % (k - 4) for k in model.num_classes]
    mask = torch.from_numpy(given["mask"])

    def apply_mask(x, padding_mask, target_list):
        x[mask[None]] = model.mask_emb
        return x, mask[None]

    model.apply_mask = apply_mask
    targets = [own[None] + 4 for own in labels]  # behind the dictionary's four symbols
    sample = {
        "id": torch.zeros(1),
        "net_input": {
            "source": samples[None],
            "padding_mask": torch.zeros(1, len(samples), dtype=torch.bool),
        },
        "target_list": targets,
    }
    criterion = HubertCriterion(None, 1.0, 0.0, loss_weights=[10.0])
    total, num_targets, _ = criterion(model, sample)
    return {"loss": float(total) / num_targets, "num_targets": int(num_targets)}


def run(what: str, folder: str) -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    {"make": make, "read": read}[what](Path(folder))
