"""Results under every combination of choices: the curve holds what single runs give, and variance is shared out exactly."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcq_eval import exhibits
from kcq_eval.evaluation import evaluate
from kcq_eval.findings import sensitivity_findings
from kcq_eval.parameters import read_parameters
from kcq_eval.sensitivity import OUTCOMES, _effects, choices, curves, sensitivity_numbers
from kcq_eval.texts import LANGUAGES, Texts

REGISTER = "data/demonstration/register.csv"


@pytest.fixture(scope="module", params=["", REGISTER], ids=["published", "register"])
def evaluation(request):
    return evaluate(read_parameters({"register": request.param}))


@pytest.fixture(scope="module")
def found(evaluation):
    return curves(evaluation)


def test_every_point_is_what_a_run_with_these_parameters_gives(evaluation, found):
    outcomes = {outcome.name: outcome for outcome in OUTCOMES}
    assert {curve.outcome for curve in found} == set(outcomes)
    for curve in found:
        outcome = outcomes[curve.outcome]
        for specification in curve.specifications[:: max(1, len(curve.specifications) // 6)]:
            sets = dict(zip((choice.name for choice in curve.choices), specification.codes))
            alone = evaluate(read_parameters(evaluation.parameters.model_dump() | sets))
            number = outcome.numbers(alone, alone.parameters)[outcome.number_id(alone.parameters)]
            assert (number.bounded.value, number.bounded.lower, number.bounded.upper) == (
                specification.number.bounded.value, specification.number.bounded.lower, specification.number.bounded.upper,
            )  # fmt: skip


def test_each_combination_stands_once_and_the_own_is_marked(evaluation, found):
    for curve in found:
        codes = [specification.codes for specification in curve.specifications]
        assert sorted(codes) == sorted(itertools.product(*(choice.codes for choice in curve.choices)))
        (own,) = [specification.codes for specification in curve.specifications if specification.chosen]
        told = dict(zip((choice.name for choice in curve.choices), own))
        assert all(getattr(evaluation.parameters, name) == code for name, code in told.items() if name != "explanation")
        values = [specification.number.bounded.value for specification in curve.specifications]
        assert values == sorted(values)


def test_only_periods_that_are_known_are_baselines(evaluation):
    assert "baseline" not in {choice.name for choice in choices(evaluation)}


def test_of_the_published_share_the_figure_set_aside_matters_most():
    evaluation = evaluate(read_parameters({}))
    (share,) = [curve for curve in curves(evaluation) if curve.outcome == "facility_share"]
    assert share.most.name == "explanation"
    assert {choice.name for choice, effect in zip(share.choices, share.effects) if effect} == {"explanation", "share_whole"}
    assert share.is_worth_drawing and not share.is_change


def test_numbers_findings_and_figure_say_the_same_in_both_languages(evaluation, found):
    numbers = sensitivity_numbers(found)
    for curve in found:
        assert numbers[f"sensitivity.{curve.outcome}.combinations"].bounded.value == len(curve.specifications)
    for language in LANGUAGES:
        parameters = evaluation.parameters.model_copy(update={"language": language})
        texts = Texts(parameters, evaluation.published.vocabulary, numbers)
        told = sensitivity_findings(found, texts)
        assert len(told) == len(found) and not any(finding.main for finding in told)
        for curve, finding in zip(found, told):
            assert texts.number(curve.lowest) in finding.text and texts.number(curve.highest) in finding.text
            exhibit = exhibits.specification_curve(curve, texts, evaluation)
            assert texts.number(curve.highest) in exhibit.words.title
            assert len(exhibit.rows) == len(curve.specifications)


small = st.integers(-20, 20).map(Fraction)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 3), min_size=1, max_size=4), st.data())
def test_effects_add_up_and_are_the_mean_over_all_orders(sizes, data):
    combinations = list(itertools.product(*(map(str, range(size)) for size in sizes)))
    values = dict(zip(combinations, data.draw(st.lists(small, min_size=len(combinations), max_size=len(combinations)))))
    effects = _effects(len(sizes), values)
    if len(set(values.values())) == 1:
        assert not any(effects)
        return
    assert sum(effects) == 1 and all(effect >= 0 for effect in effects)
    whole, orders = variance_given(range(len(sizes)), values), list(itertools.permutations(range(len(sizes))))
    for place, effect in enumerate(effects):
        gains = [variance_given((*order[: order.index(place)], place), values) - variance_given(order[: order.index(place)], values) for order in orders]
        assert effect == sum(gains) / len(orders) / whole


def variance_given(known, values):
    """E[Y²] of the mean given some coordinates, less the square of the mean: another way than the package's."""
    known, count = tuple(known), len(values)
    sums = {}
    for codes, value in values.items():
        sums.setdefault(tuple(codes[place] for place in known), []).append(value)
    return sum(sum(group) ** 2 / len(group) for group in sums.values()) / count - (sum(values.values()) / count) ** 2


@given(st.lists(st.lists(small, min_size=2, max_size=3, unique=True), min_size=1, max_size=3))
def test_effects_of_a_sum_are_the_parts_of_its_variance(parts):
    values = {tuple(map(str, places)): sum(part[place] for part, place in zip(parts, places)) for places in itertools.product(*(range(len(p)) for p in parts))}
    alone = [sum((x - sum(part) / len(part)) ** 2 for x in part) / len(part) for part in parts]
    assert _effects(len(parts), values) == tuple(one / sum(alone) for one in alone)
