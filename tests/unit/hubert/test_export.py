"""Our models as others' checkpoints: what they hold, loaded by torchaudio, read back by us.

benchmarks/real_fairseq.py has the real fairseq load them."""

import importlib
import json

import pytest
import torch
from peers import assert_same_features
from safetensors.torch import load_file
from tiny_checkpoints import save_checkpoint, save_encoder
from transformers import AutoModelForCTC

from aubert.cli import main
from aubert.encoders.hubert import load_encoder
from aubert.hubert.export_model import export_model
from aubert.hubert.import_model import import_weights
from aubert.hubert.network import HubertForPretraining, Units
from aubert.hubert.options import HubertOptions
from aubert.hubert.unseen import Unseen

TINY = {
    "hidden_size": 32,
    "num_layers": 3,
    "num_heads": 4,
    "intermediate_size": 48,
    "conv_channels": 16,
    "pos_conv_kernel": 16,
    "pos_conv_groups": 4,
    "final_dim": 8,
}
KINDS = {"base": HubertOptions.base(**TINY), "large": HubertOptions.large(**TINY)}


def save_pretraining(directory, kind, *units: Units) -> HubertForPretraining:
    torch.manual_seed(0)
    model = HubertForPretraining(KINDS[kind], units or [Units("km", 5)]).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    model.save(directory)
    return model


def torchaudio_of(directory) -> torch.nn.Module:
    """Built as model.json says."""
    about = json.loads((directory / "model.json").read_text())
    module, _, function = about["function"].rpartition(".")
    model = getattr(importlib.import_module(module), function)(**about["arguments"])
    model.load_state_dict(load_file(directory / "model.safetensors"))
    return model.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_torchaudio_loads_an_encoder_with_label_embeddings(tmp_path, kind):
    model = save_pretraining(tmp_path / "m", kind)
    line = export_model(str(tmp_path / "m"), tmp_path / "out", "torchaudio")
    assert line.endswith("label embeddings of km")
    loaded = torchaudio_of(tmp_path / "out")
    assert_same_features(loaded.wav2vec2, load_encoder(tmp_path / "m"))
    assert torch.equal(loaded.mask_generator.mask_embedding, model.encoder.masked_spec_embed)
    states = torch.randn(6, 32)
    with torch.inference_mode():
        projected = loaded.logit_generator.final_proj(states)
        found = torch.cosine_similarity(
            projected[:, None], loaded.logit_generator.label_embeddings[None], dim=-1
        )
        torch.testing.assert_close(found / 0.1, model.heads.logits(states, 0))
    about = json.loads((tmp_path / "out/model.json").read_text())
    assert about["normalise"] is (kind == "large")


def test_torchaudio_has_one_label_set(tmp_path):
    save_pretraining(tmp_path / "m", "base", Units("a", 5), Units("b", 7))
    line = export_model(str(tmp_path / "m"), tmp_path / "out", "torchaudio")
    assert "without label embeddings: torchaudio has those of one set" in line
    assert_same_features(torchaudio_of(tmp_path / "out"), load_encoder(tmp_path / "m"))


def test_torchaudio_loads_a_ctc_head(tmp_path):
    save_checkpoint(tmp_path / "m", "group")
    export_model(str(tmp_path / "m"), tmp_path / "out", "torchaudio")
    loaded, ours = torchaudio_of(tmp_path / "out"), AutoModelForCTC.from_pretrained(tmp_path / "m")
    samples = torch.randn(1, 8000)
    with torch.inference_mode():
        expected = ours.eval()(samples).logits
        torch.testing.assert_close(loaded(samples)[0], expected, atol=1e-3, rtol=0)
    tokens = json.loads((tmp_path / "out/model.json").read_text())["tokens"]
    assert tokens[:6] == ["<pad>", "<s>", "</s>", "<unk>", "|", "E"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fairseq_checkpoint_is_read_back_the_same(tmp_path, kind):
    model = save_pretraining(tmp_path / "m", kind, Units("a", 5), Units("b", 7))
    export_model(str(tmp_path / "m"), tmp_path / "out", "fairseq")
    assert (tmp_path / "out/dict.b.txt").read_text().splitlines() == [f"{u} 1" for u in range(7)]
    checkpoint = torch.load(tmp_path / "out/checkpoint.pt", weights_only=True)
    cfg, state = checkpoint["cfg"], checkpoint["model"]
    assert cfg["task"]["labels"] == ["a", "b"] and cfg["model"]["untie_final_proj"]
    assert cfg["task"]["label_dir"] == str(tmp_path / "out")
    assert state["label_embs_concat"].shape == (4 + 5 + 4 + 7, 8)
    assert state["final_proj.weight"].shape == (16, 32)
    import_weights(tmp_path / "out/checkpoint.pt", tmp_path / "again", Unseen())
    again = HubertForPretraining.load(tmp_path / "again")
    assert all(torch.equal(w, again.state_dict()[n]) for n, w in model.state_dict().items())
    assert again.options == model.options and again.units == model.units


def test_ctc_for_fairseq_has_its_four_symbols_first(tmp_path):
    """A token that the model lacks never comes out, the others are as probable as before."""
    from aubert.hubert.ctc_tokens import save_tokenizer

    save_checkpoint(tmp_path / "m", "group")
    network = AutoModelForCTC.from_pretrained(tmp_path / "m")
    keep = [0, 4, 5, 6, 7]  # the blank, the delimiter, E, T, A
    network.lm_head = torch.nn.Linear(16, 5)
    network.config.vocab_size = 5
    network.save_pretrained(tmp_path / "m")
    for name in ("vocab.json", "tokenizer.json", "added_tokens.json"):
        (tmp_path / "m" / name).unlink(missing_ok=True)
    save_tokenizer(tmp_path / "m", ["<pad>", "|", "E", "T", "A"])
    export_model(str(tmp_path / "m"), tmp_path / "out", "fairseq")
    assert (tmp_path / "out/dict.ltr.txt").read_text() == "| 1\nE 1\nT 1\nA 1\n"
    import_weights(tmp_path / "out/checkpoint.pt", tmp_path / "again", Unseen())
    again = AutoModelForCTC.from_pretrained(tmp_path / "again").eval()
    samples = torch.randn(1, 8000)
    with torch.inference_mode():
        found = again(samples).logits.log_softmax(-1)
        expected = network.eval()(samples).logits.log_softmax(-1)
    torch.testing.assert_close(found[..., keep], expected, atol=1e-5, rtol=0)
    assert found[..., 1:4].max() < -1000


def test_an_encoder_without_heads(tmp_path):
    save_encoder("mhubert_25hz", tmp_path / "m")
    assert export_model(str(tmp_path / "m"), tmp_path / "out", "fairseq").endswith("no head")
    import_weights(tmp_path / "out/checkpoint.pt", tmp_path / "again", Unseen())
    before, after = (load_encoder(tmp_path / name).state_dict() for name in ("m", "again"))
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    with pytest.raises(ValueError, match="no batch norm in its positions"):
        export_model(str(tmp_path / "m"), tmp_path / "other", "torchaudio")
    assert not (tmp_path / "other").exists()


def test_fairseq_has_no_projection_between_like_widths(tmp_path):
    options = HubertOptions.base(**{**TINY, "conv_channels": 32})
    torch.manual_seed(0)
    HubertForPretraining(options, [Units("km", 5)]).save(tmp_path / "m")
    with pytest.raises(ValueError, match=r"same width \(32\), and this model has learned one"):
        export_model(str(tmp_path / "m"), tmp_path / "out", "fairseq")


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm"])
def test_other_models_are_refused(tmp_path, capsys, kind):
    save_encoder(kind, tmp_path / "m")
    assert main(["hubert", "export", str(tmp_path / "m"), str(tmp_path / "o"), "--to=fairseq"]) == 1
    assert f"is a {kind} model; what fairseq and torchaudio have" in capsys.readouterr().err


def test_the_log_mel_front_end_is_ours_alone(tmp_path):
    options = HubertOptions(front_end="logmel", **TINY)
    HubertForPretraining(options, [Units("km", 5)]).save(tmp_path / "m")
    with pytest.raises(ValueError, match="is a hubert_logmel model"):
        export_model(str(tmp_path / "m"), tmp_path / "out", "torchaudio")
