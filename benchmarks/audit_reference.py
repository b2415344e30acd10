"""An independent answer to the audit's question, for small reports: Z3 over the cells of the programme.

It shares no code with the audit. Where the audit relates the quantities that claims mention, here every cell exists: facilities for each
scheme kind and support type, funding for each single year and scheme kind, one 0-or-1 for each province on a list. A claim's number
is read from its text with a reader of its own. So this is what the words mean in full; the audit may know less, never more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import z3
from audit_reports import KINDS, SERVED, TYPES, plain_number

from kcq_eval.claims import Claim, Quantity
from kcq_eval.parameters import Period

ALL = "all"
SIZES = {"vnd": 1, "thousand_vnd": 10**3, "million_vnd": 10**6, "billion_vnd": 10**9}
SECONDS = 5  # for one question


class Reference:
    """The full meaning of some claims; `holds` answers for any part of them."""

    def __init__(self, claims: Iterable[Claim]):
        self._claims = tuple(claims)
        quantities = {q for c in self._claims for q in (c.quantity, c.reference, c.whole) if q}
        quantities |= {replace(c.whole, period=c.reference.period) for c in self._claims if c.relation == "share_change"}
        self._by_measure = {m: sorted((q for q in quantities if q.measure == m), key=lambda q: q.key) for m in {q.measure for q in quantities}}
        self._solver = z3.Solver()
        self._solver.set("timeout", SECONDS * 1000)
        self._cells: dict = {}
        for measure, family in sorted(self._by_measure.items()):
            if measure == "funding":
                self._funding(family)
            elif measure in ("provinces_covered", "support_types_used"):
                self._lists(measure, family)
            else:
                self._counts(measure, family)
        self._marks = {claim.claim_id: z3.Bool(claim.claim_id) for claim in self._claims}
        for claim in self._claims:
            self._solver.add(z3.Implies(self._marks[claim.claim_id], z3.And(self._meaning(claim))))

    def holds(self, without: Iterable[str] = ()) -> bool | None:
        """Whether all claims but some can be true together; None if no answer was found in time."""
        left_out = set(without)
        answer = self._solver.check([mark for claim, mark in self._marks.items() if claim not in left_out])
        return None if answer == z3.unknown else answer == z3.sat

    def singles(self) -> tuple[str, ...] | None:
        """Claims each of which alone would have to be wrong for all others to be true; None if an answer was missing."""
        if self.holds() is not False:
            return () if self.holds() else None
        core = {str(mark) for mark in self._solver.unsat_core()}
        answers = {claim: self.holds([claim]) for claim in self._marks if claim in core}
        return None if None in answers.values() else tuple(claim for claim, alone in answers.items() if alone)

    # Cells

    def _cell(self, *key, real: bool = False):
        if key not in self._cells:
            self._cells[key] = (z3.Real if real else z3.Int)("/".join(map(str, key)))
            self._solver.add(self._cells[key] >= 0)
        return self._cells[key]

    def _counts(self, measure: str, family: list[Quantity]) -> None:
        """Cells by scheme kind (and support type); a year's or a province's are no more than the period's or all's."""
        kinds = (ALL,) if measure == "provinces_served" else KINDS
        places = sorted({(q.period, q.province) for q in family})
        for (period, province), (outer, outer_province) in itertools.permutations(places, 2):
            if period in outer and outer_province in (province, ALL) and measure != "provinces_served":
                for kind, kind_of in itertools.product(kinds, self._types(measure)):
                    self._solver.add(self._cell(measure, period, province, kind, kind_of) <= self._cell(measure, outer, outer_province, kind, kind_of))

    def _types(self, measure: str) -> tuple[str, ...]:
        return TYPES if measure == "facilities" else (ALL,)

    def _funding(self, family: list[Quantity]) -> None:
        """Cells by single year and scheme kind; provinces, sectors and support types are each no more than all together."""
        years = {year for q in family for year in q.period.years}
        for dimension in ("province", "sector", "support_type"):
            codes = sorted({getattr(q, dimension) for q in family} - {ALL})
            for year, kind in itertools.product(sorted(years), KINDS):
                if codes:
                    parts = z3.Sum([self._cell("funding", year, kind, dimension, code, real=True) for code in codes])
                    self._solver.add(parts <= self._cell("funding", year, kind, ALL, ALL, real=True))

    def _lists(self, measure: str, family: list[Quantity]) -> None:
        """One 0-or-1 for each code, period and scheme kind; on the list of a part means on the list of its whole."""
        named = {item for c in self._claims if c.quantity.measure == measure for item in c.items}
        self._codes = getattr(self, "_codes", {}) | {measure: self._possible(measure, named)}
        places = sorted({(q.period, q.scheme_kind) for q in family})
        for place, code in itertools.product(places, self._codes[measure]):
            self._solver.add(self._cell(measure, *place, code) <= 1)
        for (period, kind), (outer, outer_kind) in itertools.permutations(places, 2):
            if period in outer and outer_kind in (kind, ALL):
                for code in self._codes[measure]:
                    self._solver.add(self._cell(measure, period, kind, code) <= self._cell(measure, outer, outer_kind, code))

    def _possible(self, measure: str, named: set[str]) -> list[str]:
        return sorted(named | set(SERVED if measure == "provinces_covered" else (*TYPES, "conference")))

    def _total(self, q: Quantity):
        """A quantity as the sum of its cells."""
        kinds = KINDS if q.scheme_kind == ALL else (q.scheme_kind,)
        match q.measure:
            case "funding":
                dimension, code = next(((d, getattr(q, d)) for d in ("province", "sector", "support_type") if getattr(q, d) != ALL), (ALL, ALL))
                cells = [self._cell("funding", year, kind, dimension, code, real=True) for year in q.period.years for kind in kinds]
            case "provinces_covered" | "support_types_used":
                cells = [self._cell(q.measure, q.period, q.scheme_kind, code) for code in self._codes[q.measure]]
            case "provinces_served":
                cells = [self._cell(q.measure, q.period, ALL, ALL, ALL)]
            case _:
                types = (q.support_type,) if q.support_type != ALL else self._types(q.measure)
                cells = [self._cell(q.measure, q.period, q.province, kind, kind_of) for kind in kinds for kind_of in types]
        return z3.Sum(cells)

    # Claims

    def _share(self, part: Quantity, whole: Quantity):
        """A share as a number of its own: the one place where two unknowns are multiplied."""
        share = self._cell("share", part.key, whole.key, real=True)
        self._solver.add(self._total(whole) > 0, share * self._total(whole) == self._total(part))
        return share

    def _meaning(self, claim: Claim) -> list:
        total = self._total(claim.quantity)
        if claim.relation == "list":
            on = {code: self._cell(claim.quantity.measure, claim.quantity.period, claim.quantity.scheme_kind, code) for code in self._codes[claim.quantity.measure]}
            return [cell == int(code in claim.items) for code, cell in on.items()]
        if claim.relation == "ratio":
            return [total == claim.ratio[0], self._total(claim.whole) == claim.ratio[1]]
        low, high, low_open, high_open = stands_for(claim)
        if claim.relation == "value":
            return _between(total, z3.RealVal(1), low, high, low_open, high_open)
        sign = -1 if claim.direction == "down" else 1
        if claim.relation == "share_change":
            shares = self._share(claim.quantity, claim.whole), self._share(claim.reference, replace(claim.whole, period=claim.reference.period))
            return _between(sign * (shares[0] - shares[1]) * 100, z3.RealVal(1), low, high, low_open, high_open)
        other = self._total(claim.reference or claim.whole)
        if claim.relation == "difference":
            return _between(sign * (total - other), z3.RealVal(1), low, high, low_open, high_open)
        if claim.relation == "growth":
            low, high = (100 + low, 100 + high) if sign > 0 else (100 - high, 100 - low)
        percent = 1 if claim.relation == "average" else 100
        return [other > 0, *_between(total * percent, other, low, high, low_open, high_open)]


def _between(total, unit, low, high, low_open: bool, high_open: bool) -> list:
    """low · unit ≤ total ≤ high · unit."""
    ends = []
    for end, strict, below in ((low, low_open, True), (high, high_open, False)):
        scaled = z3.Q(end.numerator, end.denominator) * unit
        ends.append((scaled < total if strict else scaled <= total) if below else (total < scaled if strict else total <= scaled))
    return ends


def stands_for(claim: Claim) -> tuple[Fraction, Fraction, bool, bool]:
    """Between which numbers the printed one lies, in base units, and whether each end is excluded."""
    number, decimals = plain_number(claim.printed.text)
    size = SIZES.get(claim.printed.unit, 1)
    value, step = number * size, Fraction(size, 10**decimals)
    if claim.printed.hedge:
        reach = step
        while value and value % (reach * 10) == 0:
            reach *= 10
        return {
            "over": (value, value + reach, True, False), "nearly": (value - reach, value, False, True), "about": (value - reach, value + reach, False, False),
        }[claim.printed.hedge]  # fmt: skip
    if claim.printed.unit == "count" and not decimals and claim.relation != "average":
        return value, value, False, False
    return value - step / 2, value + step / 2, False, False


def single_years(period: Period) -> tuple[Period, ...]:
    """A period's years, each as a period."""
    return tuple(Period(year, year) for year in period.years)
