"""Exact answers about linear constraints over whole numbers. The only module that knows the solvers.

OR-Tools CP-SAT answers, fast but in 64 bits; Z3 answers where the amounts leave it no room, and confirms every conflict
without any bound on the values. Limits are counted in the solvers' own steps, not in seconds, so that the same question
gets the same answer on every machine. An answer is yes, no, or unknown; unknown never accuses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from ortools.sat.python import cp_model

from kcq_eval.audit.constraints import Constraint, Linear, System
from kcq_eval.claims import Quantity

WORK_LIMIT = 60.0  # CP-SAT's deterministic "seconds" for one question
STEP_LIMIT = 200_000_000  # Z3's resource count for one question, about as long
_LARGEST_SUM = 2**60  # CP-SAT adds in 64 bits and wants room
_HEADROOM = 1_000  # values up to this many times the largest stated one must fit, or Z3 answers


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Undecided(Exception):
    """No answer within the limit."""


@dataclass(frozen=True)
class Row:
    """lower ≤ Σ coefficient · variable ≤ upper in whole numbers of any size; None is unbounded."""

    terms: tuple[tuple[int, int], ...]
    lower: int | None
    upper: int | None


class Component:
    """Claims and rules that share quantities, directly or through others; nothing outside can matter to them."""

    def __init__(self, quantities: Sequence[Quantity], claims: Sequence[Constraint], rules: Sequence[Constraint]):
        self.quantities = tuple(quantities)
        self.claims = tuple(claim.name for claim in claims)
        self._index = {quantity: i for i, quantity in enumerate(self.quantities)}
        self._claim_rows = {claim.name: [self._row(part) for part in claim.parts] for claim in claims}
        self._rule_rows = [self._row(part) for rule in rules for part in rule.parts]
        caps = self._caps()
        self._solver = _Unbounded(len(self.quantities)) if caps is None else _Bounded(caps)

    def feasible(
        self, claims: Iterable[str], *, below: tuple[Quantity, int] | None = None, above: tuple[Quantity, int] | None = None
    ) -> Answer:
        """Can these claims all hold (and a quantity be at most `below`, or at least `above`)?"""
        rows = self._rows(claims)
        if below:
            rows.append(Row(((self._index[below[0]], 1),), None, below[1]))
        if above:
            rows.append(Row(((self._index[above[0]], 1),), above[1], None))
        return self._solver.feasible(rows)

    def extent(self, quantity: Quantity, claims: Iterable[str]) -> tuple[int, int | None]:
        """Smallest and largest value of a quantity under the claims; None where nothing bounds it from above.

        Raises:
            Undecided: No proof within the limit, or the claims cannot hold.
        """
        return self._solver.extent(self._rows(claims), self._index[quantity])

    def confirmed(self, conflict: Iterable[str]) -> bool:
        """Whether the claims cannot hold for values of any size either."""
        return _Unbounded(len(self.quantities)).feasible(self._rows(conflict)) is Answer.NO

    def _rows(self, claims: Iterable[str]) -> list[Row]:
        return [*self._rule_rows, *(row for claim in claims for row in self._claim_rows[claim])]

    def _row(self, part: Linear) -> Row:
        """Whole-number coefficients; a strict end becomes the next whole number."""
        interval = part.interval
        scale = math.lcm(*(coefficient.denominator for _, coefficient in part.terms))
        coefficients = [int(coefficient * scale) for _, coefficient in part.terms]
        divisor = math.gcd(*coefficients) or 1
        factor = Fraction(scale, divisor)
        lower = upper = None
        if interval.lower is not None:
            end = interval.lower * factor
            lower = math.floor(end) + 1 if interval.lower_open else math.ceil(end)
        if interval.upper is not None:
            end = interval.upper * factor
            upper = math.ceil(end) - 1 if interval.upper_open else math.floor(end)
        terms = tuple((self._index[quantity], c // divisor) for (quantity, _), c in zip(part.terms, coefficients))
        return Row(terms, lower, upper)

    def _caps(self) -> list[int] | None:
        """For each quantity a value well above all that is stated of its measure, such that no sum leaves 64 bits; None if none fits."""
        rows = [*self._rule_rows, *(row for rows in self._claim_rows.values() for row in rows)]
        stated = dict.fromkeys((quantity.measure for quantity in self.quantities), 1)
        for row in rows:
            if len(row.terms) == 1:
                measure = self.quantities[row.terms[0][0]].measure
                stated[measure] = max(stated[measure], *(abs(end) for end in (row.lower, row.upper) if end is not None), 1)
        sizes = [stated[quantity.measure] for quantity in self.quantities]
        largest = max((sum(abs(c) * sizes[i] for i, c in row.terms) for row in rows), default=1)
        largest = max([largest, *sizes, *(abs(end) for row in rows for end in (row.lower, row.upper) if end is not None)])
        headroom = _LARGEST_SUM // largest
        return None if headroom < _HEADROOM else [size * headroom for size in sizes]


class _Bounded:
    """CP-SAT over values from 0 to the caps."""

    def __init__(self, caps: Sequence[int]):
        self._caps = caps

    def feasible(self, rows: Sequence[Row]) -> Answer:
        model, _ = self._model(rows)
        status = _cp_sat().solve(model)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer.YES
        return Answer.NO if status == cp_model.INFEASIBLE else Answer.UNKNOWN

    def extent(self, rows: Sequence[Row], index: int) -> tuple[int, int | None]:
        model, variables = self._model(rows)
        ends = []
        for objective in (model.minimize, model.maximize):
            objective(variables[index])
            solver = _cp_sat()
            if solver.solve(model) != cp_model.OPTIMAL:
                raise Undecided
            ends.append(solver.value(variables[index]))
            model.clear_objective()
        return ends[0], (None if ends[1] >= self._caps[index] else ends[1])

    def _model(self, rows: Sequence[Row]) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
        model = cp_model.CpModel()
        variables = [model.new_int_var(0, cap, "") for cap in self._caps]
        for row in rows:
            expression = cp_model.LinearExpr.weighted_sum([variables[i] for i, _ in row.terms], [c for _, c in row.terms])
            lower = -_LARGEST_SUM if row.lower is None else row.lower
            upper = _LARGEST_SUM if row.upper is None else row.upper
            model.add_linear_constraint(expression, lower, upper)
        return model, variables


class _Unbounded:
    """Z3 over whole numbers of any size, not negative."""

    def __init__(self, count: int):
        self._count = count

    def feasible(self, rows: Sequence[Row]) -> Answer:
        import z3

        answer = self._stated(z3.Solver(), rows).check()
        return Answer.YES if answer == z3.sat else Answer.NO if answer == z3.unsat else Answer.UNKNOWN

    def extent(self, rows: Sequence[Row], index: int) -> tuple[int, int | None]:
        import z3

        ends = []
        for side in ("minimize", "maximize"):
            optimize = self._stated(z3.Optimize(), rows)
            goal = getattr(optimize, side)(z3.Int(f"q{index}"))
            if optimize.check() != z3.sat:
                raise Undecided
            end = optimize.lower(goal) if side == "minimize" else optimize.upper(goal)
            ends.append(end.as_long() if z3.is_int_value(end) else None)
        return ends[0], ends[1]

    def _stated(self, solver, rows: Sequence[Row]):
        import z3

        solver.set("rlimit", STEP_LIMIT)
        variables = [z3.Int(f"q{i}") for i in range(self._count)]
        solver.add([variable >= 0 for variable in variables])
        for row in rows:
            total = z3.Sum([c * variables[i] for i, c in row.terms])
            solver.add([total >= row.lower] if row.lower is not None else [])
            solver.add([total <= row.upper] if row.upper is not None else [])
        return solver


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
    return [Component(*group) for group in groups.values()]


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
            if not component.confirmed(conflict):
                raise Undecided("a conflict that larger values might resolve")
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
