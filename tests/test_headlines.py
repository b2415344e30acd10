"""Titles say what the bounds decide, for other data too, and nothing at a tie."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcq_eval.estimates import Bounded
from kcq_eval.headlines import comparison, course, direction, leader, leader_throughout, most_of, mover, split_title


def between(lower, upper):
    ends = Fraction(lower), Fraction(upper)
    return Bounded(sum(ends) / 2, *ends)


def points(*values):
    return {f"type {number}": Bounded.exactly(value) for number, value in enumerate(values)}


def test_a_direction_is_said_only_where_zero_is_ruled_out():
    assert [direction(between(*ends)) for ends in ((1, 2), (0, 2), (-2, 2), (-2, 0), (-2, -1))] == ["up", None, None, None, "down"]
    assert direction(Bounded(Fraction(-1), Fraction(-2), None)) is None


@pytest.mark.parametrize(
    ("number", "size", "title"),
    [((1, 2), (-3, -1), "up_down"), ((1, 2), (1, 2), "up_up"), ((-2, -1), (5, 6), "down_up"), ((-2, -1), (-6, -5), "down_down"), ((0, 0), (5, 6), "neutral"), ((-1, 1), (5, 6), "neutral")],
)
def test_a_split_is_told_by_the_directions_of_both_effects(number, size, title):
    assert split_title(between(*number), between(*size)) == title


def test_the_leader_is_above_every_other_and_a_tie_has_none():
    assert leader(points(3, 7, 5)) == "type 1"
    assert leader(points(7, 7, 5)) is None and leader(points(7)) is None
    assert leader({"a": between(6, 8), "b": between(2, 6)}) is None
    assert leader({"a": between(7, 8), "b": Bounded(Fraction(1), Fraction(1), None)}) is None


def test_the_mover_may_have_fallen():
    assert mover(points(5, Fraction(-19, 2), 3)) == "type 1"
    assert mover(points(5, -5)) is None and mover({"a": between(-9, 9), "b": between(0, 1)}) is None


def test_most_of_a_change_is_more_than_half_in_its_direction():
    assert most_of(Bounded.exactly(82), points(76, -2, 3, 5)) == "type 0"
    assert most_of(Bounded.exactly(-10), points(-6, -4)) == "type 0"
    assert most_of(Bounded.exactly(10), points(5, 5)) is None
    assert most_of(Bounded.exactly(0), points(5, -5)) is None
    assert most_of(between(80, 84), {"a": between(40, 76)}) is None


def test_years_rise_or_fall_throughout_or_have_one_highest():
    assert course(list(points(1, 2, 3).values())) == ("rising", 2)
    assert course(list(points(3, 2, 1).values())) == ("falling", 2)
    assert course(list(points(10, 110, 61).values())) == ("highest", 1)
    assert course(list(points(10, 10, 3).values())) == ("neutral", 0)
    assert course([]) == ("neutral", 0) and course(list(points(4).values())) == ("neutral", 0)


def test_one_that_leads_in_every_year_is_named():
    assert leader_throughout([points(1, 5), points(2, 3)]) == "type 1"
    assert leader_throughout([points(1, 5), points(3, 2)]) is None and leader_throughout([points(5, 5)]) is None


def test_two_values_whose_bounds_meet_are_not_compared():
    assert [comparison(between(*a), between(*b)) for a, b in (((3, 4), (1, 2)), ((1, 2), (3, 4)), ((1, 3), (3, 4)))] == ["up", "down", None]


spans = st.tuples(st.integers(-20, 20), st.integers(0, 6)).map(lambda ends: (ends[0], ends[0] + ends[1]))


@given(st.lists(spans, min_size=2, max_size=4), st.data())
def test_what_is_said_holds_for_every_value_that_the_bounds_allow(ends, data):
    names = [f"type {number}" for number in range(len(ends))]
    bounded = {name: between(*span) for name, span in zip(names, ends, strict=True)}
    values = {name: data.draw(st.integers(*span)) for name, span in zip(names, ends, strict=True)}
    if (first := leader(bounded)) is not None:
        assert all(values[first] > value for name, value in values.items() if name != first)
    if (moved := mover(bounded)) is not None:
        assert all(abs(values[moved]) > abs(value) for name, value in values.items() if name != moved)
    whole = data.draw(spans)
    if (most := most_of(between(*whole), bounded)) is not None:
        total = data.draw(st.integers(*whole))
        assert values[most] * total > 0 and 2 * abs(values[most]) > abs(total)
