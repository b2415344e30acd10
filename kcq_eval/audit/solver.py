"""Exact answers about linear constraints over whole numbers. The only module that knows the solver (OR-Tools CP-SAT).

The limit of a question is counted in the solver's deterministic work, not in seconds, so that the same question gets the
same answer on every machine. An answer is yes, no, or unknown; unknown never accuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from ortools.sat.python import cp_model

from kcq_eval.audit.constraints import Constraint, Linear, System
from kcq_eval.claims import Quantity

WORK_LIMIT = 60.0  # deterministic "seconds" for one question
_LARGEST_SUM = 2**60  # CP-SAT adds in 64 bits and wants room


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Undecided(Exception):
    """The solver gave no answer within its limit, or the numbers are beyond its exact range."""


@dataclass(frozen=True)
class Row:
    """lower ≤ Σ coefficient · variable ≤ upper in whole numbers; None is unbounded."""

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
        self._cap = self._largest_value()

    def feasible(self, claims: Iterable[str], *, below: tuple[Quantity, int] | None = None, above: tuple[Quantity, int] | None = None) -> Answer:
        """Can these claims all hold (and a quantity be at most `below`, or at least `above`)?"""
        model, variables = self._model(claims)
        if below:
            model.add(variables[self._index[below[0]]] <= below[1])
        if above:
            model.add(variables[self._index[above[0]]] >= above[1])
        status = _solver().solve(model)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer.YES
        return Answer.NO if status == cp_model.INFEASIBLE else Answer.UNKNOWN

    def extent(self, quantity: Quantity, claims: Iterable[str]) -> tuple[int, int | None]:
        """Smallest and largest value of a quantity under the claims; None where nothing bounds it from above.

        Raises:
            Undecided: No proof within the limit.
        """
        model, variables = self._model(claims)
        variable = variables[self._index[quantity]]
        ends = []
        for objective in (model.minimize, model.maximize):
            objective(variable)
            solver = _solver()
            if solver.solve(model) != cp_model.OPTIMAL:
                raise Undecided(quantity.key)
            ends.append(solver.value(variable))
            model.clear_objective()
        return ends[0], (None if ends[1] >= self._cap else ends[1])

    def _model(self, claims: Iterable[str]) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
        model = cp_model.CpModel()
        variables = [model.new_int_var(0, self._cap, "") for _ in self.quantities]
        for row in [*self._rule_rows, *(row for claim in claims for row in self._claim_rows[claim])]:
            expression = cp_model.LinearExpr.weighted_sum([variables[i] for i, _ in row.terms], [c for _, c in row.terms])
            lower = -_LARGEST_SUM if row.lower is None else row.lower
            upper = _LARGEST_SUM if row.upper is None else row.upper
            model.add_linear_constraint(expression, lower, upper)
        return model, variables

    def _row(self, part: Linear) -> Row:
        """Whole-number coefficients; a strict end becomes the next whole number."""
        interval = part.interval
        scale = math.lcm(*(coefficient.denominator for _, coefficient in part.terms))
        coefficients = [int(coefficient * scale) for _, coefficient in part.terms]
        divisor = math.gcd(*coefficients)
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

    def _largest_value(self) -> int:
        """The largest value that keeps every sum within 64 bits; it must leave room above all that is stated."""
        rows = [*self._rule_rows, *(row for rows in self._claim_rows.values() for row in rows)]
        weight = max((sum(abs(c) for _, c in row.terms) for row in rows), default=1)
        stated = max((abs(end) for row in rows for end in (row.lower, row.upper) if end is not None), default=1)
        cap = _LARGEST_SUM // weight
        if cap < 100 * stated:
            raise Undecided("the stated amounts are beyond exact 64-bit range")
        return cap


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
        solver = _solver()
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
            conflicts.append(frozenset(shrink(seed, lambda kept: not holds(component, kept))))
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


def shrink(claims: Sequence[str], still) -> list[str]:
    """A smallest-by-inclusion part of `claims` for which `still(part)` is true, dropping later ones first."""
    kept = list(claims)
    for claim in reversed(claims):
        rest = [other for other in kept if other != claim]
        if still(rest):
            kept = rest
    return kept


def _solver() -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = WORK_LIMIT
    return solver
