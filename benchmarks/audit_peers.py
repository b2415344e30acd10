"""Three other ways of looking for wrong figures, each as good as it can be made: GRIM, a plain check of totals and percentages, and a
Fellegi–Holt search on exact points.

Each returns whether it objects to the report, and the claims it names, the most suspect first.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field, replace
from fractions import Fraction

from audit_reference import single_years, stands_for
from audit_reports import VOCABULARY
from ortools.linear_solver import pywraplp

from kcq_eval.audit.constraints import build_system
from kcq_eval.claims import Claim, Published, Quantity

ALL = "all"


@dataclass(frozen=True)
class Opinion:
    """What a peer says: `objects` is None where it gave no answer."""

    objects: bool | None
    named: tuple[str, ...] = ()


def _plain_values(published: Published) -> dict[Quantity, list[tuple[Claim, Fraction, Fraction]]]:
    """For each quantity the claims that print it without a hedge, with the least and the most it can be."""
    found: dict[Quantity, list] = {}
    for claim in published.claims:
        if claim.relation == "value" and not claim.printed.hedge:
            found.setdefault(claim.quantity, []).append((claim, *stands_for(claim)[:2]))
    return found


def grim(published: Published) -> Opinion:
    """Whether a percentage or an average of counts can come from whole numbers, given the printed count it is taken of.

    It names the percentage. Besides shares and averages it looks at growth, which is a percentage of the period before.
    """
    counts = {q: claims[0][1] for q, claims in _plain_values(published).items() if claims[0][1] == claims[0][2]}
    named = []
    for claim in published.claims:
        by = counts.get(claim.whole or claim.reference)
        if claim.relation not in ("share", "growth", "average") or not by or claim.quantity.measure == "funding":
            continue
        low, high = _times(claim, by, by)
        if math.ceil(low) > math.floor(high) and not (claim.printed.hedge):
            named.append(claim.claim_id)
    return Opinion(bool(named), tuple(named))


def _times(claim: Claim, least: Fraction, most: Fraction) -> tuple[Fraction, Fraction]:
    """Between which values a share's, growth's or average's part lies if its whole lies between these."""
    low, high = stands_for(claim)[:2]
    if claim.relation == "growth":
        low, high = (100 + low, 100 + high) if claim.direction == "up" else (100 - high, 100 - low)
    unit = 1 if claim.relation == "average" else 100
    return min(low * least, low * most) / unit, high * most / unit


@dataclass
class _Checks:
    """Checks made: each with the figure that is its result, the other figures in it, and whether it failed."""

    failed: dict[str, int] = field(default_factory=dict)
    results: set[str] = field(default_factory=set)
    passed: dict[str, int] = field(default_factory=dict)

    def add(self, result: Claim, others: list[Claim], holds: bool) -> None:
        tally = self.passed if holds else self.failed
        for claim in (result, *others):
            tally[claim.claim_id] = tally.get(claim.claim_id, 0) + 1
        if not holds:
            self.results.add(result.claim_id)


def plain_check(published: Published) -> Opinion:
    """Every total against its parts, every percentage, growth, difference and average against the printed numbers it comes from.

    Tolerance: half a unit of the last place of each figure, carried through exactly. Figures are named by the number of failed
    checks they are in; then the result of a failed check before its parts, then whichever passed fewer checks.
    """
    values, checks = _plain_values(published), _Checks()
    one = {quantity: told[0] for quantity, told in values.items()}
    for told in values.values():
        for (first, low, high), (second, low2, high2) in itertools.combinations(told, 2):
            checks.add(second, [first], low <= high2 and low2 <= high)
    for whole in one:
        for parts, complete in _breakdowns(whole, one):
            low, high = (sum(one[part][i] for part in parts) for i in (1, 2))
            claim, least, most = one[whole]
            checks.add(claim, [one[part][0] for part in parts], low <= most and (least <= high or not complete))
    for claim in published.claims:
        part, by = one.get(claim.quantity), one.get(claim.whole or claim.reference)
        if claim.relation == "list" and part:
            checks.add(part[0], [claim], part[1] == len(claim.items))
        elif claim.relation == "ratio" and part:
            checks.add(claim, [part[0]], part[1] == claim.ratio[0])
        elif claim.relation == "difference" and part and by:
            low, high = stands_for(claim)[:2]
            (_, a, b), (_, c, d) = (part, by) if claim.direction == "up" else (by, part)
            checks.add(claim, [part[0], by[0]], low <= b - c and a - d <= high)
        elif claim.relation in ("share", "growth", "average") and part and by:
            low, high = _times(claim, by[1], by[2])
            checks.add(claim, [part[0], by[0]], low <= part[2] and part[1] <= high)
    for claim in published.claims:
        if claim.relation == "share_change":
            before = replace(claim.whole, period=claim.reference.period)
            figures = [one.get(q) for q in (claim.quantity, claim.whole, claim.reference, before)]
            if None not in figures and all(whole[1] for whole in figures[1::2]):
                (_, a, b), (_, c, d), (_, e, f), (_, g, h) = figures
                points = [(a / d - f / g) * 100, (b / c - e / h) * 100]
                least, most = points if claim.direction == "up" else (-points[1], -points[0])
                low, high = stands_for(claim)[:2]
                checks.add(claim, [figure[0] for figure in figures], low <= most and least <= high)
    order = {claim.claim_id: i for i, claim in enumerate(published.claims)}
    named = sorted(checks.failed, key=lambda c: (-checks.failed[c], c not in checks.results, checks.passed.get(c, 0), order[c]))
    return Opinion(bool(named), tuple(named))


def _breakdowns(whole: Quantity, printed: dict) -> list[tuple[list[Quantity], bool]]:
    """The printed parts of a total by each rule, and whether they are all of it."""
    found = []
    for rule in VOCABULARY.partitions:
        if rule.measure == whole.measure and getattr(whole, rule.dimension) == rule.whole:
            parts = [replace(whole, **{rule.dimension: code}) for code in rule.parts]
            if all(part in printed for part in parts):
                found.append((parts, True))
    adds_up = VOCABULARY.measures[whole.measure].adds_up_over
    if "period" in adds_up and len(whole.period.years) > 1:
        parts = [replace(whole, period=year) for year in single_years(whole.period)]
        if all(part in printed for part in parts):
            found.append((parts, True))
    for dimension in ("province", "sector", "support_type"):
        if dimension in adds_up and getattr(whole, dimension) == ALL:
            parts = [part for code in VOCABULARY.codes(dimension) if (part := replace(whole, **{dimension: code})) in printed]
            if len(parts) > 1:
                found.append((parts, False))
    return found


BIG_M = 1e7  # errorlocate's default; a value beyond it is treated as missing
SECONDS = 10


def fellegi_holt(published: Published, seed: int, *, tolerances: bool) -> Opinion:
    """The fewest figures to change so that all linear edits hold, as R's errorlocate looks for them: a mixed-integer program with big M.

    Values are points, in the programme's units (million đồng). Edits are the same structural rules that the audit uses. A ratio
    cannot be an edit between fields, so a share, growth or average is an edit with constants: it can object, but never be named.
    A value beyond big M is missing, and free. Weights are perturbed at random, which breaks ties. `tolerances` writes half a unit of
    the last place of each figure into the edits, as a careful user would.
    """
    rng = random.Random(seed)
    solver = pywraplp.Solver.CreateSolver("HIGHS")
    solver.SetTimeLimit(SECONDS * 1000)
    solver.SetNumThreads(1)
    variables: dict[Quantity, pywraplp.Variable] = {}
    changed: dict[str, pywraplp.Variable] = {}
    printed: dict[str, tuple] = {}

    def at(quantity: Quantity) -> pywraplp.Variable:
        if quantity not in variables:
            whole = VOCABULARY.measures[quantity.measure].unit == "count"
            variables[quantity] = (solver.IntVar if whole else solver.NumVar)(0, solver.infinity(), "")
        return variables[quantity]

    def figure(claim_id: str, total, value: float, half: float = 0.0) -> None:
        if abs(value) <= BIG_M:
            changed[claim_id], printed[claim_id] = solver.BoolVar(""), (total, value, half * tolerances)
            solver.Add(total - value <= BIG_M * changed[claim_id])
            solver.Add(value - total <= BIG_M * changed[claim_id])

    claims = [claim for claim in published.claims if claim.relation != "share_change"]  # not linear
    halves: dict[Quantity, float] = {}
    for claim in claims:
        if claim.relation == "value" and not claim.printed.hedge:
            low, high = stands_for(claim)[:2]
            unit = 10**6 if claim.quantity.measure == "funding" else 1
            halves[claim.quantity] = max(halves.get(claim.quantity, 0.0), float((high - low) / 2 / unit) * tolerances)
    for claim in claims:
        unit = 10**6 if claim.quantity.measure == "funding" else 1
        if claim.relation == "list":
            figure(claim.claim_id, at(claim.quantity), len(claim.items))
            continue
        if claim.relation == "ratio":
            figure(claim.claim_id, at(claim.quantity), claim.ratio[0])
            continue
        low, high = stands_for(claim)[:2]
        middle, half = float((low + high) / 2 / unit), float((high - low) / 2 / unit)
        sign = -1 if claim.direction == "down" else 1
        if claim.relation == "value" and claim.printed.hedge:
            solver.Add(at(claim.quantity) >= float(low / unit))
            solver.Add(at(claim.quantity) <= float(high / unit))
        elif claim.relation == "value":
            figure(claim.claim_id, at(claim.quantity), middle, half)
        elif claim.relation == "difference":
            gap = solver.NumVar(-solver.infinity(), solver.infinity(), "")
            slack = half * tolerances + halves.get(claim.quantity, 0.0) + halves.get(claim.reference, 0.0)
            solver.Add(gap - sign * (at(claim.quantity) - at(claim.reference)) <= slack)
            solver.Add(sign * (at(claim.quantity) - at(claim.reference)) - gap <= slack)
            figure(claim.claim_id, gap, middle, half)
        else:
            by = claim.whole or claim.reference
            least, most = _times(claim, Fraction(1), Fraction(1))
            scale = Fraction(10**6 if by.measure == "funding" else 1, unit)
            least, most, slack = float(least * scale), float(most * scale), halves.get(claim.quantity, 0.0)
            solver.Add(at(claim.quantity) - least * at(by) >= -slack - abs(least) * halves.get(by, 0.0))
            solver.Add(at(claim.quantity) - most * at(by) <= slack + abs(most) * halves.get(by, 0.0))
    for rule in build_system(published).rules:
        if any(_is_member(quantity) for quantity in rule.quantities):
            continue
        for part in rule.parts:
            total = sum(float(c) * at(q) for q, c in part.terms)
            slack = sum(halves.get(q, 0.0) for q, _ in part.terms)
            if part.interval.upper is not None:
                solver.Add(total <= float(part.interval.upper) + slack)
            if part.interval.lower is not None:
                solver.Add(total >= float(part.interval.lower) - slack)
    weights = {claim: 1 + rng.random() / (10 * len(changed)) for claim in changed}
    solver.Minimize(sum(weights[claim] * mark for claim, mark in changed.items()))
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        return Opinion(None)
    # A mark within the solver's tolerance of 0 lets big M move a figure: what moved needlessly is put back, the rest counts as changed.
    named = [claim for claim, mark in changed.items() if mark.solution_value() > 0.5]
    moved = [c for c, (total, value, half) in printed.items() if abs(total.solution_value() - value) > half + 1e-6 * max(1.0, abs(value))]
    for claim, mark in changed.items():
        if claim not in named:
            mark.SetUb(0)
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        named = list({*named, *moved})
    named.sort(key=weights.__getitem__)
    return Opinion(bool(named), tuple(named))


def _is_member(quantity: Quantity) -> bool:
    dimension = VOCABULARY.measures[quantity.measure].list_of
    return bool(dimension) and getattr(quantity, dimension) != ALL
