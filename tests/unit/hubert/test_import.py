import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from peers import (
    Dictionary,
    as_namespace,
    assert_same_features,
    fairseq_cfg,
    fairseq_names,
    save_fairseq,
    torchaudio_model,
    torchaudio_pretraining,
)
from safetensors.torch import save_file
from tiny_checkpoints import save_encoder, tiny_encoder
from transformers import AutoModelForCTC, AutoTokenizer

from aubert.cli import main
from aubert.encoders.hubert import load_encoder
from aubert.hubert.import_model import import_weights
from aubert.hubert.names import as_transformers
from aubert.hubert.network import HubertForPretraining
from aubert.hubert.unseen import Unseen
from aubert.units.encoder_features import Encoder, EncoderOptions

GIVEN = {
    "base": Unseen(num_heads=4, pre_norm=False, normalise=False),
    "large": Unseen(num_heads=4, pre_norm=True, normalise=True),
    "pre_norm": Unseen(num_heads=4, pre_norm=True, normalise=False),
}
NOTHING = Unseen()


def imported(tmp_path, state, given=NOTHING, suffix="safetensors", **arguments):
    path, out = tmp_path / f"weights.{suffix}", tmp_path / "model"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    import_weights(path, out, given, **arguments)
    return load_encoder(out)


# --- names


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("kind", GIVEN)
def test_torchaudio_weights_give_the_same_features(tmp_path, kind, suffix):
    reference = torchaudio_model(kind)
    model = imported(tmp_path, reference.state_dict(), GIVEN[kind], suffix)
    assert_same_features(reference, model)


@pytest.mark.parametrize("kind", GIVEN)
def test_fairseq_names_give_the_same_features(tmp_path, kind):
    reference = torchaudio_model(kind)
    state = fairseq_names(reference.state_dict())
    assert "encoder.pos_conv.0.weight_g" in state
    assert "encoder.layers.2.self_attn.k_proj.bias" in state
    model = imported(tmp_path, state | {"mask_emb": torch.full((32,), 0.5)}, GIVEN[kind])
    assert_same_features(reference, model)
    assert model.masked_spec_embed.tolist() == [0.5] * 32


def test_transformers_names_are_read_with_their_config(tmp_path):
    save_encoder("hubert_pre_norm", tmp_path / "published")
    out = tmp_path / "model"
    import_weights(tmp_path / "published/model.safetensors", out, NOTHING)
    expected = tiny_encoder("hubert_pre_norm").state_dict()
    found = load_encoder(out)
    assert all(torch.equal(weight, expected[name]) for name, weight in found.state_dict().items())
    assert found.config.do_stable_layer_norm and found.config.num_attention_heads == 2
    assert json.loads((out / "preprocessor_config.json").read_text())["do_normalize"] is True


@pytest.mark.parametrize("prefix", ["wav2vec2.", "model.wav2vec2.", "hubert."])
def test_a_wrapped_model_is_unwrapped(tmp_path, prefix):
    reference = torchaudio_model("base")
    state = {f"{prefix}{name}": tensor for name, tensor in reference.state_dict().items()}
    assert_same_features(reference, imported(tmp_path, state, GIVEN["base"]))


def test_a_front_end_as_wide_as_the_transformer(tmp_path):
    """fairseq has no projection there."""
    convs = [(32, 10, 5)] + [(32, 3, 2)] * 4 + [(32, 2, 2)] * 2
    reference = torchaudio_model("base", extractor_conv_layer_config=convs)
    projection = reference.encoder.feature_projection.projection
    with torch.no_grad():
        projection.weight.copy_(torch.eye(32))
        projection.bias.zero_()
    state = fairseq_names(reference.state_dict())
    del state["post_extract_proj.weight"], state["post_extract_proj.bias"]
    assert_same_features(reference, imported(tmp_path, state, GIVEN["base"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("encoder.transformer.layers.1.attention.k_proj.bias"), "lacks"),
        (lambda state: state.update({"quantizer.vars": torch.zeros(1)}), "quantizer.vars"),
        (lambda state: state.pop("feature_extractor.conv_layers.3.conv.weight"), "lacks"),
    ],
)
def test_another_models_weights_are_refused(tmp_path, change, message):
    state = torchaudio_model("base").state_dict()
    change(state)
    with pytest.raises(ValueError, match=message):
        imported(tmp_path, state, GIVEN["base"])


# --- what weights do not show


def test_what_weights_do_not_show_is_asked_for(tmp_path, capsys):
    save_file(torchaudio_model("pre_norm").state_dict(), tmp_path / "w.safetensors")
    words = ["hubert", "import", str(tmp_path / "w.safetensors"), str(tmp_path / "model")]
    assert main(words) == 1
    error = capsys.readouterr().err
    for flag in ("--num-heads", "--pre-norm or --no-pre-norm", "--normalise or --no-normalise"):
        assert flag in error
    assert "--like base | large | xlarge" in error and not (tmp_path / "model").exists()
    assert main([*words, "--num-heads=4", "--no-normalise"]) == 1
    assert "give --pre-norm or --no-pre-norm;" in capsys.readouterr().err
    assert main([*words, "--num-heads=4", "--no-normalise", "--pre-norm"]) == 0
    assert "num_heads 4, pre_norm True, normalise False" in capsys.readouterr().out
    assert_same_features(torchaudio_model("pre_norm"), load_encoder(tmp_path / "model"))
    assert main(words) == 1
    assert "is there already" in capsys.readouterr().err


def test_heads_that_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="num_heads is 5, which does not divide the width 32"):
        imported(
            tmp_path, torchaudio_model("base").state_dict(), replace(GIVEN["base"], num_heads=5)
        )


def test_other_strides_are_asked_for(tmp_path):
    convs = [(16, 10, 5), (16, 4, 2)] + [(16, 3, 2)] * 3 + [(16, 2, 2)] * 2
    reference = torchaudio_model("base", extractor_conv_layer_config=convs)
    with pytest.raises(ValueError, match="give --strides"):
        imported(tmp_path, reference.state_dict(), GIVEN["base"])
    given = replace(GIVEN["base"], strides=(5, 2, 2, 2, 2, 2, 2))
    assert_same_features(reference, imported(tmp_path, reference.state_dict(), given))


def test_a_published_size_says_it_all():
    import torchaudio

    from aubert.hubert.import_model import _config
    from aubert.hubert.unseen import PUBLISHED

    with torch.device("meta"):
        state = torchaudio.models.hubert_large().state_dict()
    config = _config(as_transformers(state), PUBLISHED["large"][1])
    assert (config.hidden_size, config.num_hidden_layers) == (1024, 24)
    assert (config.num_attention_heads, config.num_conv_pos_embedding_groups) == (16, 16)
    assert config.intermediate_size == 4096
    assert config.do_stable_layer_norm and config.feat_extract_norm == "layer"


def test_another_size_than_the_published_one(tmp_path):
    # 12 heads do not divide it either; 16 do
    with pytest.raises(ValueError, match="its width is 32, that of large 1024"):
        imported(tmp_path, torchaudio_model("large").state_dict(), like="large")


# --- fairseq's checkpoints


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize("entry", ["cfg", "args"])
def test_the_cfg_of_a_fairseq_checkpoint_is_read(tmp_path, monkeypatch, kind, entry):
    reference = torchaudio_model(kind)
    cfg = fairseq_cfg(kind)
    whole = {"cfg": cfg} if entry == "cfg" else {"args": as_namespace(cfg)}
    state = fairseq_names(reference.state_dict()) | {"mask_emb": torch.zeros(32)}
    save_fairseq(tmp_path / "c.pt", monkeypatch, state, **whole)
    import_weights(tmp_path / "c.pt", tmp_path / "model", NOTHING)
    model = load_encoder(tmp_path / "model")
    assert_same_features(reference, model)
    assert (model.config.hidden_dropout, model.config.layerdrop) == (0.2, 0.05)
    preprocessor = json.loads((tmp_path / "model/preprocessor_config.json").read_text())
    assert preprocessor["do_normalize"] is (kind == "large")


def test_flags_do_not_go_before_the_cfg(tmp_path, monkeypatch):
    state = fairseq_names(torchaudio_model("base").state_dict())
    save_fairseq(tmp_path / "c.pt", monkeypatch, state, cfg=fairseq_cfg("base"))
    with pytest.raises(ValueError, match="num_heads is 4 in the file, and 8 is given"):
        import_weights(tmp_path / "c.pt", tmp_path / "model", Unseen(num_heads=8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_name": "wav2vec2"}, "describes a wav2vec2 model, not a HuBERT"),
        ({"layer_type": "conformer"}, "layer_type conformer"),
        ({"activation_fn": "relu"}, "activation_fn relu"),
        ({"conv_feature_layers": "__import__('os').mkdir('ran')"}, "which are none"),
    ],
)
def test_a_cfg_of_another_model_is_refused(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    state = fairseq_names(torchaudio_model("base").state_dict())
    save_fairseq(tmp_path / "c.pt", monkeypatch, state, cfg=fairseq_cfg("base", **change))
    with pytest.raises(ValueError, match=message):
        import_weights(tmp_path / "c.pt", tmp_path / "model", NOTHING)
    assert not (tmp_path / "ran").exists()


def test_what_is_no_checkpoint_is_named(tmp_path):
    (tmp_path / "w.pt").write_text("no weights")
    with pytest.raises(ValueError, match=r"w\.pt is not a file of weights"):
        import_weights(tmp_path / "w.pt", tmp_path / "model", NOTHING)
    torch.save({"cfg": None, "epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="holds no weights; its entries: cfg, epoch"):
        import_weights(tmp_path / "w.pt", tmp_path / "model", NOTHING)
    with pytest.raises(ValueError, match=r"gone\.pt cannot be read"):
        import_weights(tmp_path / "gone.pt", tmp_path / "model", NOTHING)


# --- heads


def test_label_embeddings_of_fairseq(tmp_path, monkeypatch):
    """Without those of its four symbols, and in the order of the units, not of the dictionary."""
    embeddings = torch.arange(4 + 6).float()[:, None].repeat(1, 8)
    state = fairseq_names(torchaudio_model("base").state_dict()) | {
        "mask_emb": torch.zeros(32),
        "label_embs_concat": embeddings,
        "final_proj.weight": torch.randn(8, 32),
        "final_proj.bias": torch.randn(8),
    }
    symbols = Dictionary("2 0 1 5 4 3".split())
    save_fairseq(
        tmp_path / "c.pt",
        monkeypatch,
        state,
        cfg=fairseq_cfg("base"),
        task_state={"dictionaries": [symbols]},
    )
    import_weights(tmp_path / "c.pt", tmp_path / "model", NOTHING)
    model = HubertForPretraining.load(tmp_path / "model")
    assert [(one.name, one.num_units) for one in model.units] == [("km", 6)]
    assert model.heads.embeddings[0][:, 0].tolist() == [5, 6, 4, 9, 8, 7]
    assert torch.equal(model.heads.projections[0].weight, state["final_proj.weight"])
    assert (model.options.temperature, model.options.mask_fraction) == (0.2, 0.65)
    assert model.options.num_heads == 4


@pytest.mark.parametrize("tied", [False, True])
def test_label_embeddings_of_two_sets(tmp_path, monkeypatch, tied):
    rows = torch.randn(8 if tied else 16, 32)
    state = fairseq_names(torchaudio_model("base").state_dict()) | {
        "mask_emb": torch.zeros(32),
        "label_embs_concat": torch.arange(4 + 2 + 4 + 3).float()[:, None].repeat(1, 8),
        "final_proj.weight": rows,
        "final_proj.bias": rows[:, 0],
    }
    cfg = fairseq_cfg("base")
    cfg["task"]["labels"] = ["a", "b"]
    dictionaries = [Dictionary("01"), Dictionary("012")]
    save_fairseq(
        tmp_path / "c.pt", monkeypatch, state, cfg=cfg, task_state={"dictionaries": dictionaries}
    )
    import_weights(tmp_path / "c.pt", tmp_path / "model", NOTHING)
    model = HubertForPretraining.load(tmp_path / "model")
    assert [own[:, 0].tolist() for own in model.heads.embeddings] == [[4, 5], [10, 11, 12]]
    first, second = (projection.weight for projection in model.heads.projections)
    assert torch.equal(first, rows[:8]) and torch.equal(second, rows[:8] if tied else rows[8:])


def test_label_embeddings_without_their_dictionary(tmp_path, monkeypatch):
    state = fairseq_names(torchaudio_model("base").state_dict()) | {
        "label_embs_concat": torch.zeros(4 + 6, 8),
        "final_proj.weight": torch.zeros(8, 32),
        "final_proj.bias": torch.zeros(8),
    }
    save_fairseq(tmp_path / "c.pt", monkeypatch, state, cfg=fairseq_cfg("base"))
    with pytest.raises(ValueError, match=r"label embeddings are: put dict\.km\.txt .* beside it"):
        import_weights(tmp_path / "c.pt", tmp_path / "model", NOTHING)
    (tmp_path / "dict.km.txt").write_text("".join(f"{unit} 1\n" for unit in range(6)))
    import_weights(tmp_path / "c.pt", tmp_path / "model", NOTHING)
    assert HubertForPretraining.load(tmp_path / "model").units[0].num_units == 6


def test_torchaudios_pretraining_model_brings_its_heads(tmp_path):
    model = torchaudio_pretraining(num_classes=5)
    encoder = imported(tmp_path, model.state_dict(), GIVEN["base"])
    assert_same_features(model.wav2vec2, encoder)
    assert torch.equal(encoder.masked_spec_embed, model.mask_generator.mask_embedding)
    heads = HubertForPretraining.load(tmp_path / "model").heads
    states = torch.randn(6, 32)
    with torch.inference_mode():
        projected = model.logit_generator.final_proj(states)
        expected = torch.cosine_similarity(
            projected[:, None], model.logit_generator.label_embeddings[None], dim=-1
        )
        torch.testing.assert_close(heads.logits(states, 0), expected / 0.1)


def test_a_ctc_head_of_torchaudio_needs_its_tokens(tmp_path):
    reference = torchaudio_model("base", aux_num_out=4)
    with pytest.raises(ValueError, match="a CTC head of 4 tokens and does not name them"):
        imported(tmp_path, reference.state_dict(), GIVEN["base"])
    (tmp_path / "tokens.txt").write_text("-\n|\nE\nT\n")
    imported(tmp_path, reference.state_dict(), GIVEN["base"], tokens=tmp_path / "tokens.txt")
    assert_ctc(tmp_path / "model", reference, {"<pad>": 0, "|": 1, "E": 2, "T": 3})


def test_a_ctc_head_of_fairseq_names_its_tokens(tmp_path, monkeypatch):
    reference = torchaudio_model("large", aux_num_out=7)
    names = fairseq_names(reference.state_dict())
    wrapped = {
        f"w2v_encoder.{name}" if name.startswith("proj.") else f"w2v_encoder.w2v_model.{name}": one
        for name, one in names.items()
    }
    model = {"_name": "hubert_ctc", "w2v_args": fairseq_cfg("large"), "normalize": True}
    save_fairseq(
        tmp_path / "c.pt",
        monkeypatch,
        wrapped,
        cfg={"model": model, "task": {"normalize": True, "labels": ["ltr"]}},
        task_state={"target_dictionary": Dictionary("|ET")},
    )
    import_weights(tmp_path / "c.pt", tmp_path / "model", NOTHING)
    places = ["<pad>", "<s>", "</s>", "<unk>", "|", "E", "T"]
    assert_ctc(tmp_path / "model", reference, {token: i for i, token in enumerate(places)})


def assert_ctc(directory, reference, vocabulary):
    network = AutoModelForCTC.from_pretrained(directory).eval()
    samples = torch.randn(1, 8000)
    with torch.inference_mode():
        expected, _ = reference(samples)
        torch.testing.assert_close(network(samples).logits, expected, atol=1e-4, rtol=0)
    assert AutoTokenizer.from_pretrained(directory).get_vocab() == vocabulary
    assert network.config.pad_token_id == 0


def test_tokens_have_to_be_as_many_as_the_head_s_rows(tmp_path):
    state = torchaudio_model("base", aux_num_out=4).state_dict()
    (tmp_path / "tokens.txt").write_text("-\nE\n")
    with pytest.raises(ValueError, match=r"tokens\.txt has 2 tokens, the CTC head 4"):
        imported(tmp_path, state, GIVEN["base"], tokens=tmp_path / "tokens.txt")


def test_normalised_audio_goes_into_a_large_model(tmp_path):
    reference = torchaudio_model("large")
    imported(tmp_path, reference.state_dict(), GIVEN["large"])
    samples = (1e-3 * np.random.default_rng(0).standard_normal(8_000)).astype(np.float32)
    encoder = Encoder.load(str(tmp_path / "model"), EncoderOptions(layer=2, device="cpu"))
    ((_, found),) = encoder.run([("x", samples)])
    waveform = torch.nn.functional.layer_norm(torch.from_numpy(samples), samples.shape)
    with torch.inference_mode():
        expected, _ = reference.extract_features(waveform[None])
    np.testing.assert_allclose(found, expected[1][0].numpy(), atol=1e-4)
