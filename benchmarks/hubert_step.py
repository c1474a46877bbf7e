"""A HuBERT training step beside torchaudio's and transformers': time, peak memory, FLOPs.

All train the same sizes on the same batch: crops of one length, labels of one codebook at 50 Hz,
AdamW, clipping. torchaudio is its HuBERTPretrainModel with the loss of its recipe
(examples/hubert/loss): the logits of masked and of unmasked frames, of which the latter weigh 0.
transformers is its HubertModel as it comes, with eager attention, and our heads on the masked
frames. Each runs in a process of its own, in turn; ratios are of the medians of the steps.

    python benchmarks/hubert_step.py                       # tiny sizes, CPU, float32
    python benchmarks/hubert_step.py --device cuda --base  # BASE, bfloat16, K = 500
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from figures import cpu_of_children, figure, keep, table
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from aubert.hubert.batch import hubert_batch
from aubert.hubert.network import HubertForPretraining, Units
from aubert.hubert.options import HubertOptions

TINY = HubertOptions(
    hidden_size=96, num_layers=4, num_heads=4, intermediate_size=384, conv_channels=64,
    pos_conv_kernel=32, pos_conv_groups=4, final_dim=64,
)  # fmt: skip
SIZES = {  # options, rows, seconds a row, units
    "tiny": (TINY, 4, 6.0, 100),
    "base": (HubertOptions.base(), 8, 10.9, 500),  # 87.5 s, what the paper gives a GPU
}
SIDES = ("torchaudio", "transformers", "aubert", "aubert compiled")
COLUMNS = ("", "a step", "peak", "times as fast as the first", "times its peak",
           "share of the GPU's peak FLOPs")  # fmt: skip
# Dense bfloat16 FLOP per second of NVIDIA's data sheets.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12}


def main() -> None:
    arguments = parse()
    if arguments.side:
        print(json.dumps(measure(arguments)))
        return
    flags = [f"--device={arguments.device}", f"--steps={arguments.steps}"]
    rows = compared(flags + ["--base"] * arguments.base, arguments.rounds)
    size = "-cuda" if arguments.device == "cuda" else "-base" * arguments.base
    keep(f"hubert-step{size}", COLUMNS[: len(rows[0])], rows, seconds=cpu_of_children(),
         command=" ".join(["python benchmarks/hubert_step.py", *sys.argv[1:]]))  # fmt: skip
    print(table(f"hubert-step{size}"))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--base", action="store_true", help="BASE instead of tiny sizes")
    parser.add_argument("--steps", type=int, default=10, help="measured, behind 3 to warm up")
    parser.add_argument("--rounds", type=int, default=3, help="processes per side")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    return parser.parse_args()


def compared(flags: list[str], rounds: int, sides: tuple[str, ...] = SIDES) -> list[list]:
    """Rows of COLUMNS: each side's medians over its processes, and ratios to the first. The last
    column is for a GPU of PEAKS alone."""
    results = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            results[side].append(run_apart(side, flags))
    medians = {
        side: {key: statistics.median(one[key] for one in ones) for key in ones[0]}
        for side, ones in results.items()
    }
    first = medians[sides[0]]
    return [
        [side, figure(own["step_s"] * 1000, unit="ms", digits=1),
         figure(own["peak_mb"], unit="MB", digits=0),
         figure(first["step_s"] / own["step_s"], digits=2),
         figure(own["peak_mb"] / first["peak_mb"], digits=2),
         *([figure(own["mfu"], digits=2)] if own["mfu"] else [])]
        for side, own in medians.items()
    ]  # fmt: skip


def run_apart(side: str, flags: list[str]) -> dict:
    command = [sys.executable, __file__, *flags, "--side", side]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)


def measure(arguments: argparse.Namespace) -> dict:
    """Median seconds of a step; the peak, of the GPU's memory, or what the steps added to the
    process's; the share of the GPU's peak FLOPs (0 where that is not known)."""
    options, num_rows, seconds, num_units = SIZES["base" if arguments.base else "tiny"]
    rng = np.random.default_rng(0)
    num_samples = round(seconds * 16_000)
    samples = rng.standard_normal((num_rows, num_samples)).astype(np.float32)
    labels = rng.integers(0, num_units, (num_rows, options.num_frames(num_samples)))
    torch.manual_seed(0)
    make = {"torchaudio": torchaudio_step, "transformers": transformers_step}
    make_step = make.get(arguments.side, aubert_step)
    model, loss_of = make_step(options, samples, labels, num_units, arguments)
    model.to(arguments.device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, betas=(0.9, 0.98), eps=1e-6)

    def step() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(arguments.device, torch.bfloat16, enabled=arguments.device == "cuda"):
            loss, num_targets = loss_of()
        (loss / num_targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        return loss

    before = peak_mb(arguments.device)
    with FlopCounterMode(display=False) as counter:
        step()
    times = []
    for _ in range(2 + arguments.steps):
        synchronise(arguments.device)
        start = time.perf_counter()
        loss = step()
        synchronise(arguments.device)
        times.append(time.perf_counter() - start)
    assert torch.isfinite(loss)
    step_s = statistics.median(times[2:])
    added = peak_mb(arguments.device) - (before if arguments.device == "cpu" else 0)
    mfu = counter.get_total_flops() / step_s / peak if (peak := peak_flops(arguments)) else 0
    return {"step_s": step_s, "peak_mb": added, "mfu": mfu}


def peak_flops(arguments: argparse.Namespace) -> float:
    name = torch.cuda.get_device_name() if arguments.device == "cuda" else ""
    return next((peak for part, peak in PEAKS.items() if part in name), 0.0)


def aubert_step(options, samples, labels, num_units, arguments):
    model = HubertForPretraining(options, [Units("units", num_units)])
    if arguments.side == "aubert compiled":
        model.compile()
    rng = np.random.default_rng(0)

    def loss_of():
        batch = hubert_batch(list(samples), [[row] for row in labels], options, rng)
        loss, num_targets, _ = model(batch.to(arguments.device))
        return loss, num_targets

    return model, loss_of


def transformers_step(options, samples, labels, num_units, arguments):
    from transformers import HubertModel

    ours = HubertForPretraining(options, [Units("units", num_units)])
    config = ours.encoder.config
    config._attn_implementation = "eager"
    model = torch.nn.ModuleDict({"encoder": HubertModel(config), "heads": ours.heads})
    rng = np.random.default_rng(0)

    def loss_of():
        batch = hubert_batch(list(samples), [[row] for row in labels], options, rng)
        batch = batch.to(arguments.device)
        hidden = model["encoder"](batch.samples, mask_time_indices=batch.mask).last_hidden_state
        masked = batch.counted[: batch.num_masked]
        logits = model["heads"].logits(hidden.flatten(0, 1)[masked], 0)
        return functional.cross_entropy(logits, batch.labels[0][: len(masked)], reduction="sum"), (
            batch.num_masked
        )

    return model, loss_of


def torchaudio_step(options, samples, labels, num_units, arguments):
    from torchaudio.models import hubert_pretrain_model

    channels = options.conv_channels
    model = hubert_pretrain_model(
        extractor_mode="group_norm",
        extractor_conv_layer_config=(
            [(channels, 10, 5)] + [(channels, 3, 2)] * 4 + [(channels, 2, 2)] * 2
        ),
        extractor_conv_bias=False,
        encoder_embed_dim=options.hidden_size,
        encoder_projection_dropout=options.input_dropout,
        encoder_pos_conv_kernel=options.pos_conv_kernel,
        encoder_pos_conv_groups=options.pos_conv_groups,
        encoder_num_layers=options.num_layers,
        encoder_num_heads=options.num_heads,
        encoder_attention_dropout=options.attention_dropout,
        encoder_ff_interm_features=options.intermediate_size,
        encoder_ff_interm_dropout=options.activation_dropout,
        encoder_dropout=options.dropout,
        encoder_layer_norm_first=False,
        encoder_layer_drop=options.layerdrop,
        mask_prob=options.mask_fraction,
        mask_selection="static",
        mask_other=0.0,
        mask_length=options.mask_span,
        no_mask_overlap=False,
        mask_min_space=1,
        mask_channel_prob=0.0,
        mask_channel_selection="static",
        mask_channel_other=0.0,
        mask_channel_length=10,
        no_mask_channel_overlap=False,
        mask_channel_min_space=1,
        skip_masked=False,
        skip_nomask=False,
        num_classes=num_units,
        final_dim=options.final_dim,
        feature_grad_mult=options.feature_grad_scale,
    )
    device = arguments.device
    lengths = torch.full((len(samples),), samples.shape[1])

    def loss_of():
        waveforms = torch.from_numpy(samples).to(device)
        masked, unmasked, penalty = model(
            waveforms, torch.from_numpy(labels).to(device), lengths.to(device)
        )
        loss = options.feature_penalty * penalty
        for logits, weight in ((masked, 1.0), (unmasked, 0.0)):
            first = torch.zeros(len(logits), dtype=torch.int64, device=device)
            loss = loss + weight * functional.cross_entropy(logits, first, reduction="sum")
        return loss, len(masked)

    return model, loss_of


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def peak_mb(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()
