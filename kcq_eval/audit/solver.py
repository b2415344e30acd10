"""Exact answers about linear constraints. The only module that knows the solvers.

Counts are whole numbers, money is any fraction of a đồng. Each constraint first narrows its quantities' ranges; then OR-Tools
CP-SAT answers where all are bounded counts within 64 bits, and Z3 where money comes in or a range stays open. No range is
ever assumed. Limits are counted in the solvers' own steps, not in seconds, so that the same question gets the same answer on
every machine. An answer is yes, no, or unknown; unknown never accuses.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from ortools.sat.python import cp_model

from kcq_eval.audit.constraints import Constraint, Linear, System
from kcq_eval.claims import Quantity
from kcq_eval.printed import Interval

WORK_LIMIT = 60.0  # CP-SAT's deterministic "seconds" for one question
STEP_LIMIT = 10_000_000  # Z3's resource count for one question
END_LIMIT = 500_000  # and for the end of a range, which may be left as wide as narrowing left it
_LARGEST_SUM = 2**60  # CP-SAT adds in 64 bits and wants room
_ROUNDS = 20  # of narrowing; what it leaves is for the solvers

Exact = int | Fraction
Range = tuple[Exact, Exact | None]  # from, to; None is unbounded


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Undecided(Exception):
    """No answer within the limit."""


@dataclass(frozen=True)
class Row:
    """Σ coefficient · variable lies in the interval; coefficients are whole and have no common factor."""

    terms: tuple[tuple[int, int], ...]
    interval: Interval


class Component:
    """Claims and rules that share quantities, directly or through others; nothing outside can matter to them."""

    def __init__(
        self, quantities: Sequence[Quantity], claims: Sequence[Constraint], rules: Sequence[Constraint], continuous: frozenset[Quantity] = frozenset()
    ):
        self.quantities = tuple(quantities)
        self.claims = tuple(claim.name for claim in claims)
        self._index = {quantity: i for i, quantity in enumerate(self.quantities)}
        self._continuous = [quantity in continuous for quantity in self.quantities]
        self._rule_rows = [self._row(part) for rule in rules for part in rule.parts]
        self._claim_rows = {claim.name: [self._row(part) for part in claim.parts] for claim in claims}
        self._asked: tuple[tuple[str, ...], _Question | None] = ((), None)

    def feasible(self, claims: Iterable[str], also: Sequence[Linear] = ()) -> Answer:
        """Can these claims all hold, and what else is asked for with them?"""
        rows = [*self._rows(claims), *(self._row(part) for part in also)]
        return _Question(rows, self._continuous).answer

    def extent(self, quantity: Quantity, claims: Iterable[str]) -> tuple[Fraction, Fraction | None]:
        """Smallest and largest value of a quantity under the claims; None where nothing bounds it from above.

        An end that the quantity only comes close to is given as if it were reached. Where the solver gives no answer within
        its limit the ends are those of `narrowed`: wider than the truth perhaps, never narrower.

        Raises:
            Undecided: The claims cannot hold.
        """
        claims = tuple(claims)
        if self._asked[0] != claims or self._asked[1] is None:
            self._asked = claims, _Question(self._rows(claims), self._continuous)
        return self._asked[1].extent(self._index[quantity])

    def states(self, claim: str, quantity: Quantity) -> bool:
        """Whether the claim speaks of this quantity without another."""
        return any(len(row.terms) == 1 and row.terms[0][0] == self._index[quantity] for row in self._claim_rows[claim])

    def _rows(self, claims: Iterable[str]) -> list[Row]:
        return [*self._rule_rows, *(row for claim in claims for row in self._claim_rows[claim])]

    def _row(self, part: Linear) -> Row:
        scale = math.lcm(*(coefficient.denominator for _, coefficient in part.terms))
        coefficients = [int(coefficient * scale) for _, coefficient in part.terms]
        divisor = math.gcd(*coefficients) or 1
        terms = tuple((self._index[quantity], c // divisor) for (quantity, _), c in zip(part.terms, coefficients) if c)
        return Row(terms, part.interval.scaled(Fraction(scale, divisor)))


class _Question:
    """Rows over a component's variables, narrowed once, and the solver for what narrowing leaves open."""

    def __init__(self, rows: Sequence[Row], continuous: Sequence[bool]):
        self._rows, self._continuous = rows, continuous
        self._ranges = narrowed(rows, continuous)

    @functools.cached_property
    def answer(self) -> Answer:
        return Answer.NO if self._ranges is None else self._solver.feasible()

    def extent(self, index: int) -> tuple[Fraction, Fraction | None]:
        if self.answer is Answer.NO:
            raise Undecided
        lower, upper = self._ranges[index]
        if lower != upper:
            lower, upper = self._solver.end(index, "minimize", lower), self._solver.end(index, "maximize", upper)
        return Fraction(lower or 0), None if upper is None else Fraction(upper)

    @functools.cached_property
    def _solver(self) -> _SixtyFourBits | _AnySize:
        if not any(self._continuous) and _fits(self._ranges, self._rows):
            return _SixtyFourBits(self._ranges, self._rows)
        return _AnySize(self._ranges, self._rows, self._continuous)


class _SixtyFourBits:
    """CP-SAT over whole numbers whose ranges keep every sum within 64 bits."""

    def __init__(self, ranges: Sequence[Range], rows: Sequence[Row]):
        self._model = cp_model.CpModel()
        self._variables = [self._model.new_int_var(int(lower), int(upper), "") for lower, upper in ranges]
        for row in rows:
            lower, upper = _whole_ends(row.interval)
            total = cp_model.LinearExpr.weighted_sum([self._variables[i] for i, _ in row.terms], [c for _, c in row.terms])
            self._model.add_linear_constraint(total, -_LARGEST_SUM if lower is None else lower, _LARGEST_SUM if upper is None else upper)

    def feasible(self) -> Answer:
        status = _cp_sat().solve(self._model)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer.YES
        return Answer.NO if status == cp_model.INFEASIBLE else Answer.UNKNOWN

    def end(self, index: int, side: str, known: Exact | None) -> Exact | None:
        getattr(self._model, side)(self._variables[index])
        solver = _cp_sat()
        status = solver.solve(self._model)
        self._model.clear_objective()
        if status == cp_model.INFEASIBLE:
            raise Undecided("the claims cannot hold")
        return solver.value(self._variables[index]) if status == cp_model.OPTIMAL else known


class _AnySize:
    """Z3 over numbers of any size: whole ones, and fractions for continuous variables."""

    def __init__(self, ranges: Sequence[Range], rows: Sequence[Row], continuous: Sequence[bool]):
        import z3

        self._variables = [z3.Real(f"q{i}") if fraction else z3.Int(f"q{i}") for i, fraction in enumerate(continuous)]
        self._tests = [test for variable, ends in zip(self._variables, ranges) for test in _tests(variable, Interval(*ends))]
        for row in rows:
            self._tests += _tests(z3.Sum([z3.IntVal(0), *(c * self._variables[i] for i, c in row.terms)]), row.interval)

    def feasible(self) -> Answer:
        import z3

        return self._answer(z3.Solver())

    def end(self, index: int, side: str, known: Exact | None) -> Exact | None:
        import z3

        variable = self._variables[index]
        if known is not None and self._answer(z3.Solver(), _tests(variable, Interval(known, known))) is Answer.YES:
            return known
        optimize = z3.Optimize()
        goal = getattr(optimize, side)(variable)
        answer = self._answer(optimize, limit=END_LIMIT)
        if answer is Answer.NO:
            raise Undecided("the claims cannot hold")
        if answer is Answer.UNKNOWN:
            return known
        infinite, end, _ = goal.lower_values() if side == "minimize" else goal.upper_values()
        return None if infinite.as_long() else Fraction(end.as_fraction() if z3.is_rational_value(end) else end.as_long())

    def _answer(self, solver, also: Sequence = (), *, limit: int | None = None) -> Answer:
        import z3

        solver.set("rlimit", limit or STEP_LIMIT)
        solver.add(self._tests)
        solver.add(also)
        answer = solver.check()
        return Answer.YES if answer == z3.sat else Answer.NO if answer == z3.unsat else Answer.UNKNOWN


def _tests(total, interval: Interval) -> list:
    """A sum's interval as Z3 tests."""
    import z3

    found = []
    for end, strict, (within, beyond) in (
        (interval.lower, interval.lower_open, (total.__ge__, total.__gt__)),
        (interval.upper, interval.upper_open, (total.__le__, total.__lt__)),
    ):
        if end is not None:
            found.append((beyond if strict else within)(z3.Q(end.numerator, end.denominator) if end.denominator > 1 else end.numerator))
    return found


def narrowed(rows: Sequence[Row], continuous: Sequence[bool]) -> list[Range] | None:
    """Between which values each variable must lie, as far as one row after the other tells; None if somewhere nothing is left.

    Sound and exact, but not always the tightest: that is for the solvers, which need small ranges to be fast.
    """
    ranges: list[Range] = [(0, None)] * len(continuous)
    at_most: list[tuple[tuple[tuple[int, int], ...], Exact]] = []
    for row in rows:
        whole = not any(continuous[i] for i, _ in row.terms)
        lower, upper = _whole_ends(row.interval) if whole else (row.interval.lower, row.interval.upper)
        if upper is not None:
            at_most.append((row.terms, upper))
        if lower is not None:
            at_most.append((tuple((i, -c) for i, c in row.terms), -lower))
    touched = set(range(len(continuous)))
    for _ in range(_ROUNDS):
        moved: set[int] = set()
        for terms, most in at_most:
            if terms and touched.isdisjoint(i for i, _ in terms):
                continue
            least = [_least(c, ranges[i]) for i, c in terms]
            unbounded = least.count(None)
            if unbounded > 1:
                continue
            room = most - sum(end for end in least if end is not None)
            if room < 0 and not unbounded:
                return None
            for (i, c), end in zip(terms, least):
                if end is None or not unbounded:
                    cut = _cut(ranges[i], room + (end or 0), c, continuous[i])
                    if cut != ranges[i]:
                        ranges[i] = cut
                        moved.add(i)
                    if cut[1] is not None and cut[0] > cut[1]:
                        return None
        if not moved:
            break
        touched = moved
    return ranges


def _least(coefficient: int, within: Range) -> Exact | None:
    end = within[coefficient < 0]
    return None if end is None else coefficient * end


def _cut(within: Range, room: Exact, coefficient: int, continuous: bool) -> Range:
    """The range where coefficient · variable is at most `room`."""
    lower, upper = within
    if coefficient > 0:
        end = Fraction(room) / coefficient if continuous else room // coefficient
        return lower, end if upper is None else min(upper, end)
    return max(lower, Fraction(room) / coefficient if continuous else -(room // -coefficient)), upper


def _whole_ends(interval: Interval) -> tuple[int | None, int | None]:
    """The whole numbers between which a whole number in the interval lies; a strict end becomes the next one."""
    lower = upper = None
    if interval.lower is not None:
        lower = math.floor(interval.lower) + 1 if interval.lower_open else math.ceil(interval.lower)
    if interval.upper is not None:
        upper = math.ceil(interval.upper) - 1 if interval.upper_open else math.floor(interval.upper)
    return lower, upper


def _fits(ranges: Sequence[Range], rows: Sequence[Row]) -> bool:
    """Whether every range is bounded and no sum over them leaves 64 bits."""
    largest = [upper for _, upper in ranges]
    if None in largest:
        return False
    sums = [sum(abs(c) * largest[i] for i, c in row.terms) for row in rows]
    ends = [abs(end) for row in rows for end in (row.interval.lower, row.interval.upper) if end is not None]
    return max([0, *largest, *sums, *ends]) < _LARGEST_SUM


def components(system: System) -> list[Component]:
    """The system's independent parts, in the order of their first quantity."""
    parent = {quantity: quantity for quantity in system.quantities}

    def root(quantity: Quantity) -> Quantity:
        while parent[quantity] is not quantity:
            parent[quantity] = parent[parent[quantity]]
            quantity = parent[quantity]
        return quantity

    constraints = [*system.claims, *system.rules]
    firsts = [next(iter(constraint.quantities)) for constraint in constraints]
    for constraint, first in zip(constraints, firsts):
        for quantity in constraint.quantities:
            parent[root(quantity)] = root(first)
    groups: dict[Quantity, tuple[list, list, list]] = {}
    for quantity in system.quantities:
        groups.setdefault(root(quantity), ([], [], []))[0].append(quantity)
    for constraint, first in zip(constraints, firsts):
        groups[root(first)][1 if constraint.is_claim else 2].append(constraint)
    return [Component(*group, system.continuous) for group in groups.values()]


def minimal_sets(component: Component, *, limit: int = 2_000) -> tuple[list[frozenset[str]], list[frozenset[str]], bool]:
    """All minimal conflicts and all minimal correction sets among a component's claims (MARCO: Liffiton et al. 2016).

    The map of subsets not yet judged gives a largest one; if its claims can hold together, what it leaves out is a minimal
    correction set, else it is shrunk to a minimal conflict.

    Returns:
        Conflicts, correction sets, and whether these are all: no more than `limit` are looked for.

    Raises:
        Undecided: A question was not answered.
    """
    conflicts: list[frozenset[str]] = []
    corrections: list[frozenset[str]] = []
    subsets = cp_model.CpModel()
    inside = {claim: subsets.new_bool_var("") for claim in component.claims}
    subsets.maximize(sum(inside.values()))
    while len(conflicts) + len(corrections) < limit:
        solver = _cp_sat()
        status = solver.solve(subsets)
        if status == cp_model.INFEASIBLE:
            return conflicts, corrections, True
        if status != cp_model.OPTIMAL:
            raise Undecided("subsets")
        seed = [claim for claim in component.claims if solver.boolean_value(inside[claim])]
        if holds(component, seed):
            corrections.append(frozenset(component.claims) - frozenset(seed))
            subsets.add_bool_or([inside[claim] for claim in corrections[-1]])
        else:
            conflict = shrink(seed, lambda kept: not holds(component, kept))
            conflicts.append(frozenset(conflict))
            subsets.add_bool_or([~inside[claim] for claim in conflicts[-1]])
    return conflicts, corrections, False


def holds(component: Component, claims: Iterable[str]) -> bool:
    """Whether the claims can all hold.

    Raises:
        Undecided: No answer within the limit.
    """
    answer = component.feasible(claims)
    if answer is Answer.UNKNOWN:
        raise Undecided("feasibility")
    return answer is Answer.YES


def shrink(claims: Sequence[str], still: Callable[[list[str]], bool]) -> list[str]:
    """A smallest-by-inclusion part of `claims` for which `still(part)` is true, dropping later ones first."""
    kept = list(claims)
    for claim in reversed(claims):
        rest = [other for other in kept if other != claim]
        if still(rest):
            kept = rest
    return kept


def _cp_sat() -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = WORK_LIMIT
    return solver
