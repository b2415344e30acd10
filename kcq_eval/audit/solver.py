"""Exact answers about linear constraints. The only module that knows the solvers.

Counts are whole numbers, money is any fraction of a đồng. Each constraint first narrows its quantities' ranges; then OR-Tools
CP-SAT answers where all are bounded counts within 64 bits, and Z3 where money comes in or a range stays open. No range is
ever assumed. Limits are counted in the solvers' own steps, not in seconds, so that the same question gets the same answer on
every machine. An answer is yes, no, or unknown; unknown never accuses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from fractions import Fraction

from ortools.sat.python import cp_model

from kcq_eval.audit.constraints import Constraint, Linear, System
from kcq_eval.claims import Quantity
from kcq_eval.printed import Interval

WORK_LIMIT = 60.0  # CP-SAT's deterministic "seconds" for one question
STEP_LIMIT = 50_000_000  # Z3's resource count for one question
_LARGEST_SUM = 2**60  # CP-SAT adds in 64 bits and wants room
_ROUNDS = 20  # of narrowing; what it leaves is for the solvers

Range = tuple[Fraction, Fraction | None]  # from, to; None is unbounded


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Undecided(Exception):
    """No answer within the limit."""


class Component:
    """Claims and rules that share quantities, directly or through others; nothing outside can matter to them."""

    def __init__(
        self, quantities: Sequence[Quantity], claims: Sequence[Constraint], rules: Sequence[Constraint], continuous: frozenset[Quantity] = frozenset()
    ):
        self.quantities = tuple(quantities)
        self.claims = tuple(claim.name for claim in claims)
        self._claim_parts = {claim.name: claim.parts for claim in claims}
        self._rule_parts = [part for rule in rules for part in rule.parts]
        self._continuous = continuous.intersection(quantities)

    def feasible(self, claims: Iterable[str], also: Sequence[Linear] = ()) -> Answer:
        """Can these claims all hold, and what else is asked for with them?"""
        parts = [*self._parts(claims), *also]
        ranges = narrowed(parts, self.quantities, self._continuous)
        return Answer.NO if ranges is None else self._solver(ranges, parts).feasible()

    def extent(self, quantity: Quantity, claims: Iterable[str]) -> tuple[Fraction, Fraction | None]:
        """Smallest and largest value of a quantity under the claims; None where nothing bounds it from above.

        An end that the quantity only comes close to is given as if it were reached. Where the solver gives no answer within
        its limit the ends are those of `narrowed`: wider than the truth perhaps, never narrower.

        Raises:
            Undecided: The claims cannot hold.
        """
        parts = self._parts(claims)
        ranges = narrowed(parts, self.quantities, self._continuous)
        if ranges is None:
            raise Undecided(quantity.key)
        lower, upper = ranges[quantity]
        if lower == upper:
            return lower, upper
        solver = self._solver(ranges, parts)
        return solver.end(quantity, "minimize", lower) or Fraction(0), solver.end(quantity, "maximize", upper)

    def _parts(self, claims: Iterable[str]) -> list[Linear]:
        return [*self._rule_parts, *(part for claim in claims for part in self._claim_parts[claim])]

    def _solver(self, ranges: dict[Quantity, Range], parts: Sequence[Linear]) -> _SixtyFourBits | _AnySize:
        if not self._continuous and _fits(ranges, parts):
            return _SixtyFourBits(ranges, parts)
        return _AnySize(ranges, parts, self._continuous)


class _SixtyFourBits:
    """CP-SAT over whole numbers whose ranges keep every sum within 64 bits."""

    def __init__(self, ranges: dict[Quantity, Range], parts: Sequence[Linear]):
        self._model = cp_model.CpModel()
        self._variables = {q: self._model.new_int_var(int(lower), int(upper), "") for q, (lower, upper) in ranges.items()}
        for part in parts:
            terms, lower, upper = _in_whole_numbers(part)
            total = cp_model.LinearExpr.weighted_sum([self._variables[quantity] for quantity, _ in terms], [c for _, c in terms])
            self._model.add_linear_constraint(total, -_LARGEST_SUM if lower is None else lower, _LARGEST_SUM if upper is None else upper)

    def feasible(self) -> Answer:
        status = _cp_sat().solve(self._model)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer.YES
        return Answer.NO if status == cp_model.INFEASIBLE else Answer.UNKNOWN

    def end(self, quantity: Quantity, side: str, known: Fraction | None) -> Fraction | None:
        getattr(self._model, side)(self._variables[quantity])
        solver = _cp_sat()
        return Fraction(solver.value(self._variables[quantity])) if solver.solve(self._model) == cp_model.OPTIMAL else known


class _AnySize:
    """Z3 over numbers of any size: whole ones, and fractions for continuous quantities."""

    def __init__(self, ranges: dict[Quantity, Range], parts: Sequence[Linear], continuous: frozenset[Quantity]):
        import z3

        self._variables = {q: z3.Real(f"q{i}") if q in continuous else z3.Int(f"q{i}") for i, q in enumerate(ranges)}
        self._tests = []
        for quantity, (lower, upper) in ranges.items():
            self._tests += _tests(self._variables[quantity], Interval(lower, upper))
        for part in parts:
            terms, interval = _with_whole_coefficients(part)
            self._tests += _tests(z3.Sum([c * self._variables[quantity] for quantity, c in terms]), interval)

    def feasible(self) -> Answer:
        import z3

        return self._answer(z3.Solver())

    def end(self, quantity: Quantity, side: str, known: Fraction | None) -> Fraction | None:
        import z3

        variable = self._variables[quantity]
        if known is not None and self._answer(z3.Solver(), _tests(variable, Interval(known, known))) is Answer.YES:
            return known
        optimize = z3.Optimize()
        goal = getattr(optimize, side)(variable)
        if self._answer(optimize) is not Answer.YES:
            return known
        infinite, end, _ = goal.lower_values() if side == "minimize" else goal.upper_values()
        return None if infinite.as_long() else Fraction(end.as_fraction() if z3.is_rational_value(end) else end.as_long())

    def _answer(self, solver, also: Sequence = ()) -> Answer:
        import z3

        solver.set("rlimit", STEP_LIMIT)
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


def narrowed(parts: Sequence[Linear], quantities: Sequence[Quantity], continuous: frozenset[Quantity]) -> dict[Quantity, Range] | None:
    """Between which values each quantity must lie, as far as one constraint after the other tells; None if somewhere nothing is left.

    Sound and exact, but not always the tightest: that is for the solvers, which need small ranges to be fast.
    """
    ranges: dict[Quantity, Range] = {quantity: (Fraction(0), None) for quantity in quantities}
    rows = []
    for terms, interval in map(_with_whole_coefficients, parts):
        if interval.upper is not None:
            rows.append((terms, interval.upper))
        if interval.lower is not None:
            rows.append(([(quantity, -c) for quantity, c in terms], -interval.lower))
    for _ in range(_ROUNDS):
        before = dict(ranges)
        for terms, most in rows:
            least = {quantity: _least(c, ranges[quantity]) for quantity, c in terms}
            open_ended = [quantity for quantity, end in least.items() if end is None]
            if len(open_ended) > 1:
                continue
            total = sum(end for end in least.values() if end is not None)
            if total > most and not open_ended:
                return None
            for quantity, c in terms:
                if open_ended in ([], [quantity]):
                    room = (most - total + (least[quantity] or 0)) / c
                    ranges[quantity] = _cut(ranges[quantity], room, c > 0, quantity in continuous)
                    lower, upper = ranges[quantity]
                    if upper is not None and lower > upper:
                        return None
        if ranges == before:
            break
    return ranges


def _least(coefficient: int, within: Range) -> Fraction | None:
    lower, upper = within
    end = lower if coefficient > 0 else upper
    return None if end is None else coefficient * end


def _cut(within: Range, end: Fraction, from_above: bool, continuous: bool) -> Range:
    lower, upper = within
    if from_above:
        end = end if continuous else Fraction(math.floor(end))
        return lower, end if upper is None else min(upper, end)
    return max(lower, end if continuous else Fraction(math.ceil(end))), upper


def _fits(ranges: dict[Quantity, Range], parts: Sequence[Linear]) -> bool:
    """Whether every range is bounded and no sum over them leaves 64 bits."""
    largest = {quantity: upper for quantity, (_, upper) in ranges.items()}
    if None in largest.values():
        return False
    rows = [_in_whole_numbers(part) for part in parts]
    sums = [sum(abs(c) * largest[quantity] for quantity, c in terms) for terms, _, _ in rows]
    ends = [abs(end) for _, lower, upper in rows for end in (lower, upper) if end is not None]
    return max([0, *largest.values(), *sums, *ends]) < _LARGEST_SUM


def _with_whole_coefficients(part: Linear) -> tuple[list[tuple[Quantity, int]], Interval]:
    """The same constraint times what makes its coefficients whole and without a common factor."""
    scale = math.lcm(*(coefficient.denominator for _, coefficient in part.terms))
    coefficients = [int(coefficient * scale) for _, coefficient in part.terms]
    divisor = math.gcd(*coefficients) or 1
    terms = [(quantity, c // divisor) for (quantity, _), c in zip(part.terms, coefficients) if c]
    return terms, part.interval.scaled(Fraction(scale, divisor))


def _in_whole_numbers(part: Linear) -> tuple[list[tuple[Quantity, int]], int | None, int | None]:
    """Terms, lower and upper end between which a sum of whole numbers must lie; a strict end becomes the next whole number."""
    terms, interval = _with_whole_coefficients(part)
    lower = upper = None
    if interval.lower is not None:
        lower = math.floor(interval.lower) + 1 if interval.lower_open else math.ceil(interval.lower)
    if interval.upper is not None:
        upper = math.ceil(interval.upper) - 1 if interval.upper_open else math.floor(interval.upper)
    return terms, lower, upper


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


def minimal_sets(component: Component, *, limit: int = 2_000) -> tuple[list[frozenset[str]], list[frozenset[str]]]:
    """All minimal conflicts and all minimal correction sets among a component's claims (MARCO: Liffiton et al. 2016).

    The map of subsets not yet judged gives a largest one; if its claims can hold together, what it leaves out is a minimal
    correction set, else it is shrunk to a minimal conflict.

    Raises:
        Undecided: A question was not answered, or there are more than `limit` sets.
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
            return conflicts, corrections
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
    raise Undecided(f"more than {limit} minimal sets")


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
