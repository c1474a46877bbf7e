import subprocess
import sys

import pytest
from transformers import AutoModel, AutoTokenizer

from aubert.crossmodal.small_bert import SmallBertOptions, learn_tokenizer, save_small_bert

TEXTS = [
    "The well was deep, and the rope was long. “It goes down to the sea,” said the boys.",
    "Sabra sang as she let the rope run; the café at the well was shut - nobody sang.",
]
OPTIONS = SmallBertOptions(vocab_size=68, hidden_size=8, num_heads=2, intermediate_size=8)


def test_the_vocabulary_is_of_the_texts():
    tokenizer = learn_tokenizer(TEXTS, OPTIONS)
    assert len(tokenizer) == 68
    assert (tokenizer.pad_token_id, tokenizer.mask_token) == (0, "[MASK]")
    assert tokenizer.tokenize("The rope was") == ["the", "rope", "was"]
    pieces = tokenizer.tokenize("The CAFÉ gown?")
    assert pieces[0] == "the" and tokenizer.unk_token in pieces  # no text has a question mark
    assert tokenizer.decode(tokenizer("gown")["input_ids"], skip_special_tokens=True) == "gown"
    assert {"##x", "?"}.isdisjoint(tokenizer.get_vocab())


def test_pieces_that_occur_once_are_not_learned():
    assert len(learn_tokenizer(TEXTS, SmallBertOptions(vocab_size=5000))) < 130


def test_processes_and_order_do_not_matter(tmp_path):
    """The library's own order is that of a hash map with another seed in each process."""
    code = (
        "import sys; from aubert.crossmodal.small_bert import *; "
        f"save_small_bert(sys.argv[1], {TEXTS[::-1]!r}, {OPTIONS!r})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "one")], check=True)
    save_small_bert(tmp_path / "two", TEXTS, OPTIONS)
    for name in ("tokenizer.json", "model.safetensors", "config.json"):
        assert len({(path / name).read_bytes() for path in tmp_path.iterdir()}) == 1, name


def test_hugging_face_loads_it(tmp_path):
    save_small_bert(tmp_path / "bert", TEXTS, OPTIONS)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "bert")
    encoder = AutoModel.from_pretrained(tmp_path / "bert")
    encoded = tokenizer("the rope", return_tensors="pt")
    assert encoder(**encoded).last_hidden_state.shape == (1, 4, 8)


def test_sizes_that_cannot_be():
    with pytest.raises(ValueError, match="num_heads 3"):
        SmallBertOptions(hidden_size=8, num_heads=3)
    with pytest.raises(ValueError, match=r"vocab_size\n.*greater than or equal to 6"):
        SmallBertOptions(vocab_size=5)
