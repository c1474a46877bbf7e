"""The tokens of a CTC head: read from a file, in fairseq's order, and as a tokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import Wav2Vec2CTCTokenizer

BLANK = "<pad>"  # as transformers names it
# The blank is fairseq's <s>: its first four symbols have these places, the letters follow.
SPECIALS = (BLANK, "<s>", "</s>", "<unk>")


def read_tokens(path: Path, num_rows: int) -> list[str]:
    """The token of each row of a CTC head, the blank first: of fairseq's dict.ltr.txt (`<letter>
    <count>`, without its four symbols), or of a file with a token a line.

    Raises ValueError where they are not as many as the rows."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    tokens = [line.split()[0] for line in lines if line.strip()]
    if len(tokens) == num_rows - len(SPECIALS):
        return [*SPECIALS, *tokens]
    if len(tokens) != num_rows:
        raise ValueError(
            f"{path} has {len(tokens)} tokens, the CTC head {num_rows}; it is fairseq's "
            f"dict.ltr.txt, {len(SPECIALS)} fewer, or a file with a token a line, the blank first"
        )
    return [BLANK, *tokens[1:]]


def save_tokenizer(directory: Path, tokens: Sequence[str]) -> None:
    """Writes Hugging Face's tokenizer of the tokens, of which the first is the blank."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.json"
        path.write_text(json.dumps({token: place for place, token in enumerate(tokens)}))
        tokenizer = Wav2Vec2CTCTokenizer(
            path,
            bos_token=None,  # they would be added, without a row of the head
            eos_token=None,
            unk_token="<unk>" if "<unk>" in tokens else BLANK,
            pad_token=BLANK,
        )
    tokenizer.save_pretrained(directory)
