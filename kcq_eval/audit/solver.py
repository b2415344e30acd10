"""Exact answers about linear constraints. The only module that knows the solvers.

Counts are whole numbers, money is any fraction of a đồng. Z3 holds each component once, every claim behind a switch, so that
a question is only which switches are on; what it cannot decide about bounded counts is asked of OR-Tools CP-SAT. Ends of
ranges are first narrowed row by row, exactly. Limits are counted in the solvers' own steps, not in seconds, so that the same
question gets the same answer on every machine. An answer is yes, no, or unknown; unknown never accuses.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from kcq_eval.audit.constraints import Constraint, Linear, System
from kcq_eval.claims import Quantity
from kcq_eval.printed import Interval

WORK_LIMIT = 60.0  # CP-SAT's deterministic "seconds" for one question
STEP_LIMIT = 10_000_000  # Z3's resource count for one question
END_LIMIT = 500_000  # and for the end of a range, which may be left as wide as narrowing left it
SEARCH_LIMIT = 8_000_000  # and for all sets of a component, beyond the smallest corrections
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
        self.fixed = frozenset(claim.name for claim in claims if claim.is_fixed)
        self._index = {quantity: i for i, quantity in enumerate(self.quantities)}
        self._continuous = [quantity in continuous for quantity in self.quantities]
        self._rule_rows = [self._row(part) for rule in rules for part in rule.parts]
        self._claim_rows = {claim.name: [self._row(part) for part in claim.parts] for claim in claims}
        self._narrowed: tuple[tuple[str, ...] | None, list[Range]] = (None, [])

    def __contains__(self, quantity: Quantity) -> bool:
        return quantity in self._index

    def feasible(self, claims: Iterable[str], also: Sequence[Linear] = ()) -> Answer:
        """Can these claims all hold, and what else is asked for with them?"""
        return self._feasible(tuple(claims), [self._row(part) for part in also])

    def _feasible(self, claims: tuple[str, ...], more: Sequence[Row]) -> Answer:
        answer = self._switched.ask(claims, more)
        return counted([*self._rows(claims), *more], self._continuous) if answer is Answer.UNKNOWN else answer

    def conflict(self, claims: Iterable[str]) -> list[str] | None:
        """Some of the claims that cannot all hold, not many more than needed; None where all can.

        Raises:
            Undecided: No answer within the limit.
        """
        claims = tuple(claims)
        if holds(self, claims):
            return None
        return self._switched.core or list(claims)

    @property
    def steps(self) -> int:
        """How much work the questions so far have been."""
        return self._switched.steps

    def extent(self, quantity: Quantity, claims: Iterable[str]) -> tuple[Fraction, Fraction | None]:
        """Smallest and largest value of a quantity under the claims; None where nothing bounds it from above.

        An end that the quantity only comes close to is given as if it were reached. Where the solver gives no answer within
        its limit the ends are those of `narrowed`: wider than the truth perhaps, never narrower.

        Raises:
            Undecided: The claims cannot hold.
        """
        claims, index = tuple(claims), self._index[quantity]
        if self._narrowed[0] != claims:
            if self.feasible(claims) is Answer.NO:
                raise Undecided("the claims cannot hold")
            self._narrowed = claims, narrowed(self._rows(claims), self._continuous)
        lower, upper = self._narrowed[1][index]
        if lower != upper:
            lower, upper = self._end(index, claims, lower, -1), self._end(index, claims, upper, 1)
        return Fraction(lower or 0), None if upper is None else Fraction(upper)

    def _end(self, index: int, claims: tuple[str, ...], known: Exact | None, outward: int) -> Exact | None:
        """The last value in a direction, at `known` or before it."""

        def reaches(end: Exact) -> Answer:
            interval = Interval(Fraction(end), None) if outward > 0 else Interval(None, Fraction(end))
            return self._feasible(claims, [Row(((index, 1),), interval)])

        answer = Answer.NO if known is None else reaches(known)
        if answer is not Answer.NO:
            return known
        if known is None or self._continuous[index]:
            return _optimal(self._rows(claims), self._narrowed[1], self._continuous, index, "maximize" if outward > 0 else "minimize", known)
        beyond, within, step = known, None, 1  # whole numbers: one out of reach, one within, ever closer
        while within is None or abs(beyond - within) > 1:
            tried = known - outward * step if within is None else (beyond + within) // 2
            answer, step = reaches(tried), 2 * step
            if answer is Answer.UNKNOWN:
                return beyond - outward
            beyond, within = (tried, within) if answer is Answer.NO else (beyond, tried)
        return within

    def states(self, claim: str, quantity: Quantity) -> bool:
        """Whether the claim speaks of this quantity without another."""
        return any(len(row.terms) == 1 and row.terms[0][0] == self._index[quantity] for row in self._claim_rows[claim])

    @functools.cached_property
    def _switched(self) -> _Switched:
        return _Switched(self._rule_rows, self._claim_rows, self._continuous)

    def _rows(self, claims: Iterable[str]) -> list[Row]:
        return [*self._rule_rows, *(row for claim in claims for row in self._claim_rows[claim])]

    def _row(self, part: Linear) -> Row:
        scale = math.lcm(*(coefficient.denominator for _, coefficient in part.terms))
        coefficients = [int(coefficient * scale) for _, coefficient in part.terms]
        divisor = math.gcd(*coefficients) or 1
        terms = tuple((self._index[quantity], c // divisor) for (quantity, _), c in zip(part.terms, coefficients) if c)
        return Row(terms, part.interval.scaled(Fraction(scale, divisor)))


class _Numbers:
    """A component's variables in a Z3 context of its own, so that what was asked elsewhere changes no answer."""

    def __init__(self, continuous: Sequence[bool]):
        import z3

        self.z3, self.context = z3, z3.Context()
        self.variables = [(z3.Real if fraction else z3.Int)(f"q{i}", self.context) for i, fraction in enumerate(continuous)]
        self.not_negative = [variable >= 0 for variable in self.variables]

    def tests(self, row: Row) -> list:
        """A row as Z3 tests."""
        if not row.terms:
            return [] if 0 in row.interval else [self.z3.BoolVal(False, self.context)]
        products = [self.variables[i] if c == 1 else c * self.variables[i] for i, c in row.terms]
        total = products[0] if len(products) == 1 else self.z3.Sum(products)
        if row.interval.is_point:
            return [total == self._constant(row.interval.lower)]
        found = []
        if row.interval.lower is not None:
            end = self._constant(row.interval.lower)
            found.append(total > end if row.interval.lower_open else total >= end)
        if row.interval.upper is not None:
            end = self._constant(row.interval.upper)
            found.append(total < end if row.interval.upper_open else total <= end)
        return found

    def _constant(self, end: Fraction):
        if end.denominator == 1:
            return end.numerator
        return self.z3.Q(end.numerator, end.denominator, self.context)

    def check(self, solver, *assumptions, limit: int) -> Answer:
        solver.set("rlimit", limit)
        answer = solver.check(*assumptions)
        return Answer.YES if answer == self.z3.sat else Answer.NO if answer == self.z3.unsat else Answer.UNKNOWN


class _Switched:
    """A component in one Z3 solver: rules always, each claim behind a switch."""

    def __init__(self, rules: Sequence[Row], claims: dict[str, list[Row]], continuous: Sequence[bool]):
        self._numbers = numbers = _Numbers(continuous)
        z3 = numbers.z3
        self._solver = z3.Solver(ctx=numbers.context)
        self._solver.add(numbers.not_negative)
        for row in rules:
            self._solver.add(numbers.tests(row))
        self._switches, self._names = {}, {}
        for i, (claim, rows) in enumerate(claims.items()):
            switch = z3.Bool(f"c{i}", numbers.context)
            self._switches[claim], self._names[f"c{i}"] = switch, claim
            for row in rows:
                self._solver.add([z3.Implies(switch, test) for test in numbers.tests(row)])
        self.core: list[str] = []
        self.steps = 0

    def ask(self, claims: Sequence[str], more: Sequence[Row] = ()) -> Answer:
        """The answer; after a "no" `core` are claims that are enough for it."""
        before = self._counted()
        if more:
            self._solver.push()
            for row in more:
                self._solver.add(self._numbers.tests(row))
        answer = self._numbers.check(self._solver, *(self._switches[claim] for claim in claims), limit=STEP_LIMIT)
        self.core = []
        if answer is Answer.NO:
            order = {claim: i for i, claim in enumerate(claims)}
            self.core = sorted((self._names[str(switch)] for switch in self._solver.unsat_core()), key=order.__getitem__)
        if more:
            self._solver.pop()
        self.steps += self._counted() - before
        return answer

    def _counted(self) -> int:
        statistics = self._solver.statistics()
        return statistics.get_key_value("rlimit count") if "rlimit count" in statistics.keys() else 0


def counted(rows: Sequence[Row], continuous: Sequence[bool]) -> Answer:
    """CP-SAT's answer, where all variables are whole and their ranges keep every sum within 64 bits; else unknown."""
    ranges = narrowed(rows, continuous)
    if ranges is None:
        return Answer.NO
    if any(continuous) or not _fits(ranges, rows):
        return Answer.UNKNOWN
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    variables = [model.new_int_var(int(lower), int(upper), "") for lower, upper in ranges]
    for row in rows:
        lower, upper = _whole_ends(row.interval)
        total = cp_model.LinearExpr.weighted_sum([variables[i] for i, _ in row.terms], [c for _, c in row.terms])
        model.add_linear_constraint(total, -_LARGEST_SUM if lower is None else lower, _LARGEST_SUM if upper is None else upper)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = WORK_LIMIT
    status = solver.solve(model)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer.YES
    return Answer.NO if status == cp_model.INFEASIBLE else Answer.UNKNOWN


def _optimal(rows: Sequence[Row], ranges: Sequence[Range], continuous: Sequence[bool], index: int, side: str, known: Exact | None) -> Exact | None:
    """The end of a variable's range by Z3's simplex; `known` where it gives none within its limit."""
    numbers = _Numbers(continuous)
    z3 = numbers.z3
    optimize = z3.Optimize(ctx=numbers.context)
    for row in (*(Row(((i, 1),), Interval(*ends)) for i, ends in enumerate(ranges)), *rows):
        optimize.add(numbers.tests(row))
    goal = getattr(optimize, side)(numbers.variables[index])
    if numbers.check(optimize, limit=END_LIMIT) is not Answer.YES:
        return known
    infinite, end, _ = goal.lower_values() if side == "minimize" else goal.upper_values()
    return None if infinite.as_long() else Fraction(end.as_fraction() if z3.is_rational_value(end) else end.as_long())


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
    """All minimal conflicts and all minimal correction sets among a component's claims, the smallest corrections first.

    Each known conflict must lose a claim (implicit hitting sets, as in MARCO: Liffiton et al. 2016). A smallest choice that
    does so is set aside; if the rest can hold together, the choice is a minimal correction set, else the rest holds one more
    conflict, which is shrunk to a minimal one. Claims known to be right are never set aside.

    Returns:
        Conflicts, correction sets, and whether these are all. The corrections of the smallest size are all there unless more
        than `limit` sets are found; larger ones are looked for while the work stays within SEARCH_LIMIT.

    Raises:
        Undecided: A question was not answered.
    """
    conflicts: list[frozenset[str]] = []
    corrections: list[frozenset[str]] = []
    choices = _Choices(component)
    begun = component.steps
    for size in range(1, len(component.claims) + 1):
        while (choice := choices.next(size)) is not None:
            if len(conflicts) + len(corrections) >= limit or (corrections and size > len(corrections[0]) and component.steps - begun > SEARCH_LIMIT):
                return conflicts, corrections, False
            rest = [claim for claim in component.claims if claim not in choice]
            found = component.conflict(rest)
            if found is None:
                corrections.append(choice)
                choices.exclude(choice)
            else:
                conflicts.append(frozenset(shrink(found, lambda kept: not holds(component, kept))))
                choices.hit(conflicts[-1])
        if choices.exhausted:
            break
    return conflicts, corrections, True


class _Choices:
    """Sets of claims that take one from every known conflict and hold no known correction."""

    def __init__(self, component: Component):
        import z3

        self._z3, self._context = z3, z3.Context()
        self._solver = z3.Solver(ctx=self._context)
        self._fixed = component.fixed
        self._names = {f"c{i}": claim for i, claim in enumerate(component.claims)}
        self._taken = {claim: z3.Bool(name, self._context) for name, claim in self._names.items()}
        self._known: list[str] = []  # claims of the conflicts found, in the order found

    def hit(self, conflict: frozenset[str]) -> None:
        """One of these must be taken."""
        self._known += sorted(claim for claim in conflict - self._fixed if claim not in self._known)
        self._solver.add(self._z3.Or([self._taken[claim] for claim in sorted(conflict - self._fixed)] or [self._z3.BoolVal(False, self._context)]))

    def exclude(self, correction: frozenset[str]) -> None:
        """Not all of these may be taken: a set that has more is not minimal."""
        self._solver.add(self._z3.Not(self._z3.And([self._taken[claim] for claim in sorted(correction)])))

    def next(self, size: int) -> frozenset[str] | None:
        """A set of at most `size` claims, None where there is none."""
        if not self._known:
            return frozenset() if not self.exhausted else None
        self._solver.push()
        self._solver.add(self._z3.AtMost(*(self._taken[claim] for claim in self._known), size))
        found = None
        if self._solver.check() == self._z3.sat:
            model = self._solver.model()
            found = frozenset(claim for claim in self._known if self._z3.is_true(model[self._taken[claim]]))
        self._solver.pop()
        return found

    @property
    def exhausted(self) -> bool:
        """Whether no set of any size is left."""
        return self._solver.check() == self._z3.unsat


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
