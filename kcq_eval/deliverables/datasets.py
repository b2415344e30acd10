"""Tables for programs: codes and plain decimals in one language-free form, UTF-8, comma, point, no byte order mark.

`tables/*.csv` hold the same in words, for people, and begin with a byte order mark, without which Excel takes UTF-8 for the system's
code page. Both have commas between their cells; where a computer's regional settings have Excel expect another mark, it opens
them by Data > From Text/CSV. `tables.xlsx` needs none of this.
"""

from __future__ import annotations

import pandas as pd

from kcq_eval.comparison import compare
from kcq_eval.evaluation import Evaluation
from kcq_eval.indicators.coverage import coverage
from kcq_eval.numbers import Number
from kcq_eval.statements import computed_number, printed_number
from kcq_eval.tables import as_printed, decimal
from kcq_eval.vocabulary import VINTAGES

PUBLISHED = (
    "claim_id", "locator", "relation", "quantity", "printed", "items", "hedge", "direction", "unit", "value", "lower", "upper", "computed",
    "computed_lower", "computed_upper", "depends_on_explanation",
)  # fmt: skip
COVERAGE = ("vintage", "code", "name", "served", "baseline", "current", "status")
COMPARISON = ("claim_id", "verdict", "unit", "printed", "register", "register_whole", "difference", "missing", "added")


def published_rows(evaluation: Evaluation) -> pd.DataFrame:
    """`published.csv`: every claim as printed, the range it stands for, and the same computed from the estimates, in `unit`."""
    rows = []
    for claim in evaluation.published.claims:
        printed = printed_number(claim) if claim.printed else None
        computed = computed_number(claim, evaluation.estimates)
        rows.append(
            (
                claim.claim_id, claim.locator, claim.relation, claim.quantity.key, as_printed(claim), ";".join(claim.items),
                claim.printed.hedge or "" if claim.printed else "", claim.direction or "", printed.unit if printed else "", *_ends(printed),
                *_ends(computed), _flag(bool(computed and computed.bounded.depends)),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(PUBLISHED))


def coverage_rows(evaluation: Evaluation) -> pd.DataFrame:
    """`coverage.csv`: every province served or reached, on each map, with whether it was reached before and now ("" where not reported)."""
    rows = []
    for vintage in VINTAGES:
        found = coverage(evaluation.estimates, evaluation.parameters, vintage)
        for code in sorted(found.served | found.now | (found.before or frozenset())) if found else ():
            before = "" if found.before is None else _flag(code in found.before)
            status = "" if found.before is None else found.status(code)
            rows.append((vintage, code, found.names[code], _flag(code in found.served), before, _flag(code in found.now), status))
    return pd.DataFrame(rows, columns=list(COVERAGE))


def comparison_rows(evaluation: Evaluation) -> pd.DataFrame:
    """`comparison.csv`: every published figure beside the register's value, in `unit`; no rows without a register."""
    rows = []
    for one in compare(evaluation):
        printed = printed_number(one.claim) if one.claim.printed else None
        value, whole, difference = (decimal(number.bounded.value) if number else "" for number in (one.value, one.whole, one.difference))
        unit = printed.unit if printed else "count"
        of_print = decimal(printed.bounded.value) if printed else as_printed(one.claim)
        rows.append((one.claim.claim_id, one.verdict, unit, of_print, value, whole, difference, ";".join(one.missing), ";".join(one.added)))
    return pd.DataFrame(rows, columns=list(COMPARISON))


def _ends(number: Number | None) -> tuple[str, str, str]:
    return ("", "", "") if number is None else tuple(decimal(end) for end in (number.bounded.value, number.bounded.lower, number.bounded.upper))


def _flag(value: bool) -> str:
    return "true" if value else "false"
