"""The plan of AuBERT: which encoders, which networks are trained, and on what.

Read off the config by the workflow, at parse time: light, and without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aubert.crossmodal.options import AubertOptions, AubertTrainOptions, check_room
from aubert.hubert.plan import UNTRAINED, Plan
from aubert.learn.options import part

SMALL_BERT = "small"  # as a text encoder's name in the config: one whose vocabulary is the books'


class AubertPlan:
    """The section `aubert` of the config, spelled out.

    scorers: of the networks that are trained; the first one's figures are aubert.<figure>, those
      of the others aubert.<scorer>.<figure>
    audio: (stage, model) of the run's own encoder, else a directory or a Hugging Face id
    text: None for the small BERT of the books, else a directory or a Hugging Face id
    fault: what keeps the networks from being trained, a sentence that names the config's key; or
      None
    """

    def __init__(self, config: Mapping[str, Any], hubert: Plan):
        section = config["aubert"]
        audio, text = section["audio_encoder"], section["text_encoder"]
        self.fault = None
        if not section["scorers"]:
            self.fault = "config: aubert.scorers is empty: name what is trained, cosine or mlp"
        elif audio == "ctc" and not config["corpus"]["labelled"]:
            self.fault = (
                "config: aubert.audio_encoder is ctc, but corpus.labelled is null: give labelled "
                "speech, or let it be hubert, a directory or a Hugging Face id"
            )
        elif audio == "hubert" and hubert.models[-1] == UNTRAINED:
            self.fault = (
                "config: aubert.audio_encoder is hubert, but hubert.iterations is empty: add one, "
                "or give a directory or a Hugging Face id"
            )
        self._model = section["model"]
        self._train = AubertTrainOptions(**section["train"])
        try:
            check_room(AubertOptions(**self._model), self._train)
        except ValueError as error:
            self.fault = self.fault or f"config: aubert.train: {error}"
        self.scorers: list[str] = [] if self.fault else section["scorers"]
        own = {"ctc": ("ctc", config["ctc"]["use"]), "hubert": ("hubert", hubert.models[-1])}
        self.audio: tuple[str, str] | str = own.get(audio, audio)
        self.text = None if text == SMALL_BERT else text

    def key(self, scorer: str) -> str:
        """What the keys of a network's figures begin with."""
        return "aubert" if scorer == self.scorers[0] else f"aubert.{scorer}"

    def model_fields(self, scorer: str) -> dict[str, Any]:
        """Of AubertOptions."""
        return asdict(AubertOptions(**{**self._model, "scorer": scorer}))

    def training_fields(self, how: bool) -> dict[str, Any]:
        """Of AubertTrainOptions those of TrainOptions.how, or all others."""
        return part(self._train, how)
