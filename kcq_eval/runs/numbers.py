"""A run's numbers without its notebooks: the same indicators that the chapters report, in the order of numbers.csv."""

from __future__ import annotations

from collections.abc import Callable

from kcq_eval.evaluation import Evaluation
from kcq_eval.findings import audit_numbers
from kcq_eval.indicators.composition import facility_numbers, mix_numbers
from kcq_eval.indicators.coverage import coverage_numbers
from kcq_eval.indicators.funding import funding_numbers
from kcq_eval.indicators.register import numbers_of_rows
from kcq_eval.numbers import Number
from kcq_eval.runs.notebooks import CHAPTERS
from kcq_eval.sensitivity import curves, sensitivity_numbers

_OF_CHAPTER: dict[str, Callable[[Evaluation], object]] = {
    "funding_growth": lambda e: funding_numbers(e.estimates, e.prices, e.parameters),
    "facility_shares": lambda e: facility_numbers(e.estimates, e.parameters),
    "support_type_mix": lambda e: mix_numbers(e.estimates, e.parameters),
    "province_coverage": lambda e: coverage_numbers(e.estimates, e.parameters),
    "facility_register": numbers_of_rows,
    "sensitivity": lambda e: sensitivity_numbers(curves(e)),
    "consistency_audit": audit_numbers,
}


def all_numbers(evaluation: Evaluation) -> list[Number]:
    """Every number of a run, chapter by chapter."""
    return [number for chapter in CHAPTERS for number in _OF_CHAPTER[chapter](evaluation)]
