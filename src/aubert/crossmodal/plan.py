"""The plan of AuBERT: which encoders, which networks are trained, and on what.

Read off the config by the workflow, at parse time: light, and without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aubert.crossmodal.options import AubertOptions, AubertTrainOptions
from aubert.hubert.plan import UNTRAINED, Plan
from aubert.learn.options import part

SMALL_BERT = "small"  # as a text encoder's name in the config: one whose vocabulary is the books'
OWN = ("ctc", "hubert")  # as an audio encoder's name: the run's own


class AubertPlan:
    """The section `aubert` of the config, spelled out.

    scorers: of the networks that are trained; the first one's figures are aubert.<figure>, those
      of the others aubert.<scorer>.<figure>
    audio: (stage, model) of the run's own encoder, else a directory or a Hugging Face id
    text: None for the small BERT of the books, else a directory or a Hugging Face id
    """

    def __init__(self, config: Mapping[str, Any], hubert: Plan):
        """Raises ValueError, a sentence that names the config's key, where it cannot be done."""
        section = config["aubert"]
        self.scorers: list[str] = section["scorers"]
        audio, text = section["audio_encoder"], section["text_encoder"]
        if self.scorers and audio == "ctc" and not config["corpus"]["labelled"]:
            raise ValueError(
                "config: aubert.audio_encoder is ctc, but corpus.labelled is null: give labelled "
                "speech, let it be hubert, a directory or a Hugging Face id, or train none: "
                "aubert.scorers: []"
            )
        if self.scorers and audio == "hubert" and hubert.models[-1] == UNTRAINED:
            raise ValueError(
                "config: aubert.audio_encoder is hubert, but hubert.iterations is empty: add one, "
                "give a directory or a Hugging Face id, or train none: aubert.scorers: []"
            )
        own = {"ctc": ("ctc", config["ctc"]["use"]), "hubert": ("hubert", hubert.models[-1])}
        self.audio: tuple[str, str] | str = own.get(audio, audio)
        self.text = None if text == SMALL_BERT else text
        self._model = section["model"]
        self._train = AubertTrainOptions(**{**section["train"], "seed": config["seed"]})
        for scorer in self.scorers:
            self.model_fields(scorer)  # a wrong value is found before anything runs

    def key(self, scorer: str) -> str:
        """What the keys of a network's figures begin with."""
        return "aubert" if scorer == self.scorers[0] else f"aubert.{scorer}"

    def model_fields(self, scorer: str) -> dict[str, Any]:
        """Of AubertOptions."""
        return asdict(AubertOptions(**{**self._model, "scorer": scorer}))

    def training_fields(self, how: bool) -> dict[str, Any]:
        """Of AubertTrainOptions those of training.options.HOW, or all others."""
        return part(vars(self._train), how)
