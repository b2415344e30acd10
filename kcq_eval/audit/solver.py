"""Exact answers about linear constraints. The only module that knows the solvers.

Counts are whole numbers, money is any fraction of a đồng. OR-Tools CP-SAT answers about counts alone, fast but in 64 bits; Z3
answers where money comes in or 64 bits leave no room, and confirms every conflict without a bound on the values. Limits are
counted in the solvers' own steps, not in seconds, so that the same question gets the same answer on every machine. An
answer is yes, no, or unknown; unknown never accuses.
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
_HEADROOM = 1_000  # values up to this many times the largest stated one must fit, or Z3 answers


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
        self._any_size = _AnySize(self.quantities, continuous)
        self._solver = self._any_size
        if not continuous.intersection(self.quantities):
            caps = _caps(self.quantities, [*self._rule_parts, *(part for claim in claims for part in claim.parts)])
            self._solver = self._any_size if caps is None else _SixtyFourBits(caps)

    def feasible(self, claims: Iterable[str], also: Sequence[Linear] = ()) -> Answer:
        """Can these claims all hold, and what else is asked for with them?"""
        return self._solver.feasible([*self._parts(claims), *also])

    def extent(self, quantity: Quantity, claims: Iterable[str]) -> tuple[Fraction, Fraction | None]:
        """Smallest and largest value of a quantity under the claims; None where nothing bounds it from above.

        An end that the quantity only comes close to is given as if it were reached.

        Raises:
            Undecided: No proof within the limit, or the claims cannot hold.
        """
        return self._solver.extent(self._parts(claims), quantity)

    def confirmed(self, conflict: Iterable[str]) -> bool:
        """Whether the claims cannot hold for values of any size either."""
        return self._any_size.feasible(self._parts(conflict)) is Answer.NO

    def _parts(self, claims: Iterable[str]) -> list[Linear]:
        return [*self._rule_parts, *(part for claim in claims for part in self._claim_parts[claim])]


class _SixtyFourBits:
    """CP-SAT over whole numbers from 0 to a cap for each quantity."""

    def __init__(self, caps: dict[Quantity, int]):
        self._caps = caps

    def feasible(self, parts: Sequence[Linear]) -> Answer:
        status = _cp_sat().solve(self._model(parts)[0])
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer.YES
        return Answer.NO if status == cp_model.INFEASIBLE else Answer.UNKNOWN

    def extent(self, parts: Sequence[Linear], quantity: Quantity) -> tuple[Fraction, Fraction | None]:
        model, variables = self._model(parts)
        ends = []
        for objective in (model.minimize, model.maximize):
            objective(variables[quantity])
            solver = _cp_sat()
            if solver.solve(model) != cp_model.OPTIMAL:
                raise Undecided(quantity.key)
            ends.append(Fraction(solver.value(variables[quantity])))
            model.clear_objective()
        return ends[0], (None if ends[1] >= self._caps[quantity] else ends[1])

    def _model(self, parts: Sequence[Linear]) -> tuple[cp_model.CpModel, dict[Quantity, cp_model.IntVar]]:
        model = cp_model.CpModel()
        variables = {quantity: model.new_int_var(0, cap, "") for quantity, cap in self._caps.items()}
        for part in parts:
            terms, lower, upper = _in_whole_numbers(part)
            total = cp_model.LinearExpr.weighted_sum([variables[quantity] for quantity, _ in terms], [c for _, c in terms])
            model.add_linear_constraint(total, -_LARGEST_SUM if lower is None else lower, _LARGEST_SUM if upper is None else upper)
        return model, variables


class _AnySize:
    """Z3 over numbers of any size, not negative: whole ones, and fractions for continuous quantities."""

    def __init__(self, quantities: Sequence[Quantity], continuous: frozenset[Quantity]):
        self._sorts = {quantity: quantity in continuous for quantity in quantities}

    def feasible(self, parts: Sequence[Linear]) -> Answer:
        import z3

        answer = self._stated(z3.Solver(), parts)[0].check()
        return Answer.YES if answer == z3.sat else Answer.NO if answer == z3.unsat else Answer.UNKNOWN

    def extent(self, parts: Sequence[Linear], quantity: Quantity) -> tuple[Fraction, Fraction | None]:
        import z3

        ends: list[Fraction | None] = []
        for side in ("minimize", "maximize"):
            optimize, variables = self._stated(z3.Optimize(), parts)
            goal = getattr(optimize, side)(variables[quantity])
            if optimize.check() != z3.sat:
                raise Undecided(quantity.key)
            infinite, end, _ = goal.lower_values() if side == "minimize" else goal.upper_values()
            ends.append(None if infinite.as_long() else Fraction(end.as_fraction() if z3.is_rational_value(end) else end.as_long()))
        return ends[0] or Fraction(0), ends[1]

    def _stated(self, solver, parts: Sequence[Linear]):
        import z3

        solver.set("rlimit", STEP_LIMIT)
        variables = {q: z3.Real(f"q{i}") if continuous else z3.Int(f"q{i}") for i, (q, continuous) in enumerate(self._sorts.items())}
        solver.add([variable >= 0 for variable in variables.values()])
        for part in parts:
            terms, interval = _with_whole_coefficients(part)
            total = z3.Sum([c * variables[quantity] for quantity, c in terms])
            for end, strict, test in (
                (interval.lower, interval.lower_open, (total.__ge__, total.__gt__)),
                (interval.upper, interval.upper_open, (total.__le__, total.__lt__)),
            ):
                if end is not None:
                    solver.add(test[strict](z3.Q(end.numerator, end.denominator) if end.denominator > 1 else end.numerator))
        return solver, variables


def _with_whole_coefficients(part: Linear) -> tuple[list[tuple[Quantity, int]], Interval]:
    """The same constraint times what makes its coefficients whole and without a common factor."""
    scale = math.lcm(*(coefficient.denominator for _, coefficient in part.terms))
    coefficients = [int(coefficient * scale) for _, coefficient in part.terms]
    divisor = math.gcd(*coefficients) or 1
    terms = [(quantity, c // divisor) for (quantity, _), c in zip(part.terms, coefficients)]
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


def _caps(quantities: Sequence[Quantity], parts: Sequence[Linear]) -> dict[Quantity, int] | None:
    """For each quantity a value well above all that is stated of its measure, such that no sum leaves 64 bits; None if none fits."""
    rows = [_in_whole_numbers(part) for part in parts]
    stated = dict.fromkeys((quantity.measure for quantity in quantities), 1)
    ends = [(terms, [abs(end) for end in (lower, upper) if end is not None]) for terms, lower, upper in rows]
    for terms, sizes in ends:
        if len(terms) == 1:
            measure = terms[0][0].measure
            stated[measure] = max(stated[measure], *sizes, 1)
    sums = [sum(abs(c) * stated[quantity.measure] for quantity, c in terms) for terms, _ in ends]
    headroom = _LARGEST_SUM // max([1, *sums, *stated.values(), *(size for _, sizes in ends for size in sizes)])
    return None if headroom < _HEADROOM else {quantity: stated[quantity.measure] * headroom for quantity in quantities}


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
