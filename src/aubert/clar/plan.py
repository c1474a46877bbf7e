"""The plan of CLAR: which arms are trained on what, by name.

Read off the config by the workflow, at parse time: light, and without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aubert.clar.options import ClarOptions, ClarTrainOptions, ViewOptions
from aubert.clar.splits import SplitOptions, Training
from aubert.learn.options import part

CONTRASTIVE = "contrastive"


class Arm(NamedTuple):
    """A training: its loss, and what it may learn from."""

    loss: str
    training: Training


class ClarPlan:
    """The section `clar` of the config, spelled out.

    arms: by the name of the directory that a training writes
    fault: what keeps them from being trained, a sentence that names the config's key; or None
    """

    def __init__(self, config: Mapping[str, Any]):
        """Raises ValueError, a sentence that names the config's key, where it cannot be done."""
        section = config["clar"]
        self._section = section
        self.source, self.path = section["clips"]["source"], section["path"]
        splits = SplitOptions(**section["splits"])
        for fold in section["folds"]:
            if not 0 <= fold < splits.folds:
                raise ValueError(
                    f"config: clar.folds has {fold}, but clar.splits.folds is {splits.folds}: "
                    f"folds count from 0"
                )
        self.fault = self._fault(config["corpus"]["reference"])
        self.arms = {} if self.fault else self._arms()

    def _fault(self, reference: str | None) -> str | None:
        if not self._section["arms"]:
            return "config: clar.arms is empty: name contrastive, joint, supcon or supervised"
        if self.source in ("folder", "table") and not self.path:
            return (
                f"config: clar.clips.source is {self.source}, but clar.path is null: give its path"
            )
        if self.source == "reference" and reference is None:
            return (
                "config: clar.clips.source is reference, but corpus.reference is null: let it be "
                "words"
            )
        return None

    def _arms(self) -> dict[str, Arm]:
        section, arms = self._section, {}
        for loss in section["arms"]:
            for fold in section["folds"]:
                if loss == CONTRASTIVE:
                    arms[f"{loss}_fold{fold}"] = Arm(loss, Training(fold=fold))
                    continue
                for budget in section["budgets"]:
                    for draw in range(section["read"]["draws"] if budget < 100 else 1):
                        name = f"{loss}{budget:g}_fold{fold}_draw{draw}"
                        arms[name] = Arm(loss, Training(fold=fold, budget=budget, draw=draw))
        return arms

    @property
    def tables(self) -> list[str]:
        """Of the run, that clips are read from."""
        of_source = {
            "words": ["recordings", "utterances", "words"],
            "speakers": ["recordings", "utterances"],
            "reference": ["recordings"],
        }
        return of_source.get(self.source, [])

    def training_fields(self, name: str, how: bool) -> dict[str, Any]:
        """Of the options of a training those of TrainOptions.how, or all others."""
        arm = self.arms[name]
        section = self._section
        fields = part(ClarTrainOptions(**section["train"]), how)
        if how:
            return fields
        model = ClarOptions(**section["model"], loss=arm.loss)
        return {
            **vars(arm.training),
            **vars(model),
            **vars(ViewOptions(**section["views"])),
            **fields,
        }

    def clip_fields(self) -> dict[str, Any]:
        """Flags of both commands: the clips and their splits."""
        section = self._section
        return {"path": self.path, **section["clips"], **section["splits"]}

    @property
    def watched(self) -> list[str]:
        """Folders that no rule makes, of whose files the clips are."""
        if self.source == "folder":
            return [self.path]
        return [str(Path(self.path).parent)] if self.source == "table" else []
