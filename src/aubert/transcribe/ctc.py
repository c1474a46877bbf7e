"""Emissions of CTC checkpoints: log-probabilities of tokens, frame by frame."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np

from aubert.encoders.network import NetworkOptions, WaveformNetwork
from aubert.encoders.pretrained import load_network, load_part
from aubert.options import options_class
from aubert.stage import Reject
from aubert.text.language import Language
from aubert.transcribe.vocabulary import Vocabulary

LANGUAGE_KEY = "aubert_language"  # of a checkpoint's configuration: what it was trained on here


@options_class
class EmissionOptions(NetworkOptions):
    """How a CTC checkpoint is run.

    model: directory or Hugging Face id; `trained` is this run's own (ctc.use); the default is the
      checkpoint of AuBERT's recipe
    """

    model: str = "facebook/hubert-large-ls960-ft"


class CtcModel(WaveformNetwork):
    """A CTC network, ready to run."""

    pool_batches = 4  # 8 minutes of audio at the default batch_seconds, 31 MB

    def __init__(self, network, feature_extractor, tokenizer, options: EmissionOptions):
        """network: as AutoModelForCTC gives it, in evaluation mode."""
        self._tokens = _tokens(tokenizer, network.config)
        self._vocabularies: dict[Language, Vocabulary] = {}
        self.language: str | None = getattr(network.config, LANGUAGE_KEY, None)
        super().__init__(
            network, feature_extractor, options, options.model, network.config.vocab_size
        )

    @classmethod
    def load(cls, options: EmissionOptions) -> CtcModel:
        """Reads `options.model`: local files first, code from the checkpoint never. Raises
        ValueError when it is no such checkpoint, or lacks weights."""
        from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

        what = "a CTC checkpoint"
        network = load_network(AutoModelForCTC, options.model, what)
        parts = [
            load_part(one, options.model, what) for one in (AutoFeatureExtractor, AutoTokenizer)
        ]
        return cls(network, *parts, options)

    @property
    def letters(self) -> str:
        """Those that its tokens are, in small letters."""
        plain = {unicodedata.normalize("NFC", token.lower()) for token in self._tokens[0]}
        return "".join(sorted(each for each in plain if len(each) == 1 and each.isalpha()))

    def vocabulary(self, language: Language) -> Vocabulary:
        """What the columns of its emissions stand for, in a language's letters."""
        if language not in self._vocabularies:
            self._vocabularies[language] = Vocabulary.from_tokens(*self._tokens, language=language)
        return self._vocabularies[language]

    def emissions(
        self, utterances: Iterable[tuple[str, np.ndarray] | Reject]
    ) -> Iterator[tuple[str, np.ndarray] | Reject]:
        """Yields (utterance_id, log-probabilities float32 [num_frames, num_tokens]) for each
        (utterance_id, mono samples), as `run` does."""
        return self.run(utterances)

    def _outputs(self, inputs):
        return self._network(**inputs).logits.float().log_softmax(-1)


def _tokens(tokenizer, config) -> tuple[dict[str, int], int, int, str | None]:
    """The tokens' columns, how many columns there are, those of the blank, and the delimiter."""
    blank = config.pad_token_id if config.pad_token_id is not None else tokenizer.pad_token_id
    delimiter = getattr(tokenizer, "word_delimiter_token", None)
    return tokenizer.get_vocab(), config.vocab_size, blank, delimiter
