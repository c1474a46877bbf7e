"""The plan of CTC fine-tuning: what is trained, on what, and who takes it.

Read off the config by the workflow, at parse time: light, and without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aubert.ctc.options import CtcTrainOptions
from aubert.hubert.plan import TRAINED, UNTRAINED, Plan, takes_own_ctc
from aubert.learn.options import part

INITS = ("hubert", "scratch")
_NO_HUBERT = (
    "config: ctc wants the init hubert, but hubert.iterations is empty: add one, or let ctc.inits "
    "and ctc.use name scratch only"
)


class CtcPlan:
    """The section `ctc` of the config, spelled out.

    inits: of the networks whose error rates are figures of the run
    own: the init of the run's own checkpoint, where a stage takes it, else None
    labelled: folders that are learned from; dev: name -> folder that errors are counted in
    fault: what keeps the networks from being trained, a sentence that names the config's key; or
      None
    """

    def __init__(self, config: Mapping[str, Any], hubert: Plan):
        """Raises ValueError, a sentence that names the config's key, where it cannot be done."""
        section, labelled = config["ctc"], config["corpus"]["labelled"]
        self.labelled = labelled["train"] if labelled else []
        self.dev = {name: path for name, path in (labelled or {"dev": {}})["dev"].items() if path}
        takers = [stage for stage in ("transcribe", "words") if takes_own_ctc(config[stage])]
        self.own = section["use"] if takers else None
        if takers and not labelled:
            raise ValueError(
                f"config: {takers[0]}.ctc.model is {TRAINED}, but corpus.labelled is null: give "
                f"labelled speech, or the name of a checkpoint"
            )
        self._last_hubert = hubert.models[-1]
        if self.own == "hubert" and self._last_hubert == UNTRAINED:
            raise ValueError(_NO_HUBERT)
        self.fault = self._fault(section["inits"])
        self.inits = [] if self.fault else section["inits"]
        self._options = {init: CtcTrainOptions(**section[init]) for init in INITS}

    def _fault(self, inits: list[str]) -> str | None:
        if not self.labelled:
            return "config: corpus.labelled is null: give speech with transcripts for ctc"
        if not inits:
            return "config: ctc.inits is empty: name what is fine-tuned, hubert or scratch"
        if not self.dev:
            return (
                "config: corpus.labelled.dev has neither seen nor unseen: give a folder that ctc's "
                "error rates are measured on"
            )
        return _NO_HUBERT if self._last_hubert == UNTRAINED and "hubert" in inits else None

    def encoder(self, init: str) -> str:
        """The model, as hubert's plan names it, that is fine-tuned."""
        return {"hubert": self._last_hubert, "scratch": UNTRAINED}[init]

    def training_fields(self, init: str, how: bool) -> dict[str, Any]:
        """Of CtcTrainOptions those of TrainOptions.how, or all others."""
        return part(self._options[init], how)
