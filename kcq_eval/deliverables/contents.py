"""What every deliverable of a run is made from: report, slides, workbook and letters read this and compute nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kcq_eval.deliverables.blocks import Block
from kcq_eval.evaluation import Evaluation
from kcq_eval.indicators.funding import BY_FUNDING, weighting
from kcq_eval.numbers import UnknownNumber
from kcq_eval.statements import starred
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
        commentary: The evaluator's own passages by section, with their numbers filled in; a section without any is not there.
        lineage: What is behind each number (`evidence.lineage`).
    """

    parts: tuple[dict[str, Any], ...]
    evaluation: Evaluation
    texts: Texts
    folder: Path
    lineage: dict[str, Any]
    commentary: Mapping[str, tuple[Block, ...]] = field(default_factory=dict)

    def part(self, chapter: str) -> dict[str, Any]:
        return next(part for part in self.parts if part["chapter"] == chapter)

    @property
    def results(self) -> tuple[dict[str, Any], ...]:
        """The chapters that report results: all but the audit that have something to say."""
        return tuple(part for part in self.parts if part["chapter"] != AUDIT and part["findings"])

    @property
    def numbers(self) -> dict[str, dict[str, str]]:
        """The rows of numbers.csv by id."""
        return {row["id"]: row for part in self.parts for row in part["numbers"]}

    def number(self, number_id: str, form: str = "") -> str:
        """A number in the run's language and in one of `numbers.FORMS`, with an asterisk where it depends on a choice.

        Raises:
            UnknownNumber: No chapter reported it.
        """
        for part in self.parts:
            if number_id in part["forms"]:
                row = next(row for row in part["numbers"] if row["id"] == number_id)
                return starred(part["forms"][number_id][form], row["depends_on_explanation"] == "true" or bool(row["corrections"]))
        raise UnknownNumber(number_id, self.numbers)

    def figures(self) -> Iterator[dict[str, Any]]:
        """All figures in reading order; the first is figure 1."""
        return (figure for part in self.parts for figure in part["figures"])

    def limits(self) -> list[str]:
        """The limits of the evaluation: first how years weigh in real growth, where some weigh the same for want of their funding."""
        weights = weighting(self.evaluation.estimates, self.evaluation.parameters)
        weighing = [] if weights == BY_FUNDING else [self.texts(f"report.limits_weights.{weights}")]
        return weighing + self.texts.lines("report.limits_text")

    def titled(self, key: str) -> str:
        """A title; a demonstration says that it is one."""
        return self.evaluation.titled(self.texts(key), self.texts)
