"""Criteria of a focal scheme as a rules file that the evaluator fills in. No threshold is assumed: one that is empty judges nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pandas as pd

from kcq_eval.datafiles import read_table
from kcq_eval.errors import Problems
from kcq_eval.parameters import Period
from kcq_eval.register.register import MILLION, Register

COLUMNS = ("criterion_id", "label_vi", "label_en", "measure", "comparison", "threshold", "basis")
MET, NOT_MET, OPEN = "met", "not_met", "open"
_COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {"at_least": lambda a, b: a >= b, "at_most": lambda a, b: a <= b}
_MEASURES: dict[str, Callable[[pd.DataFrame], Fraction]] = {  # of the accepted rows of one scheme
    "funding": lambda rows: Fraction(int((rows["state"] + rows["counterpart"]).sum()), MILLION),
    "state_funding": lambda rows: Fraction(int(rows["state"].sum()), MILLION),
    "facilities": lambda rows: Fraction(rows.loc[rows["facility"] >= 0, "facility"].nunique()),
    "supports": lambda rows: Fraction(int((rows["facility"] >= 0).sum())),
    "support_types": lambda rows: Fraction(rows["support"].nunique()),
    "provinces": lambda rows: Fraction(rows.loc[rows["facility"] >= 0, "province"].nunique()),
    "years": lambda rows: Fraction(int(rows["year"].max() - rows["year"].min() + 1)),
}
MEASURES = tuple(_MEASURES)
UNITS = {"funding": "million_vnd", "state_funding": "million_vnd"}
# The four kinds of criteria that the published account names: funding scale, contents, area, duration.
_KINDS = (
    ("funding", "Quy mô kinh phí", "Funding scale", "funding", "at_least"), ("contents", "Nội dung", "Contents", "support_types", "at_least"),
    ("area", "Địa bàn", "Area", "provinces", "at_least"), ("duration", "Thời gian", "Duration", "years", "at_most"),
)  # fmt: skip


@dataclass(frozen=True)
class Criterion:
    """One rule: a scheme's `measure` is `at_least` or `at_most` the threshold (million VND for money); None is not filled in."""

    criterion_id: str
    labels: dict[str, str]
    measure: str
    comparison: str
    threshold: Fraction | None


@dataclass(frozen=True)
class Judged:
    """One criterion applied to one scheme of the register, numbered as its facts number it."""

    scheme: int
    criterion: Criterion
    verdict: str
    value: Fraction
    rows: tuple[int, ...]


def load_criteria(path: Path) -> list[Criterion]:
    """Raises BadInput: the file is missing or a rule unusable; all problems at once."""
    problems = Problems()
    found = []
    for row in read_table(path, COLUMNS, problems=problems):
        wrong = list(filter(None, [row.one_of("measure", MEASURES), row.one_of("comparison", _COMPARISONS)]))
        if row["threshold"] and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", row["threshold"]):
            wrong.append(row.problem("bad_form", "threshold", expected="5000"))
        problems += wrong
        if not wrong:
            threshold = Fraction(row["threshold"]) if row["threshold"] else None
            found.append(Criterion(row["criterion_id"], {"vi": row["label_vi"], "en": row["label_en"]}, row["measure"], row["comparison"], threshold))
    problems.stop()
    return found


def judge(register: Register, criteria: list[Criterion], centre: str, period: Period) -> list[Judged]:
    """Every criterion for every focal scheme with accepted rows in the period."""
    rows, vocabulary = register.done, register.vocabulary
    rows = rows[(rows["kind"] == vocabulary.scheme_kinds.index("focal")) & (rows["centre"] == vocabulary.centres.index(centre))]
    rows = rows[rows["year"].between(period.start, period.end)]
    found = []
    for scheme, of_scheme in rows.groupby("scheme", sort=True):
        for criterion in criteria:
            value = _MEASURES[criterion.measure](of_scheme)
            verdict = OPEN
            if criterion.threshold is not None:
                verdict = MET if _COMPARISONS[criterion.comparison](value, criterion.threshold) else NOT_MET
            found.append(Judged(int(scheme), criterion, verdict, value, tuple(int(row) for row in of_scheme["row"])))
    return found


def empty_criteria() -> str:
    """A rules file with the four kinds of criteria and no threshold."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([*kind, "", ""] for kind in _KINDS)
    return buffer.getvalue()
