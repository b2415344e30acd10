"""How far a result depends on choices that could have been made otherwise: every combination of them, and which one moves it most.

The evaluation is made once under every combination of the choices (a specification curve); a result's variance over them is shared out
among the choices by their Shapley effects.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from kcq_eval.estimates import Bounded
from kcq_eval.evaluation import Evaluation, evaluate
from kcq_eval.indicators.composition import facility_numbers
from kcq_eval.indicators.coverage import coverage_numbers
from kcq_eval.indicators.funding import funding_numbers
from kcq_eval.numbers import Number, Numbers, computing, report
from kcq_eval.parameters import Parameters, Period
from kcq_eval.vocabulary import ALL, VINTAGES

_MOST_EXPLANATIONS, _MOST_BASELINES = 8, 4  # alternatives of one choice: a curve that nobody can read shows nothing


@dataclass(frozen=True)
class Choice:
    """A choice that could have been made otherwise.

    Attributes:
        name: The parameter that it is about.
        codes: Its alternatives as values of the parameter, the run's own first.
        evidence: Whether it changes the estimates; the others only change how they are read.
    """

    name: str
    codes: tuple[str, ...]
    evidence: bool = False


@dataclass(frozen=True)
class Outcome:
    """A result whose dependence on choices is examined.

    Attributes:
        numbers: The indicators among which it stands.
        number_id: Its id under the parameters of one combination.
        reads: Parameters other than the evidence that `numbers` depends on.
    """

    name: str
    numbers: Callable[[Evaluation, Parameters], Numbers]
    number_id: Callable[[Parameters], str]
    reads: tuple[str, ...] = ()


OUTCOMES = (
    Outcome("funding_growth", lambda e, p: funding_numbers(e.estimates, e.prices, p), lambda p: f"funding.growth.{p.price_basis}"),
    Outcome(
        "per_facility_growth", lambda e, p: funding_numbers(e.estimates, e.prices, p), lambda p: f"funding.per_facility.growth.{p.price_basis}"
    ),
    Outcome("facilities_growth", lambda e, p: facility_numbers(e.estimates, p), lambda p: "facilities.growth", ("share_whole",)),
    Outcome("facility_share", lambda e, p: facility_numbers(e.estimates, p), lambda p: "facilities.share.current", ("share_whole",)),
    Outcome("coverage", lambda e, p: coverage_numbers(e.estimates, p), lambda p: f"coverage.{p.map_vintage}.share.current"),
)


@dataclass(frozen=True)
class Specification:
    """A combination of choices, as the code of each, and the result under it."""

    codes: tuple[str, ...]
    number: Number
    chosen: bool = False


@dataclass(frozen=True)
class Curve:
    """A result under every combination of the choices.

    Attributes:
        choices: What moves it most comes first.
        specifications: From the lowest to the highest value; of equal ones in the order of the choices.
        effects: For each choice its part of the result's variance, adding up to one; all zero where nothing moves it.
        depends: Whether there are tied explanations that are not among the combinations.
    """

    outcome: str
    choices: tuple[Choice, ...]
    specifications: tuple[Specification, ...]
    effects: tuple[Fraction, ...]
    depends: bool

    @property
    def lowest(self) -> Number:
        return self.specifications[0].number

    @property
    def highest(self) -> Number:
        return self.specifications[-1].number

    @property
    def moves(self) -> bool:
        """Whether any choice makes a difference."""
        return any(self.effects)

    @property
    def most(self) -> Choice | None:
        """The choice that moves it more than every other; None where two tie, or nothing does."""
        ordered = sorted(self.effects, reverse=True)
        if not self.moves or (len(ordered) > 1 and ordered[0] == ordered[1]):
            return None
        return self.choices[self.effects.index(ordered[0])]

    @property
    def direction(self) -> str:
        """`up` or `down` where the bounds decide it under every combination, else `undirected`."""
        directions = {specification.number.direction for specification in self.specifications}
        return directions.pop() if len(directions) == 1 and directions <= {"up", "down"} else "undirected"

    @property
    def is_change(self) -> bool:
        """Whether the result is a change, so that it has a direction."""
        return self.outcome.endswith("_growth")

    @property
    def is_worth_drawing(self) -> bool:
        """Whether at least two choices move it; how one choice does needs no curve."""
        return sum(effect > 0 for effect in self.effects) > 1


def curves(evaluation: Evaluation) -> tuple[Curve, ...]:
    """The curve of every result that is known under each combination of choices."""
    offered, outcomes = choices(evaluation), _Outcomes(evaluation)
    found = (_curve(outcome, offered, outcomes) for outcome in OUTCOMES)
    return tuple(curve for curve in found if curve is not None)


def choices(evaluation: Evaluation) -> tuple[Choice, ...]:
    """What could have been chosen otherwise; a choice with one alternative is none."""
    parameters = evaluation.parameters
    offered = [
        Choice("explanation", _explanations(evaluation), evidence=True),
        Choice("baseline", _baselines(evaluation), evidence=True),
        Choice("price_basis", _own_first(parameters.price_basis, ("nominal", *evaluation.prices))),
        Choice("map_vintage", _own_first(parameters.map_vintage, VINTAGES)),
    ]
    if parameters.scheme_kind != ALL:
        offered.append(Choice("share_whole", _own_first(parameters.share_whole, ("all", "rest"))))
    if evaluation.register is not None:
        offered.append(Choice("count_unit", _own_first(parameters.count_unit, ("support", "facility")), evidence=True))
    return tuple(choice for choice in offered if len(choice.codes) > 1)


@computing
def sensitivity_numbers(found: Sequence[Curve]) -> Numbers:
    """For each result how many combinations there are, its lowest and highest value over them, and each choice's part."""
    return Numbers(number for curve in found for number in _numbers(curve))


def _numbers(curve: Curve) -> Iterator[Number]:
    about, start = {"outcome": curve.outcome}, f"sensitivity.{curve.outcome}"
    yield from report(f"{start}.combinations", Bounded.exactly(len(curve.specifications)), "count", 0, "sensitivity.combinations", **about)
    for end, number in (("lowest", curve.lowest), ("highest", curve.highest)):
        bounded = replace(number.bounded, depends=number.bounded.depends and curve.depends)
        yield Number(f"{start}.{end}", bounded, number.unit, number.decimals, f"sensitivity.{end}", about)
    if curve.moves:
        for choice, effect in zip(curve.choices, curve.effects):
            part = Bounded.exactly(effect * 100)
            yield from report(f"{start}.effect.{choice.name}", part, "percent", 1, "sensitivity.effect", **about, choice=choice.name)


def _own_first(own: str, codes: Sequence[str]) -> tuple[str, ...]:
    return (own, *(code for code in codes if code != own))


def _explanations(evaluation: Evaluation) -> tuple[str, ...]:
    """The tied explanations; the accepted one, whatever it is, comes first."""
    tied = ["+".join(explanation) for explanation in evaluation.corrected.tied]
    accepted = "+".join(evaluation.set_aside)
    return _own_first(accepted, tied)[:_MOST_EXPLANATIONS] if accepted or tied else ()


def _baselines(evaluation: Evaluation) -> tuple[str, ...]:
    """The run's baseline, and those as long as it that end shortly before the evaluated period, where anything is known of them."""
    parameters = evaluation.parameters
    length, last = len(parameters.baseline_period.years), parameters.current_period.start - 1
    windows = [Period(end - length + 1, end) for end in range(last, last - _MOST_BASELINES, -1)]
    return _own_first(parameters.baseline, [str(window) for window in windows if _known(window, evaluation)])


def _known(period: Period, evaluation: Evaluation) -> bool:
    """Whether the register has every year of a period, or claims say what it spent."""
    parameters, register = evaluation.parameters, evaluation.register
    if register is not None:
        return all(register.has(Period(year, year)) for year in period.years)
    return evaluation.estimates.get("funding", period, parameters.centre, scheme_kind=parameters.scheme_kind) is not None


# What the results under other choices follow from, besides the estimates of the run's own: all that says which data are evaluated.
_GROUND = (
    "period", "baseline", "allow_unequal_periods", "sources", "centre", "scheme_kind", "explanation", "register", "register_numbers", "count_unit",
    "data_dir",
)  # fmt: skip
_MOST_KEPT = 2_000
_memory: dict[tuple, Numbers] = {}  # for runs after each other that differ only in how results are told


class _Outcomes:
    """The results of an evaluation under other choices; what several combinations share is computed once."""

    def __init__(self, evaluation: Evaluation):
        self._own = evaluation.parameters
        self.tied = evaluation.corrected.tied_count
        prices = [(basis, index.by_year) for basis, index in evaluation.prices.items()]
        self._ground = evaluation.estimates, repr([prices, *(getattr(evaluation.parameters, name) for name in _GROUND)])

    def number(self, outcome: Outcome, combination: Iterable[tuple[Choice, str]]) -> Number | None:
        """The result under some choices, everything else as the run has it; None where it is not known."""
        combination = list(combination)
        evidence = {choice.name: code for choice, code in combination if choice.evidence}
        parameters = self._own.model_copy(update={choice.name: code for choice, code in combination})
        key = (self._ground, outcome.name, *sorted(evidence.items()), *(getattr(parameters, name) for name in outcome.reads))
        if key not in _memory:
            if len(_memory) >= _MOST_KEPT:
                _memory.clear()
            _memory[key] = outcome.numbers(evaluate(self._own.model_copy(update=evidence)), parameters)
        numbers, number_id = _memory[key], outcome.number_id(parameters)
        known = number_id in numbers and numbers[number_id].bounded.upper is not None
        return numbers[number_id] if known else None


def _curve(outcome: Outcome, offered: tuple[Choice, ...], outcomes: _Outcomes) -> Curve | None:
    """None where the result is not known under the run's own choices, or under some combination of the others."""
    told = [replace(choice, codes=tuple(code for code in choice.codes if outcomes.number(outcome, [(choice, code)]))) for choice in offered]
    varied = tuple(choice for choice in told if len(choice.codes) > 1)
    if not varied or any(choice.codes[0] not in ours.codes for choice, ours in zip(offered, told)):
        return None
    found = {codes: outcomes.number(outcome, zip(varied, codes)) for codes in itertools.product(*(choice.codes for choice in varied))}
    if not all(found.values()):
        return None
    effects = _effects(len(varied), {codes: number.bounded.value for codes, number in found.items()})
    order = sorted(range(len(varied)), key=lambda place: -effects[place])
    varied = tuple(varied[place] for place in order)
    found = {tuple(codes[place] for place in order): number for codes, number in found.items()}
    places = [{code: place for place, code in enumerate(choice.codes)} for choice in varied]
    ordered = sorted(found, key=lambda codes: (found[codes].bounded.value, *(place[code] for place, code in zip(places, codes))))
    own = tuple(choice.codes[0] for choice in varied)
    specifications = tuple(Specification(codes, found[codes], codes == own) for codes in ordered)
    explained = next((len(choice.codes) for choice in varied if choice.name == "explanation"), 1)
    return Curve(outcome.name, varied, specifications, tuple(effects[place] for place in order), explained < outcomes.tied)


def _effects(count: int, values: Mapping[tuple[str, ...], Fraction]) -> tuple[Fraction, ...]:
    """Shapley effects: each choice's part of the variance, over all orders in which the choices could become known.

    The worth of a set of choices is the variance of the mean given them (Owen, 2014), every combination weighing the same; exact.
    """
    return _effects_of(count, tuple(values.items()))


@functools.lru_cache(maxsize=256)
def _effects_of(count: int, found: tuple[tuple[tuple[str, ...], Fraction], ...]) -> tuple[Fraction, ...]:
    values = dict(found)
    worth = {known: _explained(known, values) for size in range(count + 1) for known in itertools.combinations(range(count), size)}
    whole = worth[tuple(range(count))]
    if not whole:
        return (Fraction(0),) * count
    effects = []
    for place in range(count):
        others = [other for other in range(count) if other != place]
        effect = Fraction(0)
        for size in range(count):
            weight = Fraction(math.factorial(size) * math.factorial(count - size - 1), math.factorial(count))
            for known in itertools.combinations(others, size):
                effect += weight * (worth[tuple(sorted((*known, place)))] - worth[known])
        effects.append(effect / whole)
    return tuple(effects)


def _explained(known: tuple[int, ...], values: Mapping[tuple[str, ...], Fraction]) -> Fraction:
    """Variance of the mean value given the choices known."""
    groups: dict[tuple[str, ...], list[Fraction]] = {}
    for codes, value in values.items():
        groups.setdefault(tuple(codes[place] for place in known), []).append(value)
    mean = sum(values.values()) / len(values)
    return sum(len(group) * (sum(group) / len(group) - mean) ** 2 for group in groups.values()) / len(values)
