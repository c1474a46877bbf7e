"""Checkpoints as they are published: whatever file holds the weights, whole or refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_checkpoints import ENCODERS, save_encoder, tiny_encoder
from transformers import AutoModel, AutoModelForCTC

from aubert.encoders.hubert import encode, load_encoder, normalised
from aubert.encoders.pretrained import load_network
from aubert.units.encoder_features import Encoder, EncoderOptions

WHAT = "a speech encoder"


def as_bin(directory):
    """pytorch_model.bin in place of model.safetensors, as most of facebook's repositories."""
    state = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    torch.save(state, directory / "pytorch_model.bin")


def as_legacy_bin(directory):
    """As torch wrote it before 1.6, with the old names of weight norm."""
    state = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    renamed = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in state.items()
    }
    assert set(renamed) != set(state)
    torch.save(renamed, directory / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def as_bins(directory):
    """pytorch_model.bin in parts, and their index."""
    state = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names, index = sorted(state), {}
    for number in (1, 2):
        file = f"pytorch_model-0000{number}-of-00002.bin"
        own = names[number - 1 :: 2]
        torch.save({name: state[name] for name in own}, directory / file)
        index |= dict.fromkeys(own, file)
    content = {"metadata": {"total_size": 1}, "weight_map": index}
    (directory / "pytorch_model.bin.index.json").write_text(json.dumps(content))


STORED = {
    "safetensors": lambda directory: None,
    "bin": as_bin,
    "legacy_bin": as_legacy_bin,
    "bins": as_bins,
}


@pytest.mark.parametrize("stored", STORED)
def test_weights_are_the_same_from_any_file(tmp_path, stored):
    save_encoder("hubert", tmp_path / "m")
    STORED[stored](tmp_path / "m")
    loaded = load_network(AutoModel, str(tmp_path / "m"), WHAT)
    expected = tiny_encoder("hubert").state_dict()
    assert set(loaded.state_dict()) == set(expected)
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, expected[name]), name
    assert not loaded.training


def test_safetensors_in_parts(tmp_path):
    save_encoder("hubert", tmp_path / "m", max_shard_size="10KB")
    assert len(list((tmp_path / "m").glob("*.safetensors"))) > 1
    loaded = load_network(AutoModel, str(tmp_path / "m"), WHAT).state_dict()
    assert all(torch.equal(loaded[n], w) for n, w in tiny_encoder("hubert").state_dict().items())


def test_safetensors_go_before_a_bin_beside_them(tmp_path):
    save_encoder("hubert", tmp_path / "m")
    torch.save({"x": torch.zeros(1)}, tmp_path / "m" / "pytorch_model.bin")
    load_network(AutoModel, str(tmp_path / "m"), WHAT)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_runs_in_float32(tmp_path, dtype):
    network = tiny_encoder("hubert").to(dtype)
    save_encoder("hubert", tmp_path / "m")
    network.save_pretrained(tmp_path / "m")
    (tmp_path / "single").mkdir()
    network.float().save_pretrained(tmp_path / "single")
    shutil.copy(tmp_path / "m/preprocessor_config.json", tmp_path / "single")
    assert json.loads((tmp_path / "m/config.json").read_text())["dtype"] != "float32"
    found, expected = (features_of(tmp_path / name) for name in ("m", "single"))
    np.testing.assert_array_equal(found, expected)


def features_of(directory, layer=2):
    encoder = Encoder.load(str(directory), EncoderOptions(layer=layer, device="cpu"))
    samples = np.random.default_rng(0).standard_normal(9_000).astype(np.float32)
    ((_, features),) = encoder.run([("x", samples)])
    return features


def without(directory, *names):
    state = load_file(directory / "model.safetensors")
    for name in names:
        del state[name]
    save_file(state, directory / "model.safetensors", {"format": "pt"})


def test_missing_weights_are_named(tmp_path):
    save_encoder("hubert", tmp_path / "m")
    lost = [
        "encoder.layers.1.attention.k_proj.weight",
        "encoder.pos_conv_embed.conv.parametrizations.weight.original0",
    ]
    without(tmp_path / "m", *lost)
    for load in (load_encoder, lambda m: Encoder.load(str(m), EncoderOptions(layer=1))):
        with pytest.raises(ValueError, match="lacks weights of a speech encoder") as raised:
            load(tmp_path / "m")
        assert all(name in str(raised.value) for name in lost)


def test_another_prefix_is_no_random_network(tmp_path):
    save_encoder("hubert", tmp_path / "m")
    state = load_file(tmp_path / "m/model.safetensors")
    renamed = {f"model.{name}": tensor for name, tensor in state.items()}
    save_file(renamed, tmp_path / "m/model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks weights .* more\. Its file is not whole"):
        load_encoder(tmp_path / "m")


def test_a_head_that_is_asked_for_is_no_random_one(tmp_path):
    save_encoder("hubert", tmp_path / "m")
    with pytest.raises(ValueError, match=r"lacks weights of a recogniser: lm_head\.bias"):
        load_network(AutoModelForCTC, str(tmp_path / "m"), "a recogniser")


def test_another_width_is_refused(tmp_path):
    save_encoder("hubert", tmp_path / "m")
    config = json.loads((tmp_path / "m/config.json").read_text()) | {"intermediate_size": 40}
    (tmp_path / "m/config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="is not a speech encoder"):
        load_encoder(tmp_path / "m")


@pytest.mark.parametrize("mask_time_prob", [0.05, 0.0])
def test_a_mask_embedding_may_be_missing_and_is_always_the_same(tmp_path, mask_time_prob):
    save_encoder("hubert", tmp_path / "m")
    without(tmp_path / "m", "masked_spec_embed")
    config = json.loads((tmp_path / "m/config.json").read_text())
    config |= {"mask_time_prob": mask_time_prob}
    (tmp_path / "m/config.json").write_text(json.dumps(config))
    first, second = (load_encoder(tmp_path / "m").masked_spec_embed for _ in range(2))
    assert torch.equal(first, second) and len(first.unique()) > 1


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_pointer_of_git_lfs_says_so(tmp_path, name):
    save_encoder("hubert", tmp_path / "m")
    (tmp_path / "m/model.safetensors").unlink()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n"
    (tmp_path / "m" / name).write_text(pointer)
    with pytest.raises(ValueError, match=f"{name} is a pointer of git-lfs.*git lfs pull"):
        load_encoder(tmp_path / "m")


def test_what_is_cut_off_is_refused(tmp_path):
    save_encoder("hubert", tmp_path / "m")
    as_bin(tmp_path / "m")
    whole = (tmp_path / "m/pytorch_model.bin").read_bytes()
    (tmp_path / "m/pytorch_model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="m is not a speech encoder"):
        load_encoder(tmp_path / "m")


def without_dropout(encoder):
    for module in encoder.modules():
        for name in ("p", "dropout", "attention_dropout"):  # of modules, and of attention
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    encoder.config.layerdrop = 0.0


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", ENCODERS)
def test_a_row_does_not_depend_on_its_batch(tmp_path, kind, training):
    save_encoder(kind, tmp_path / "m")
    encoder = load_encoder(tmp_path / "m").train(training)
    without_dropout(encoder)
    rows = torch.randn(2, 40_000, generator=torch.Generator().manual_seed(1))
    rows[0, 16_000:] = 0
    with torch.no_grad():
        alone, _ = encode(encoder, rows[:1, :16_000])
        padded, frames = encode(encoder, rows, torch.tensor([16_000, 40_000]))
    assert (alone[0] - padded[0, : frames[0]]).abs().max() < 2e-5


@pytest.mark.parametrize("kind", ENCODERS)
def test_every_encoder_is_that_of_transformers(tmp_path, kind):
    save_encoder(kind, tmp_path / "m")
    samples = torch.randn(1, 20_000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = tiny_encoder(kind)(samples).last_hidden_state
        found, _ = encode(load_encoder(tmp_path / "m"), samples)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ENCODERS)
def test_batches_of_encode_are_padded_and_exact(tmp_path, kind):
    save_encoder(kind, tmp_path / "m")
    encoder = Encoder.load(str(tmp_path / "m"), EncoderOptions(layer=3, device="cpu"))
    assert encoder._may_pad


def test_audio_is_normalised_as_fairseq_does_it():
    """torch.nn.functional.layer_norm over the waveform, at any level."""
    for level in (0.3, 1e-3):
        row = (level * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
        expected = torch.nn.functional.layer_norm(torch.from_numpy(row), (16_000,))
        np.testing.assert_allclose(normalised(row), expected.numpy(), atol=1e-5)


def test_normalised_audio_goes_into_encode(tmp_path):
    save_encoder("hubert_pre_norm", tmp_path / "m")
    samples = (1e-3 * np.random.default_rng(0).standard_normal(9_000)).astype(np.float32)
    encoder = Encoder.load(str(tmp_path / "m"), EncoderOptions(layer=3, device="cpu"))
    ((_, found),) = encoder.run([("x", samples)])
    waveform = torch.nn.functional.layer_norm(torch.from_numpy(samples), samples.shape)
    with torch.no_grad():
        states = tiny_encoder("hubert_pre_norm")(waveform[None], output_hidden_states=True)
    expected = states.hidden_states[3][0]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("fault", ["B03-fp16-checkpoint/ck_fp16", "B07-pytorch_model.bin/ck_bin"])
def test_published_checkpoints_that_once_failed(faults, fault):
    assert features_of(faults / fault).shape == (
        27,
        load_encoder(faults / fault).config.hidden_size,
    )


def test_a_checkpoint_that_lacks_a_layer(faults):
    with pytest.raises(ValueError, match=r"encoder\.layers\.1\.attention\.k_proj\.bias.*12 more"):
        features_of(faults / "B08-missing-weights/ck_missing")
