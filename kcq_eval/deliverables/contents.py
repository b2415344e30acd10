"""What every deliverable of a run is made from: report, slides, workbook and letters read this and compute nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kcq_eval.evaluation import Evaluation
from kcq_eval.texts import Texts

AUDIT = "consistency_audit"


@dataclass(frozen=True)
class Contents:
    """A run's results, ready to be laid out.

    Attributes:
        parts: What each chapter saved, in reading order: title, question, numbers, findings, assessment, figures, tables.
        evaluation: For what no chapter saves: sources, ledger, verdict, parameters.
        texts: The run's language.
        folder: The bundle that is being made, with `figures/`, `notebooks/` and `tables/` finished.
        lineage: What is behind each number (`evidence.lineage`).
    """

    parts: tuple[dict[str, Any], ...]
    evaluation: Evaluation
    texts: Texts
    folder: Path
    lineage: dict[str, Any]

    def part(self, chapter: str) -> dict[str, Any]:
        return next(part for part in self.parts if part["chapter"] == chapter)

    @property
    def numbers(self) -> dict[str, dict[str, str]]:
        """The rows of numbers.csv by id."""
        return {row["id"]: row for part in self.parts for row in part["numbers"]}

    def figures(self) -> Iterator[dict[str, Any]]:
        """All figures in reading order; the first is figure 1."""
        return (figure for part in self.parts for figure in part["figures"])

    def titled(self, key: str) -> str:
        """A title; a demonstration says that it is one."""
        return self.evaluation.titled(self.texts(key), self.texts)
