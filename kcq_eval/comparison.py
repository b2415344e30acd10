"""The register against the publication: each published figure beside the value that the rows give."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pandas as pd

from kcq_eval.claims import Claim, Quantity
from kcq_eval.estimates import Bounded, Estimates
from kcq_eval.evaluation import Evaluation
from kcq_eval.numbers import Number
from kcq_eval.printed import UNITS
from kcq_eval.register.columns import DONE, STATUSES
from kcq_eval.register.register import MILLION, Register
from kcq_eval.statements import computed_number, printed_number
from kcq_eval.vocabulary import ALL

AGREES, ROUNDING, DIFFERS = "agrees", "rounding", "differs"
VERDICTS = (AGREES, ROUNDING, DIFFERS)


@dataclass(frozen=True)
class Compared:
    """A claim and what the register says of it.

    Attributes:
        verdict: `agrees` exactly, agrees within `rounding`, or `differs`.
        value: The register's number for the same statement; of a ratio its part; None for a list.
        whole: The register's whole of a ratio.
        difference: Register minus publication, in the claim's unit; None for a list.
        missing, added: Codes that only the list, and only the register, names.
    """

    claim: Claim
    verdict: str
    value: Number | None = None
    whole: Number | None = None
    difference: Number | None = None
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def compare(evaluation: Evaluation) -> list[Compared]:
    """Every claim that the register reaches alone, in the order of claims; those in words and durations are left out."""
    if evaluation.register is None or evaluation.selection:  # what is published is of all rows
        return []
    found = (_compared(claim, evaluation.estimates, evaluation.register) for claim in evaluation.published.claims)
    return [compared for compared in found if compared]


def breakdown(compared: Compared, register: Register) -> pd.DataFrame:
    """The rows behind a figure: by year, scheme kind and support type their number, facilities and funding in million VND."""
    quantity = compared.claim.quantity
    rows = rows_of(quantity, register)
    vocabulary = register.vocabulary
    if rows.empty:
        return pd.DataFrame(columns=["year", "scheme_kind", "support_type", "supports", "facilities", "funding"])
    groups = rows.assign(amount=rows["state"] + rows["counterpart"]).groupby(["year", "kind", "support"], sort=True)
    found = [
        (
            int(year), vocabulary.scheme_kinds[kind], vocabulary.support_types[support], int((group["facility"] >= 0).sum()),
            group.loc[group["facility"] >= 0, "facility"].nunique(), Fraction(int(group["amount"].sum()), MILLION),
        )
        for (year, kind, support), group in groups
    ]  # fmt: skip
    return pd.DataFrame(found, columns=["year", "scheme_kind", "support_type", "supports", "facilities", "funding"])


def rows_of(quantity: Quantity, register: Register) -> pd.DataFrame:
    vocabulary, rows = register.vocabulary, register.facts
    keep = (rows["status"] == STATUSES.index(DONE)) & rows["year"].between(quantity.period.start, quantity.period.end)
    keep &= rows["centre"] == vocabulary.centres.index(quantity.centre)
    columns = {
        "scheme_kind": ("kind", vocabulary.scheme_kinds), "support_type": ("support", vocabulary.support_types), "sector": ("sector", vocabulary.sectors),
        "province": ("province", register.provinces),
    }  # fmt: skip
    for dimension, (column, codes) in columns.items():
        asked = getattr(quantity, dimension)
        if asked != ALL:
            keep &= rows[column].isin([place for place, code in enumerate(codes) if set(code.split("+")) <= set(asked.split("+"))])
    return rows[keep]


def _compared(claim: Claim, estimates: Estimates, register: Register) -> Compared | None:
    if claim.relation in ("qualitative", "duration"):
        return None
    if claim.items:
        return _list(claim, estimates, register)
    if claim.ratio:
        return _ratio(claim, estimates, register)
    number = computed_number(claim, estimates)
    if number is None or number.bounded.claims != {register.source_id}:
        return None
    printed = printed_number(claim)
    value, literally = number.bounded.value, claim.printed.value / UNITS[printed.unit].scale
    within = printed.bounded.lower <= value and (printed.bounded.upper is None or value <= printed.bounded.upper)
    verdict = AGREES if value == literally else ROUNDING if within else DIFFERS
    unit = "percentage_point" if printed.unit == "percent" else printed.unit
    return Compared(claim, verdict, number, difference=_number(value - literally, unit, printed.decimals, register))


def _ratio(claim: Claim, estimates: Estimates, register: Register) -> Compared | None:
    ends = [_value(quantity, estimates, register) for quantity in (claim.quantity, claim.whole)]
    if None in ends:
        return None
    part, whole = (_number(end, "count", 0, register) for end in ends)
    verdict = AGREES if tuple(ends) == claim.ratio else DIFFERS
    return Compared(claim, verdict, part, whole, _number(ends[0] - claim.ratio[0], "count", 0, register))


def _list(claim: Claim, estimates: Estimates, register: Register) -> Compared | None:
    quantity = claim.quantity
    dimension = estimates.vocabulary.measures[quantity.measure].list_of
    if not dimension or _value(quantity, estimates, register) is None:
        return None
    scope = {d: getattr(quantity, d) for d in ("scheme_kind", "support_type", "sector", "province")}
    used = estimates.members(quantity.measure, quantity.period, quantity.centre, **scope)
    if used is None:
        return None
    missing, added = (tuple(sorted(codes)) for codes in (set(claim.items) - used, used - set(claim.items)))
    return Compared(claim, DIFFERS if missing or added else AGREES, missing=missing, added=added)


def _value(quantity: Quantity | None, estimates: Estimates, register: Register) -> Fraction | None:
    """A quantity's value where the register gives it."""
    if quantity is None:
        return None
    scope = {d: getattr(quantity, d) for d in ("scheme_kind", "support_type", "sector", "province")}
    found = estimates.get(quantity.measure, quantity.period, quantity.centre, **scope)
    return found.value if found is not None and found.claims == {register.source_id} else None


def _number(value: Fraction, unit: str, decimals: int, register: Register) -> Number:
    return Number("", Bounded(value, value, value, frozenset({register.source_id})), unit, decimals)
