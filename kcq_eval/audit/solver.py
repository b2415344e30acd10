"""Exact answers about linear constraints. The only module that knows the solvers.

Counts are whole numbers, money is any fraction of a đồng. Z3 holds each component once, every claim behind a switch, so that
a question is only which switches are on; what it cannot decide about bounded counts is asked of OR-Tools CP-SAT. Ends of
ranges are first narrowed row by row, exactly. Limits are counted in the solvers' own steps, not in seconds, so that the same
question gets the same answer on every machine. An answer is yes, no, or unknown; unknown never accuses.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from kcq_eval.audit.constraints import Constraint, Linear, ShareChange, System
from kcq_eval.claims import Quantity
from kcq_eval.printed import Interval

WORK_LIMIT = 60.0  # CP-SAT's deterministic "seconds" for one question
QUICK_LIMIT = 60_000  # Z3's resource count, for each 500 rows, for a question put to the solver that has answered others
STEP_LIMIT = 10_000_000  # and for one that it did not answer then
END_LIMIT = 500_000  # and for the end of a range, which may be left as wide as narrowing left it
SEARCH_LIMIT = 4_000_000  # and for all sets of a component, beyond the smallest corrections
MANY_CLAIMS, MANY_SETS = 60, 50  # in a part of more claims, or with changes of shares, beyond the smallest corrections so many sets are enough
_LONGEST = 10  # times SEARCH_LIMIT, after which even the smallest corrections are left incomplete
_CURVED_LIMIT = 1_000_000  # Z3's resource count for a question that holds a change of a share
_CURVED = 4  # times QUICK_LIMIT for such a question
_LARGEST_SUM = 2**60  # CP-SAT adds in 64 bits and wants room
_KEPT = 32  # solutions and narrowed ranges of one component kept for later questions
_LARGE_CORE = 60  # claims in a conflict that are worth a second search for fewer
_GRID = 10**9  # parts of a unit in which quick ranges of continuous quantities are counted
_FEW_ROWS = 200  # of a part in which a solution is first looked for without Z3
_ROUNDS = 20  # times each row is looked at in narrowing; what it leaves is for the solvers

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


@dataclass(frozen=True)
class Change:
    """first / second - third / fourth of four variables lies in the interval; not linear."""

    variables: tuple[int, int, int, int]
    interval: Interval

    def holds(self, values: Sequence[Exact]) -> bool:
        part, whole, part_before, whole_before = (values[i] for i in self.variables)
        return bool(whole and whole_before) and Fraction(part) / whole - Fraction(part_before) / whole_before in self.interval


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
        self.curved = tuple(claim.name for claim in claims if claim.share_change)  # not linear
        self._changes = {claim.name: self._change(claim.share_change) for claim in claims if claim.share_change}
        self._narrowed: dict[tuple[tuple[str, ...], int], list[Range]] = {}

    def __contains__(self, quantity: Quantity) -> bool:
        return quantity in self._index

    def feasible(self, claims: Iterable[str], also: Sequence[Linear] = (), changes: Sequence[ShareChange] = ()) -> Answer:
        """Can these claims all hold, and what else is asked for with them?"""
        return self._feasible(tuple(claims), [self._row(part) for part in also], [self._change(change) for change in changes])

    def _feasible(self, claims: tuple[str, ...], more: Sequence[Row], changes: Sequence[Change] = ()) -> Answer:
        answer = self._switched.ask(claims, more, changes)
        if answer is Answer.UNKNOWN:
            answer = counted([*self._rows(claims), *more], self._continuous)
            self._switched.core = []  # of an earlier question
            if answer is Answer.YES and (changes or not self._changes.keys().isdisjoint(claims)):
                answer = Answer.UNKNOWN
        return answer

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
        lower, upper = self._ranges(claims)[index]
        if lower != upper:
            lower, upper = self._end(index, claims, lower, -1), self._end(index, claims, upper, 1)
        return Fraction(lower or 0), None if upper is None else Fraction(upper)

    def range(self, quantity: Quantity, claims: Iterable[str]) -> Range:
        """Ends that the quantity cannot leave, as far as one claim or rule after the other tells: an extent at once, perhaps wider.

        Raises:
            Undecided: The claims cannot hold.
        """
        return self._ranges(tuple(claims), grid=_GRID)[self._index[quantity]]

    def _ranges(self, claims: tuple[str, ...], *, grid: int = 0) -> list[Range]:
        if (claims, grid) not in self._narrowed:
            if self.feasible(claims) is Answer.NO:
                raise Undecided("the claims cannot hold")
            if len(self._narrowed) >= _KEPT:
                self._narrowed.pop(next(iter(self._narrowed)))
            self._narrowed[claims, grid] = narrowed(self._rows(claims), self._continuous, grid=grid)
        return self._narrowed[claims, grid]

    def _end(self, index: int, claims: tuple[str, ...], known: Exact | None, outward: int) -> Exact | None:
        """The last value in a direction, at `known` or before it."""

        def reaches(end: Exact) -> Answer:
            interval = Interval(Fraction(end), None) if outward > 0 else Interval(None, Fraction(end))
            return self._feasible(claims, [Row(((index, 1),), interval)])

        answer = Answer.NO if known is None else reaches(known)
        if answer is not Answer.NO:
            return known
        if known is None or self._continuous[index]:
            return _optimal(self._rows(claims), self._ranges(claims), self._continuous, index, "maximize" if outward > 0 else "minimize", known)
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
        return _Switched(self._rule_rows, self._claim_rows, self._changes, self._continuous)

    def _rows(self, claims: Iterable[str]) -> list[Row]:
        return [*self._rule_rows, *(row for claim in claims for row in self._claim_rows[claim])]

    def _change(self, change: ShareChange) -> Change:
        quantities = (change.part, change.whole, change.part_before, change.whole_before)
        return Change(tuple(self._index[quantity] for quantity in quantities), change.interval)

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

    def change_tests(self, change: Change) -> list:
        """A change of a share as Z3 tests: products, which its nonlinear part decides exactly."""
        z3, interval = self.z3, change.interval
        part, whole, part_before, whole_before = (z3.ToReal(v) if v.is_int() else v for v in (self.variables[i] for i in change.variables))
        before = z3.FreshReal("share", self.context)
        after_from, after_to = (None if end is None else before + self._constant(end) for end in (interval.lower, interval.upper))
        found = [part_before == before * whole_before]
        if after_from is not None:
            found.append(part > after_from * whole if interval.lower_open else part >= after_from * whole)
        if after_to is not None:
            found.append(part < after_to * whole if interval.upper_open else part <= after_to * whole)
        return found

    def values(self, model) -> list[Exact] | None:
        """The variables' values in a solution; None where one is no fraction, or one of thousands of digits."""
        found = [model.eval(variable, model_completion=True) for variable in self.variables]
        if not all(self.z3.is_int_value(value) or self.z3.is_rational_value(value) for value in found):
            return None
        try:
            return [value.as_long() if self.z3.is_int_value(value) else value.as_fraction() for value in found]
        except ValueError:  # Python reads no number of more than 4,300 digits
            return None

    def check(self, solver, *assumptions, limit: int) -> Answer:
        solver.set("rlimit", limit)
        answer = solver.check(*assumptions)
        return Answer.YES if answer == self.z3.sat else Answer.NO if answer == self.z3.unsat else Answer.UNKNOWN


class _Switched:
    """A component in one Z3 solver: rules always, each claim behind a switch.

    Solutions and conflicts once found answer later questions: claims that all hold in a solution can hold, claims among
    which a conflict is cannot.
    """

    def __init__(self, rules: Sequence[Row], claims: dict[str, list[Row]], changes: dict[str, Change], continuous: Sequence[bool]):
        self._rules, self._claims, self._changes, self._continuous = rules, claims, changes, continuous
        self._solutions: list[tuple[list[Fraction], frozenset[str]]] = []  # values, and the claims that hold with them
        self._conflicts: list[frozenset[str]] = []
        self._numbers: _Numbers | None = None  # Z3 is started by the first question that needs it: it takes 16 MB for each part
        self.core: list[str] = []
        self.steps = 0

    def _start(self) -> None:
        """A solver without memory of earlier questions, which can lead it astray among whole numbers."""
        self._numbers = numbers = _Numbers(self._continuous)
        z3 = numbers.z3
        self._solver = z3.Solver(ctx=numbers.context)
        self._solver.add(numbers.not_negative)
        for row in self._rules:
            self._solver.add(numbers.tests(row))
        self._switches, self._names = {}, {}
        for i, (claim, rows) in enumerate(self._claims.items()):
            switch = z3.Bool(f"c{i}", numbers.context)
            self._switches[claim], self._names[f"c{i}"] = switch, claim
            for row in rows:
                self._solver.add([z3.Implies(switch, test) for test in numbers.tests(row)])
        for claim, change in self._changes.items():
            self._solver.add([z3.Implies(self._switches[claim], test) for test in numbers.change_tests(change)])

    def ask(self, claims: Sequence[str], more: Sequence[Row] = (), changes: Sequence[Change] = ()) -> Answer:
        """The answer; after a "no" without anything more `core` are claims that are enough for it."""
        asked, alone = frozenset(claims), not more and not changes
        known = next((conflict for conflict in self._conflicts if conflict <= asked), None)
        if known is not None:
            self.core = [claim for claim in claims if claim in known]
            return Answer.NO
        for values, holding in self._solutions:
            if asked <= holding and all(_sum(row, values) in row.interval for row in more) and all(change.holds(values) for change in changes):
                return Answer.YES
        curved = bool(changes) or not self._changes.keys().isdisjoint(claims)
        if self._numbers is None:
            plainly = Answer.UNKNOWN if curved else self._plainly(claims, more)
            if plainly is Answer.YES or (plainly is Answer.NO and not alone):  # alone it would be asked for a core
                return plainly
            self._start()
        rows = 1 + (len(self._rules) + len(self._claims)) // 500
        answer = self._ask(claims, more, changes, rows * QUICK_LIMIT * (_CURVED if curved else 1))
        if answer is Answer.UNKNOWN:
            answer = self._ask_narrowed(claims, more, changes)
        if (answer is Answer.UNKNOWN and not curved) or (answer is Answer.NO and alone and len(self.core) > _LARGE_CORE):
            self._start()
            again = self._ask(claims, more, changes, STEP_LIMIT)
            answer = again if answer is Answer.UNKNOWN else answer
        if answer is Answer.NO and alone:
            self._conflicts.append(frozenset(self.core))
        return answer

    def _plainly(self, claims: Sequence[str], more: Sequence[Row]) -> Answer:
        """What narrowing alone tells: no range is left, or its ends, or what lies between them, are a solution. So it is in most small parts."""
        rows = [*self._rules, *(row for claim in claims for row in self._claims[claim]), *more]
        if len(rows) > _FEW_ROWS:
            return Answer.UNKNOWN
        if (ranges := narrowed(rows, self._continuous)) is None:
            return Answer.NO
        lows = [lower for lower, _ in ranges]
        highs = [lower if upper is None else upper for lower, upper in ranges]
        middles = [Fraction(low + high) / 2 if fraction else low for low, high, fraction in zip(lows, highs, self._continuous)]
        for values in (lows, highs, middles):
            if all(_sum(row, values) in row.interval for row in rows):
                self._remember(values)
                return Answer.YES
        return Answer.UNKNOWN

    def _ask(self, claims: Sequence[str], more: Sequence[Row], changes: Sequence[Change], limit: int) -> Answer:
        before, alone = self._counted(), not more and not changes
        if not alone:
            self._solver.push()
            self._solver.add(self._tests(more, changes))
        answer = self._numbers.check(self._solver, *(self._switches[claim] for claim in claims), limit=limit)
        if answer is Answer.NO and alone:
            order = {claim: i for i, claim in enumerate(claims)}
            self.core = sorted((self._names[str(switch)] for switch in self._solver.unsat_core()), key=order.__getitem__)
        if answer is Answer.YES and alone and 2 * len(claims) > len(self._claims):  # else it tells too little for its cost
            self._learn(self._numbers, self._solver)
        if not alone:
            self._solver.pop()
        self.steps += self._counted() - before
        return answer

    def _tests(self, rows: Sequence[Row], changes: Sequence[Change]) -> list:
        found = [test for row in rows for test in self._numbers.tests(row)]
        return found + [test for change in changes for test in self._numbers.change_tests(change)]

    def _ask_narrowed(self, claims: Sequence[str], more: Sequence[Row], changes: Sequence[Change]) -> Answer:
        """With ranges narrowed first, which decides much among whole numbers, but tells no smaller core."""
        rows = [*self._rules, *(row for claim in claims for row in self._claims[claim]), *more]
        ranges = narrowed(rows, self._continuous, grid=_GRID)
        answer = Answer.NO
        if ranges is not None:
            numbers = _Numbers(self._continuous)
            solver = numbers.z3.Solver(ctx=numbers.context)
            for row in (*(Row(((i, 1),), Interval(*ends)) for i, ends in enumerate(ranges)), *rows):
                solver.add(numbers.tests(row))
            curved = [*changes, *(self._changes[claim] for claim in claims if claim in self._changes)]
            for change in curved:
                solver.add(numbers.change_tests(change))
            answer = numbers.check(solver, limit=min(STEP_LIMIT, _CURVED_LIMIT) if curved else STEP_LIMIT)
            self.steps += _steps(solver)
            if answer is Answer.YES:
                self._learn(numbers, solver)
        if answer is Answer.NO:
            self.core = list(claims)
        return answer

    def _learn(self, numbers: _Numbers, solver) -> None:
        values = numbers.values(solver.model())
        if values is not None:
            self._remember(values)

    def _remember(self, values: Sequence[Exact]) -> None:
        holding = frozenset(
            claim
            for claim, rows in self._claims.items()
            if all(_sum(row, values) in row.interval for row in rows) and (claim not in self._changes or self._changes[claim].holds(values))
        )
        self._solutions = [(values, holding), *self._solutions[: _KEPT - 1]]

    def _counted(self) -> int:
        return _steps(self._solver)


def _steps(solver) -> int:
    statistics = solver.statistics()
    return statistics.get_key_value("rlimit count") if "rlimit count" in statistics.keys() else 0


def _sum(row: Row, values: Sequence[Fraction]) -> Fraction | int:
    return sum(c * values[i] for i, c in row.terms)


def counted(rows: Sequence[Row], continuous: Sequence[bool]) -> Answer:
    """CP-SAT's answer, where all variables are whole and their ranges keep every sum within 64 bits; else unknown."""
    if any(continuous):
        return Answer.UNKNOWN
    ranges = narrowed(rows, continuous)
    if ranges is None:
        return Answer.NO
    if not _fits(ranges, rows):
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


def narrowed(rows: Sequence[Row], continuous: Sequence[bool], *, grid: int = 0) -> list[Range] | None:
    """Between which values each variable must lie, as far as one row after the other tells; None if somewhere nothing is left.

    Sound, but not always the tightest: that is for the solvers, which need small ranges to be fast. Exact without a grid; with
    one, the ends of continuous variables are multiples of 1 / grid, rounded outwards, which is many times faster.
    """
    scale = grid or 1
    scaled = [scale if fraction else 1 for fraction in continuous]  # variables count in these parts of their unit
    divide = (lambda room, c: -(-room // c)) if grid else (lambda room, c: Fraction(room) / c)  # a continuous end, never inwards
    bounds: list[tuple[tuple[tuple[int, int], ...], Exact]] = []  # Σ coefficient · variable ≤ end
    for row in rows:
        mixed = any(continuous[i] for i, _ in row.terms)
        lower, upper = (row.interval.lower, row.interval.upper) if mixed else _whole_ends(row.interval)
        terms = tuple((i, c * scale // scaled[i]) for i, c in row.terms) if mixed else row.terms
        if mixed and grid:
            lower, upper = (None if lower is None else math.floor(lower * scale)), (None if upper is None else math.ceil(upper * scale))
        if upper is not None:
            bounds.append((terms, upper))
        if lower is not None:
            bounds.append((tuple((i, -c) for i, c in terms), -lower))
    about: list[list[int]] = [[] for _ in continuous]
    for number, (terms, _) in enumerate(bounds):
        for i, _ in terms:
            about[i].append(number)
    lowest: list[Exact] = [0] * len(continuous)
    highest: list[Exact | None] = [None] * len(continuous)
    waiting, queued = deque(range(len(bounds))), [True] * len(bounds)
    for _ in range(_ROUNDS * len(bounds)):
        if not waiting:
            break
        number = waiting.popleft()
        queued[number] = False
        terms, most = bounds[number]
        least, unbounded = 0, None
        for i, c in terms:
            end = lowest[i] if c > 0 else highest[i]
            if end is not None:
                least += c * end
            elif unbounded is None:
                unbounded = i
            else:
                break
        else:
            room = most - least
            if room < 0 and unbounded is None:
                return None
            for i, c in terms:
                if unbounded is not None and i != unbounded:
                    continue
                if c > 0:
                    free = room + c * lowest[i]
                    end = divide(free, c) if continuous[i] else free // c
                    moved = highest[i] is None or end < highest[i]
                    if moved:
                        highest[i] = end
                else:
                    free = room if unbounded is not None else room + c * highest[i]
                    end = -divide(free, -c) if continuous[i] else -(free // -c)
                    moved = end > lowest[i]
                    if moved:
                        lowest[i] = end
                if moved:
                    if highest[i] is not None and lowest[i] > highest[i]:
                        return None
                    for other in about[i]:
                        if not queued[other]:
                            queued[other] = True
                            waiting.append(other)
    if not grid:
        return list(zip(lowest, highest))
    return [
        (Fraction(lower, scale), None if upper is None else Fraction(upper, scale)) if fraction else (lower, upper)
        for lower, upper, fraction in zip(lowest, highest, continuous)
    ]


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
        than `limit` sets are found or a question was not answered; larger ones are looked for while the work stays within
        SEARCH_LIMIT. Where claims known to be right contradict each other the search ends. A conflict of which a part was not answered may hold a claim too many.

    Raises:
        Undecided: Whether the claims can all hold was not answered.
    """
    conflicts: list[frozenset[str]] = []
    corrections: list[frozenset[str]] = []
    choices, begun, complete = _Choices(component), component.steps, True

    def in_conflict(kept: Sequence[str]) -> bool:
        nonlocal complete
        answer = component.feasible(kept)
        complete &= answer is not Answer.UNKNOWN
        return answer is Answer.NO

    for size in range(1, len(component.claims) + 1):
        while (choice := choices.next(size)) is not None:
            sets, spent = len(conflicts) + len(corrections), component.steps - begun
            beyond = corrections and size > len(corrections[0])
            costly = component.curved or len(component.claims) > MANY_CLAIMS
            enough = beyond and (spent > SEARCH_LIMIT or (costly and sets > MANY_SETS))
            if sets >= limit or enough or spent > _LONGEST * SEARCH_LIMIT:
                return conflicts, corrections, False
            try:
                found = component.conflict([claim for claim in component.claims if claim not in choice])
            except Undecided:
                if not choice:
                    raise
                complete = False
                choices.exclude(choice)
                continue
            if found is None:
                corrections.append(choice)
                choices.exclude(choice)
            else:
                conflicts.append(frozenset(shrink(found, in_conflict)))
                choices.hit(conflicts[-1])
                complete &= not conflicts[-1] <= component.fixed
        if choices.exhausted:
            break
    return conflicts, corrections, complete


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
