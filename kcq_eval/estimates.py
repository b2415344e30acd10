"""Estimates: what the evaluation knows of every quantity, with bounds. Everything later reads only these.

Claims and a register both end here; indicators never ask where an estimate came from.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from kcq_eval.audit.constraints import constrain
from kcq_eval.audit.explanations import Audit
from kcq_eval.claims import Quantity
from kcq_eval.parameters import Period
from kcq_eval.printed import UNITS
from kcq_eval.vocabulary import ALL, DIMENSIONS, Vocabulary

COLUMNS = ("measure", "period", "centre", *DIMENSIONS, "value", "lower", "upper", "unit", "basis", "claims", "depends_on_explanation", "corrections")
PRINTED, DERIVED, REGISTER = "printed", "derived", "register"


@dataclass(frozen=True)
class Bounded:
    """A number known to lie between two bounds, and what it rests on. Arithmetic keeps the bounds sound.

    Attributes:
        value: The point shown: as printed where printed, else the middle of the bounds.
        lower, upper: Exact bounds in `unit`; `upper` None is unbounded.
        claims: Ids of the claims it rests on.
        depends: Whether it would differ under another of the tied explanations.
        basis: `printed` (a claim states it), `register` (rows say it exactly), or `derived`.
        corrections: Ids of the claims with a confirmed correction without which it would, or could, be different.
        quantities: The quantities that it was computed from.
    """

    value: Fraction
    lower: Fraction
    upper: Fraction | None
    claims: frozenset[str] = frozenset()
    depends: bool = False
    basis: str = DERIVED
    corrections: frozenset[str] = frozenset()
    quantities: frozenset[Quantity] = frozenset()

    @classmethod
    def exactly(cls, value: int | Fraction) -> Bounded:
        return cls(Fraction(value), Fraction(value), Fraction(value))

    @classmethod
    def resting_on(cls, grounds: Iterable[Bounded], value: Fraction, lower: Fraction, upper: Fraction | None) -> Bounded:
        """A number that follows from others: their claims, and whatever they depend on."""
        grounds = tuple(grounds)
        claims, corrections, quantities = (
            frozenset().union(*(getattr(g, name) for g in grounds)) for name in ("claims", "corrections", "quantities")
        )
        return cls(value, lower, upper, claims, any(g.depends for g in grounds), DERIVED, corrections, quantities)

    @property
    def marked(self) -> bool:
        """Whether it is shown with an asterisk: it depends on the accepted explanation or on a confirmed correction."""
        return self.depends or bool(self.corrections)

    @property
    def is_point(self) -> bool:
        return self.lower == self.upper

    def __add__(self, other: Bounded) -> Bounded:
        return self._with(other, self.value + other.value, self.lower + other.lower, _added(self.upper, other.upper))

    def __sub__(self, other: Bounded) -> Bounded:
        """Other must be bounded from above."""
        upper = None if self.upper is None else self.upper - other.lower
        return self._with(other, self.value - other.value, self.lower - other.upper, upper)

    def __mul__(self, other: Bounded) -> Bounded:
        """Both must be bounded."""
        ends = [a * b for a in (self.lower, self.upper) for b in (other.lower, other.upper)]
        return self._with(other, self.value * other.value, min(ends), max(ends))

    def __truediv__(self, other: Bounded) -> Bounded | None:
        """None where the divisor may be zero; self must be bounded."""
        if other.lower <= 0 <= (other.upper if other.upper is not None else 1):
            return None
        inverse_upper = 1 / other.lower
        inverse_lower = Fraction(0) if other.upper is None else 1 / other.upper
        ends = [a * b for a in (self.lower, self.upper) for b in (inverse_lower, inverse_upper)]
        return self._with(other, self.value / other.value, min(ends), max(ends))

    def scaled(self, factor: int | Fraction) -> Bounded:
        """Times a positive constant."""
        upper = None if self.upper is None else self.upper * factor
        return Bounded.resting_on([self], self.value * factor, self.lower * factor, upper)

    def shifted(self, by: int | Fraction) -> Bounded:
        upper = None if self.upper is None else self.upper + by
        return Bounded.resting_on([self], self.value + by, self.lower + by, upper)

    def within(self, lower: Fraction, upper: Fraction) -> Bounded:
        """The same number with tighter bounds that are known otherwise."""
        return replace(self, value=min(max(self.value, lower), upper), lower=lower, upper=upper)

    def _with(self, other: Bounded, value: Fraction, lower: Fraction, upper: Fraction | None) -> Bounded:
        return Bounded.resting_on([self, other], value, lower, upper)


def _added(first: Fraction | None, second: Fraction | None) -> Fraction | None:
    return None if first is None or second is None else first + second


class Estimates:
    """Every quantity's estimate, in the unit of its measure."""

    def __init__(self, vocabulary: Vocabulary, found: dict[Quantity, Bounded]):
        self.vocabulary = vocabulary
        self._found = found

    def get(self, measure: str, period: Period, centre: str, **dimensions: str) -> Bounded | None:
        """The estimate of one quantity; None where nothing is reported. Dimensions left out are `all`."""
        return self.of(Quantity(measure, period, centre, **dimensions))

    def of(self, quantity: Quantity) -> Bounded | None:
        found = self._found.get(quantity)
        return None if found is None else replace(found, quantities=frozenset({quantity}))

    def members(self, measure: str, period: Period, centre: str, **dimensions: str) -> frozenset[str] | None:
        """Codes on the list that a measure counts (provinces covered, …); None where no list is reported."""
        dimension = self.vocabulary.measure(measure).list_of
        total = Quantity(measure, period, centre, **dimensions)
        listed = {getattr(q, dimension): e for q, e in self._about(total) if _is_member(q, total, dimension)}
        if not listed or not all(estimate.is_point for estimate in listed.values()):
            return None
        return frozenset(code for code, estimate in listed.items() if estimate.value == 1)

    def behind_list(self, measure: str, period: Period, centre: str, **dimensions: str) -> tuple[Bounded, ...]:
        """The estimates that a list rests on: how many codes are on it, and each code that could be; none where nothing is reported."""
        dimension = self.vocabulary.measure(measure).list_of
        total = Quantity(measure, period, centre, **dimensions)
        return tuple(e for q, e in self._about(total) if q == total or _is_member(q, total, dimension))

    def _about(self, total: Quantity) -> list[tuple[Quantity, Bounded]]:
        """The estimates of a measure, period and centre, whatever their dimensions."""
        return self._by_measure.get((total.measure, total.period, total.centre), [])

    @functools.cached_property
    def _by_measure(self) -> dict[tuple[str, Period, str], list[tuple[Quantity, Bounded]]]:
        sorted_out: dict[tuple[str, Period, str], list[tuple[Quantity, Bounded]]] = {}
        for quantity, bounded in self._found.items():
            sorted_out.setdefault((quantity.measure, quantity.period, quantity.centre), []).append((quantity, bounded))
        return sorted_out

    def led_by(self, found: dict[Quantity, Bounded]) -> Estimates:
        """These estimates, with others in their place in every period that the others speak of."""
        periods = {quantity.period for quantity in found}
        return Estimates(self.vocabulary, {q: e for q, e in self._found.items() if q.period not in periods} | found)

    def periods(self) -> list[Period]:
        """The periods that anything is reported for."""
        return sorted({quantity.period for quantity in self._found})

    def frame(self):
        """One row per quantity with the columns `COLUMNS`; numbers are exact fractions."""
        import pandas as pd

        rows = [
            (
                q.measure, str(q.period), q.centre, *(getattr(q, d) for d in DIMENSIONS), e.value, e.lower, e.upper,
                self.vocabulary.measure(q.measure).unit, e.basis, ";".join(sorted(e.claims)), e.depends,
                ";".join(sorted(e.corrections)),
            )
            for q, e in self._found.items()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(COLUMNS))


def _is_member(quantity: Quantity, total: Quantity, dimension: str) -> bool:
    if quantity.measure != total.measure or quantity.period != total.period or quantity.centre != total.centre:
        return False
    return getattr(quantity, dimension) != ALL and all(
        getattr(quantity, other) == getattr(total, other) for other in DIMENSIONS if other != dimension
    )


def estimate(audit: Audit, set_aside: Iterable[str]) -> Estimates:
    """Estimates from the claims that remain when the accepted explanation is set aside.

    An estimate depends on the explanation if another tied one would give other bounds.
    """
    set_aside = tuple(set_aside)
    vocabulary = audit.published.vocabulary
    extents = audit.extents(set_aside)
    depends = audit.depends(set_aside)
    stated = _stated(audit, set_aside)
    found = {}
    for quantity, extent in extents.items():
        if extent is None:
            continue
        scale = UNITS[vocabulary.measure(quantity.measure).unit].scale
        lower, upper = (None if end is None else end / scale for end in extent)
        value = stated.get(quantity)
        if value is None:
            point, basis = ((lower + upper) / 2 if upper is not None else lower), DERIVED
        else:
            point, basis = min(max(value / scale, lower), upper if upper is not None else value / scale), PRINTED
        found[quantity] = Bounded(
            point, lower, upper, frozenset(audit.reasons(quantity, set_aside)), quantity in depends, basis
        )
    return Estimates(vocabulary, found)


def with_corrections(audit: Audit, set_aside: Iterable[str], as_printed: Audit, confirmed: Iterable[str]) -> Estimates:
    """The same where confirmed corrections were made to the claims, each estimate with the corrections it depends on.

    An estimate depends on a correction if it rests on the corrected claim; or if, with every figure as printed, it would be
    different or an explanation would have to be chosen for it. Where several corrections meet, all that could matter are named.

    Args:
        audit: Of the corrected claims.
        set_aside: The explanation of `audit` that is accepted.
        as_printed: The audit of the same claims as printed.
        confirmed: Ids of the claims that were corrected or left out.
    """
    set_aside, confirmed = tuple(set_aside), frozenset(confirmed)
    before, after = estimate(as_printed, as_printed.left_out(set_aside))._found, estimate(audit, set_aside)._found
    reach: dict[Quantity, frozenset[str]] = {}
    for part in (*as_printed.parts, *audit.parts):
        for quantity in part.quantities:
            reach[quantity] = reach.get(quantity, frozenset()) | confirmed & set(part.claims)
    found = {}
    for quantity, bounded in after.items():
        printed = before.get(quantity)
        same = printed and (printed.value, printed.lower, printed.upper) == (bounded.value, bounded.lower, bounded.upper)
        decided = printed and printed.depends and not bounded.depends
        corrections = bounded.claims & confirmed if same and not decided else reach[quantity]
        found[quantity] = replace(bounded, corrections=corrections)
    return Estimates(audit.published.vocabulary, found)


def _stated(audit: Audit, set_aside: tuple[str, ...]) -> dict[Quantity, Fraction]:
    """What claims say outright, in base units; the first claim where several speak of the same quantity."""
    stated: dict[Quantity, Fraction] = {}
    for claim in audit.published.claims:
        constraint = None if claim.claim_id in set_aside else constrain(claim, audit.published.vocabulary)
        for part in constraint.parts if constraint else ():
            ((quantity, _), *others) = part.terms
            if not others and part.interval.lower is not None and part.interval.upper is not None:
                literally = claim.printed.value if claim.relation == "value" else part.interval.lower
                stated.setdefault(quantity, literally)
    return stated
