"""Real growth: a year weighs as much as its funding where that is known, otherwise as much as any other."""

import itertools
from fractions import Fraction

import pytest

from kcq_eval.claims import Quantity
from kcq_eval.estimates import Bounded, Estimates
from kcq_eval.evaluation import evaluate
from kcq_eval.findings import findings
from kcq_eval.indicators.funding import funding_by_year, funding_numbers, weighting
from kcq_eval.parameters import Period, read_parameters
from kcq_eval.prices import PriceIndex
from kcq_eval.texts import Texts

F = Fraction
NOW, BEFORE = Period(2021, 2023), Period(2018, 2020)
INDEX = PriceIndex("cpi", {year: F(100 + 5 * (year - 2018)) for year in range(2018, 2024)})
DEMONSTRATION = {"register": "data/demonstration/register.csv"}


def estimates(published, **amounts):
    """Focal funding of the two periods and of single years (`y2021=…`), exact or as (lower, upper)."""
    found = {}
    for name, amount in amounts.items():
        period = {"now": NOW, "before": BEFORE}.get(name) or Period(int(name[1:]), int(name[1:]))
        lower, upper = amount if isinstance(amount, tuple) else (amount, amount)
        found[Quantity("funding", period, "ipc1", "focal")] = Bounded((F(lower) + F(upper)) / 2, F(lower), F(upper), frozenset({name}))
    return Estimates(published.vocabulary, found)


def numbers(found, language="en"):
    return funding_numbers(found, {"cpi": INDEX}, read_parameters({"language": language}))


def test_each_years_money_is_deflated_by_its_own_years_index(published):
    found = numbers(estimates(published, now=600, before=300, y2021=100, y2022=200, y2023=300, y2018=300, y2019=0, y2020=0))
    real_now = F(100) / 115 + F(200) / 120 + F(300) / 125
    growth = (real_now / (F(300) / 100) - 1) * 100
    assert found["funding.growth.cpi"].bounded.value == found["funding.growth.cpi"].bounded.lower == growth
    assert found["funding.prices_equal.cpi"].bounded.value == (F(120) / 105 - 1) * 100
    assert found["funding.growth.cpi"].about["weights"] == "funding"
    assert {"y2021", "y2022", "y2023", "y2018"} <= found["funding.growth.cpi"].bounded.claims


def test_years_weigh_the_same_where_their_funding_is_not_known(published):
    found = numbers(estimates(published, now=600, before=300))
    assert found["funding.growth.cpi"].bounded.value == (F(600) / (300 * F(120) / 105) - 1) * 100
    assert found["funding.growth.cpi"].label == "funding.growth.real" and "funding.prices_equal.cpi" not in found


@pytest.mark.parametrize(
    ("years", "weights"),
    [
        ({}, "equal"),
        ({"y2021": 100, "y2022": 500}, "current"),  # the years add up to the whole, so 2023 had none
        ({"y2021": 100, "y2022": 400}, "equal"),
        ({"y2021": 100, "y2022": 200, "y2023": (299, 301)}, "current"),
        ({"y2021": 100, "y2022": 200, "y2023": (280, 320)}, "equal"),  # hardly known
        ({"y2018": 100, "y2019": 100, "y2020": 100}, "baseline"),
        ({"y2018": 100, "y2019": 100, "y2020": 100, "y2021": 600}, "funding"),
    ],
)
def test_weights_are_taken_period_by_period_and_told(years, weights, published):
    found = estimates(published, now=600, before=300, **years)
    assert weighting(found, read_parameters({})) == weights
    assert numbers(found)["funding.prices.cpi"].about.get("weights", "equal") == weights
    if "y2023" not in years and weights == "current":
        assert sorted(funding_by_year(found, NOW, centre="ipc1", scheme_kind="focal")) == [2021, 2022]


def test_a_period_of_one_year_needs_no_weights(published):
    found = {Quantity("funding", Period(year, year), "ipc1", "focal"): Bounded.exactly(100) for year in (2018, 2021)}
    parameters = read_parameters({"period": "2021", "baseline": "2018"})
    assert weighting(Estimates(published.vocabulary, found), parameters) == "equal"


def test_bounds_of_the_mean_hold_every_choice_of_amounts():
    amounts = {2018: (F(10), F(0), F(20)), 2020: (F(30), F(25), F(35)), 2023: (F(5), F(0), F(50))}
    value, lower, upper = INDEX.mean_of_money(amounts)
    means = [
        sum(chosen) / sum(amount / INDEX.by_year[year] for year, amount in zip(amounts, chosen))
        for chosen in itertools.product(*([low + (high - low) * step / 4 for step in range(5)] for _, low, high in amounts.values()))
    ]
    assert lower == min(means) <= value <= max(means) == upper


def test_a_year_with_money_but_no_index_leaves_real_growth_out():
    assert INDEX.mean_of_money({2018: (F(1),) * 3, 2030: (F(1),) * 3}) is None
    assert INDEX.mean_of_money({2018: (F(1),) * 3, 2030: (F(0),) * 3}) == (100, 100, 100)


@pytest.mark.parametrize(("language", "told", "comma"), [("vi", "trọng số mỗi năm là kinh phí năm đó", ","), ("en", "each year weighing as much as its funding", ".")])
def test_a_registers_money_by_year_is_the_weight_and_the_label_and_a_finding_say_so(language, told, comma):
    parameters = read_parameters({"language": language, **DEMONSTRATION})
    evaluation = evaluate(parameters)
    found = funding_numbers(evaluation.estimates, evaluation.prices, parameters)
    texts = Texts(parameters, evaluation.published.vocabulary, found)
    assert told in texts.label_of(found["funding.growth.cpi"]) and told in texts.label_of(found["funding.prices.cpi"])
    (finding,) = [f for f in findings("funding_growth", texts, parameters) if f.id == "funding_weights"]
    assert comma in finding.text and not finding.main
    yearly = {year: evaluation.estimates.get("funding", Period(year, year), "ipc1", scheme_kind="focal").value for year in range(2018, 2024)}
    real = {p: sum(yearly[y] / evaluation.prices["cpi"].by_year[y] for y in p.years) for p in (NOW, BEFORE)}
    assert found["funding.growth.cpi"].bounded.value == (real[NOW] / real[BEFORE] - 1) * 100
