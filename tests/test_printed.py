"""What a figure as published stands for: which texts are read, as which exact interval, and which are refused."""

import pickle
import unicodedata
from decimal import Decimal
from fractions import Fraction

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from kcq_eval.printed import (
    ENGLISH,
    HEDGES,
    MAX_LENGTH,
    NUMBER_FORMATS,
    PROBLEM_KEYS,
    ROUNDINGS,
    UNIT_WORDS,
    UNITS,
    VIETNAMESE,
    Interval,
    Printed,
    PrintedError,
    canonical,
    format_number,
    parse_number,
    parse_ratio,
)

F = Fraction


def refusal(read, *args, **declared) -> PrintedError:
    """The error with which a text is refused; its words must be there and its key must be a known one."""
    with pytest.raises(PrintedError) as caught:
        read(*args, **declared)
    assert caught.value.key in PROBLEM_KEYS and caught.value.found and caught.value.expected
    return caught.value


# --- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number_format", "value", "decimals"),
    [
        ("28,01", "vi", F(2801, 100), 2),
        ("28.01", "en", F(2801, 100), 2),
        ("232.908", "vi", F(232908), 0),
        ("232908", "vi", F(232908), 0),
        ("232,908", "en", F(232908), 0),
        ("1.234.567,890", "vi", F(1234567890, 1000), 3),
        ("1234567,890", "vi", F(1234567890, 1000), 3),
        ("1,234", "vi", F(1234, 1000), 3),
        ("03", None, F(3), 0),
        ("007", "en", F(7), 0),
        ("000", None, F(0), 0),
        ("0,50", "vi", F(1, 2), 2),
        ("+5", None, F(5), 0),
        ("-5", None, F(-5), 0),
        ("\N{MINUS SIGN}5,5", "vi", F(-11, 2), 1),
        ("\N{NO-BREAK SPACE} 12\t\n", None, F(12), 0),
        ("1000000000000000000000000000001", None, F(10**30 + 1), 0),
        ("1.000.000.000.000.000.000,000000000000000001", "vi", 10**18 + F(1, 10**18), 18),
    ],
)
def test_a_number_is_read_literally_and_exactly(text, number_format, value, decimals):
    assert parse_number(text, number_format) == (value, decimals)


@pytest.mark.parametrize(
    ("text", "number_format", "key"),
    [
        ("1.234", None, "undeclared_format"),
        ("12,5", None, "undeclared_format"),
        ("5", "de", "unknown_format"),
        ("23.29", "vi", "ungrouped_decimal"),
        ("23,29", "en", "ungrouped_decimal"),
        ("1234.567", "vi", "ungrouped_decimal"),
        ("0.123", "vi", "ungrouped_decimal"),
        ("1.23.456", "vi", "bad_groups"),
        ("1234.567.890", "vi", "bad_groups"),
        ("1.234567,5", "vi", "bad_groups"),
        ("1234.567,5", "vi", "bad_groups"),
        ("12.", "vi", "bad_groups"),
        (".123", "vi", "bad_groups"),
        ("1..234", "vi", "bad_groups"),
        ("232 908", "vi", "bad_groups"),
        ("232\N{NO-BREAK SPACE}908", "vi", "bad_groups"),
        ("232\N{NARROW NO-BREAK SPACE}908", "vi", "bad_groups"),
        ("232\N{THIN SPACE}908", "vi", "bad_groups"),
        ("12,", "vi", "bad_decimals"),
        (",5", "vi", "bad_decimals"),
        ("1,2,3", "vi", "bad_decimals"),
        ("1,234.567", "vi", "bad_decimals"),
        ("\N{EN DASH}5", "vi", "bad_sign"),
        ("", "vi", "not_a_number"),
        (" ", "vi", "not_a_number"),
        ("-", "vi", "not_a_number"),
        ("--5", "vi", "not_a_number"),
        ("- 5", "vi", "not_a_number"),
        ("(5)", "vi", "not_a_number"),
        ("NA", "vi", "not_a_number"),
        ("1e6", "en", "not_a_number"),
        ("5 %", "vi", "not_a_number"),
        ("\N{FULLWIDTH DIGIT FIVE}", "vi", "not_a_number"),
        ("1\N{ARABIC-INDIC DIGIT TWO}", "vi", "not_a_number"),
        ("10\N{SUPERSCRIPT TWO}", "vi", "not_a_number"),
        ("1" * (MAX_LENGTH + 1), "vi", "too_long"),
        ("1" * 10_000_000, "vi", "too_long"),
    ],
)
def test_a_text_that_is_not_one_number_in_the_declared_format_is_refused(text, number_format, key):
    assert refusal(parse_number, text, number_format).key == key


def test_a_decimal_with_the_wrong_mark_is_told_both_ways_out():
    error = refusal(parse_number, "23.29", "vi")
    assert "'23.29'" in error.found
    assert "groups need three digits" in error.expected and "decimal mark in format vi is ','" in error.expected


def test_an_error_survives_the_way_from_a_worker_process():
    error = refusal(parse_number, "23.29", "vi")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.key, str(copy)) == (error.key, str(error))


# --- units and compound amounts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "number_format", "value", "step"),
    [
        ("232.908", "million_vnd", "vi", F(232_908 * 10**6), F(10**6)),
        ("232.908 triệu đồng", "million_vnd", "vi", F(232_908 * 10**6), F(10**6)),
        ("1,6 tỷ đồng", "million_vnd", "vi", F(1_600 * 10**6), F(10**8)),
        ("1,6 tỉ", "vnd", "vi", F(1_600 * 10**6), F(10**8)),
        ("1.6 billion VND", "million_vnd", "en", F(1_600 * 10**6), F(10**8)),
        ("946,9 TRIỆU ĐỒNG", "billion_vnd", "vi", F(9469 * 10**5), F(10**5)),
        ("12 ngàn đồng", "vnd", None, F(12_000), F(1_000)),
        ("12 thousand VND", "vnd", None, F(12_000), F(1_000)),
        ("500 VNĐ", "million_vnd", None, F(500), F(1)),
        ("28,01 %", "percent", "vi", F(2801, 100), F(1, 100)),
        ("26,7%", "percent", "vi", F(267, 10), F(1, 10)),
        ("1,5 điểm phần trăm", "percentage_point", "vi", F(3, 2), F(1, 10)),
        ("1,5\N{NO-BREAK SPACE}điểm %", "percentage_point", "vi", F(3, 2), F(1, 10)),
        ("-1.5 percentage points", "percentage_point", "en", F(-3, 2), F(1, 10)),
        ("1 pp", "percentage_point", None, F(1), F(1)),
        ("05 năm", "year", None, F(5), F(1)),
        ("3 years", "year", None, F(3), F(1)),
        ("03", "count", None, F(3), F(1)),
        ("181 tỷ 946,9 triệu đồng", "million_vnd", "vi", F(181_946_900_000), F(10**5)),
        ("181 tỷ 000 triệu", "million_vnd", "vi", F(181 * 10**9), F(10**6)),
        ("1 tỷ 2 triệu 3 nghìn 4 đồng", "vnd", "vi", F(1_002_003_004), F(1)),
        ("-0 tỷ 200 triệu đồng", "vnd", None, F(-200 * 10**6), F(10**6)),
    ],
)
def test_an_amount_is_read_in_base_units_and_the_unit_in_the_text_wins(text, unit, number_format, value, step):
    printed = Printed(text, unit, number_format)
    assert (printed.value, printed.step) == (value, step)
    decomposed = Printed(unicodedata.normalize("NFD", text), unit, number_format)
    assert (decomposed.value, decomposed.step) == (value, step)


@pytest.mark.parametrize(
    ("text", "unit", "key"),
    [
        ("5", "euro", "unknown_unit"),
        ("13 cơ sở", "count", "unknown_unit_word"),
        ("5 tấn", "million_vnd", "unknown_unit_word"),
        ("5\N{EN DASH}10", "count", "unknown_unit_word"),
        ("5 %", "percentage_point", "unit_mismatch"),
        ("5 điểm %", "percent", "unit_mismatch"),
        ("5 triệu đồng", "count", "unit_mismatch"),
        ("5 năm", "count", "unit_mismatch"),
        ("5 tỷ 3 %", "million_vnd", "mixed_units"),
        ("3 % 5 tỷ", "million_vnd", "mixed_units"),
        ("946,9 triệu 181 tỷ", "million_vnd", "bad_compound"),
        ("1 tỷ 2 tỷ", "million_vnd", "bad_compound"),
        ("1 tỷ 0 tỷ", "million_vnd", "bad_compound"),
        ("1 tỷ 1000 triệu", "million_vnd", "bad_compound"),
        ("1,5 tỷ 200 triệu", "million_vnd", "bad_compound"),
        ("1,0 tỷ 200 triệu", "million_vnd", "bad_compound"),
        ("1 tỷ 200", "million_vnd", "bad_compound"),
        ("3 năm 2 năm", "year", "bad_compound"),
        ("1 tỷ -200 triệu", "million_vnd", "unknown_unit_word"),
        ("1 tỷ, 200 triệu", "million_vnd", "bad_decimals"),
        ("10\N{SUPERSCRIPT TWO}", "percent", "not_a_number"),
        ("1\N{ARABIC-INDIC DIGIT TWO} %", "percent", "not_a_number"),
        ("1" + "0" * 100, "count", "too_long"),
        ("0," + "0" * 101, "percent", "too_long"),
    ],
)
def test_an_amount_whose_units_do_not_fit_is_refused(text, unit, key):
    assert refusal(Printed, text, unit, "vi").key == key


def test_the_words_that_would_fit_are_named_when_a_unit_word_is_unknown():
    assert "triệu đồng" in refusal(Printed, "5 trieu", "million_vnd", "vi").expected
    assert refusal(Printed, "13 cơ sở", "count", "vi").expected == "the number alone"


# --- intervals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "rounding", "interval"),
    [
        ("28,01", "percent", "nearest", Interval(F(28005, 1000), F(28015, 1000))),
        ("28,010", "percent", "nearest", Interval(F(280095, 10000), F(280105, 10000))),
        ("232.908", "million_vnd", "nearest", Interval(F(232_907_500_000), F(232_908_500_000))),
        ("181 tỷ 946,9 triệu", "million_vnd", "nearest", Interval(F(181_946_850_000), F(181_946_950_000))),
        ("-0,3", "percentage_point", "nearest", Interval(F(-35, 100), F(-25, 100))),
        ("28,01", "percent", "truncated", Interval(F(2801, 100), F(2802, 100), upper_open=True)),
        ("-28,01", "percent", "truncated", Interval(F(-2802, 100), F(-2801, 100), lower_open=True)),
        ("0,0", "percent", "truncated", Interval(F(-1, 10), F(1, 10), lower_open=True, upper_open=True)),
        ("145", "count", "nearest", Interval(F(145), F(145))),
        ("145", "count", "truncated", Interval(F(145), F(145))),
        ("05 năm", "year", "nearest", Interval(F(5), F(5))),
        ("9,5", "count", "nearest", Interval(F(945, 100), F(955, 100))),
    ],
)
def test_a_figure_without_a_hedge_is_a_whole_count_or_was_rounded(text, unit, rounding, interval):
    assert Printed(text, unit, "vi", rounding=rounding).interval == interval


@pytest.mark.parametrize(
    ("text", "unit", "reach"),
    [
        ("71,2", "percent", F(1, 10)),
        ("71,20", "percent", F(1, 10)),
        ("145", "count", F(1)),
        ("200", "count", F(100)),
        ("1.050", "count", F(10)),
        ("1,6 tỷ đồng", "million_vnd", F(10**8)),
        ("181 tỷ 000 triệu", "million_vnd", F(10**9)),
        ("0", "count", F(1)),
        ("0,00", "percent", F(1, 100)),
    ],
)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_hedge_reaches_one_unit_of_the_last_nonzero_printed_digit(text, unit, reach, rounding):
    def interval(hedge):
        return Printed(text, unit, "vi", hedge, rounding).interval

    value = Printed(text, unit, "vi").value
    assert interval("over") == Interval(value, value + reach, lower_open=True)
    assert interval("above") == Interval(value, None, lower_open=True)
    assert interval("nearly") == Interval(value - reach, value, upper_open=True)
    assert interval("below") == Interval(None, value, upper_open=True)
    assert interval("about") == Interval(value - reach, value + reach)


@pytest.mark.parametrize("hedge", HEDGES)
def test_a_hedge_word_in_the_text_is_sent_to_the_hedge_column(hedge):
    for text in (f"{HEDGES[hedge]} 71,2", f"{HEDGES[hedge].upper()} 71,2 %", f"{hedge} 71,2"):
        for typed in (text, unicodedata.normalize("NFD", text)):
            error = refusal(Printed, typed, "percent", "vi")
            assert error.key == "hedge_in_text" and f"`{hedge}`" in error.expected
    assert "`below`" in refusal(Printed, "under 71.2", "percent", "en").expected


@pytest.mark.parametrize(
    ("declared", "key"),
    [
        ({"text": "-5", "hedge": "over"}, "hedge_on_negative"),
        ({"text": "13/28", "hedge": "about"}, "hedge_on_ratio"),
        ({"text": "5", "hedge": "hơn"}, "hedge_unknown"),
        ({"text": "5", "rounding": "up"}, "unknown_rounding"),
        ({"text": "5", "number_format": "fr"}, "unknown_format"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused_when_the_figure_is_made(declared, key):
    assert refusal(Printed, **{"unit": "percentage_point", "number_format": "vi"} | declared).key == key


def test_an_interval_knows_its_open_and_its_missing_ends():
    over_200 = Interval(200, 300, lower_open=True)
    assert 200 not in over_200 and F(401, 2) in over_200 and 300 in over_200 and 301 not in over_200
    assert 10**30 in Interval(200, None) and -(10**30) in Interval(None, 200) and 0 in Interval(None, None)
    assert Interval(3, 3).is_point and not over_200.is_point and not Interval(None, None).is_point
    assert Interval(200, None, upper_open=True) == Interval(200, None)


def test_two_intervals_share_the_tighter_ends_or_nothing():
    assert Interval(0, 5).intersect(Interval(3, 9)) == Interval(3, 5)
    assert Interval(0, 5).intersect(Interval(0, 5, lower_open=True, upper_open=True)) == Interval(0, 5, True, True)
    assert Interval(0, 5).intersect(Interval(5, 9)) == Interval(5, 5)
    assert Interval(0, 5).intersect(Interval(5, 9, lower_open=True)) is None
    assert Interval(0, 5).intersect(Interval(6, 9)) is None
    assert Interval(0, None).intersect(Interval(None, 5, upper_open=True)) == Interval(0, 5, upper_open=True)
    assert Interval(None, None).intersect(Interval(None, None)) == Interval(None, None)


def test_a_negative_factor_turns_an_interval_round():
    assert Interval(1, 2, lower_open=True).scaled(F(-1, 2)) == Interval(-1, F(-1, 2), upper_open=True)
    assert Interval(1, None, lower_open=True).negated() == Interval(None, -1, upper_open=True)
    assert Interval(1, 2, upper_open=True).scaled(100) == Interval(100, 200, upper_open=True)
    assert Interval(1, None).scaled(0) == Interval(0, 0)


def test_an_interval_without_values_or_with_floats_cannot_be_made():
    for bounds in ((2, 1, False, False), (1, 1, True, False), (1, 1, False, True)):
        with pytest.raises(ValueError):
            Interval(*bounds)
    for inexact in (lambda: Interval(0.5, None), lambda: 0.5 in Interval(0, 1), lambda: Interval(0, 1).scaled(0.5)):
        with pytest.raises(TypeError):
            inexact()


# --- ratios --------------------------------------------------------------------------------------------------------


def test_a_ratio_is_two_whole_numbers_and_never_one_value():
    printed = Printed("13/28", "count", "vi")
    assert printed.ratio == (13, 28) and canonical(printed) == "13/28"
    assert parse_ratio(" 1.300 / 02800 ", "vi") == (1300, 2800)
    for name in ("value", "step", "interval"):
        assert refusal(lambda: getattr(printed, name)).key == "ratio"
    assert refusal(lambda: Printed("13", "count").ratio).key == "not_a_ratio"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("13", "not_a_ratio"),
        ("26/12/2023", "bad_ratio"),
        ("13/0", "bad_ratio"),
        ("1,5/3", "bad_ratio"),
        ("-1/3", "not_a_number"),
        ("13/", "not_a_number"),
        ("13/28 tỉnh", "not_a_number"),
        ("khoảng 13/28", "hedge_in_text"),
    ],
)
def test_anything_else_is_no_ratio(text, key):
    assert refusal(parse_ratio, text, "vi").key == key


# --- printing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "decimals", "number_format", "text"),
    [
        (F(2801, 100), 2, "vi", "28,01"),
        (232908, 0, "vi", "232.908"),
        (232908, 0, "en", "232,908"),
        (232908, 0, None, "232908"),
        (F(-12345678, 10), 1, "en", "-1,234,567.8"),
        (F(1, 2), 0, "vi", "1"),
        (F(-1, 2), 0, "vi", "-1"),
        (F(5, 2), 0, "vi", "3"),
        (F(-1, 3), 0, "vi", "0"),
        (F(1, 200), 2, "en", "0.01"),
        (0, 2, "vi", "0,00"),
        (10**30, 1, "vi", "1.000.000.000.000.000.000.000.000.000.000,0"),
    ],
)
def test_a_number_is_printed_exactly_and_half_rounds_away_from_zero(value, decimals, number_format, text):
    assert format_number(value, decimals=decimals, number_format=number_format) == text


def test_printing_refuses_what_it_cannot_print():
    assert format_number(1234, decimals=0, number_format="vi", group=False) == "1234"
    assert refusal(format_number, 1, decimals=1, number_format=None).key == "undeclared_format"
    with pytest.raises(ValueError):
        format_number(1, decimals=-1, number_format="vi")
    with pytest.raises(TypeError):
        format_number(0.5, decimals=1, number_format="vi")


@pytest.mark.parametrize(
    ("text", "unit", "number_format", "again"),
    [
        ("03", "count", None, "3"),
        ("232908", "million_vnd", "vi", "232.908"),
        ("1,60 tỉ", "million_vnd", "vi", "1,60 tỷ đồng"),
        ("1.60 billion vnd", "million_vnd", "en", "1.60 billion VND"),
        ("181 tỷ 946,9 triệu đồng", "billion_vnd", "vi", "181.946,9 triệu đồng"),
        ("\N{MINUS SIGN}1,5 điểm %", "percentage_point", "vi", "-1,5 điểm phần trăm"),
        ("26,7%", "percent", "vi", "26,7 %"),
    ],
)
def test_a_figure_is_printed_again_in_one_agreed_way(text, unit, number_format, again):
    assert canonical(Printed(text, unit, number_format)) == again


@given(steps=st.integers(-(10**24), 10**24), decimals=st.integers(0, 6), locale=st.sampled_from(sorted(NUMBER_FORMATS)))
def test_numbers_are_printed_as_babel_prints_them(steps, decimals, locale):
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    theirs = format_decimal(Decimal(steps).scaleb(-decimals), format=pattern, locale=locale)
    assert format_number(F(steps, 10**decimals), decimals=decimals, number_format=locale) == theirs


# --- for any figure at all -----------------------------------------------------------------------------------------

SWAP_MARKS = str.maketrans(".,", ",.")
VI_TO_EN = {UNIT_WORDS[code][0]: UNIT_WORDS[code][-1] for code in UNITS if UNIT_WORDS[code]}


@st.composite
def vietnamese_numbers(draw, max_decimals=4):
    """A number as a Vietnamese text prints it, grouped or not, perhaps with leading zeros."""
    whole = draw(st.integers(0, 999) | st.integers(0, 10**24))
    grouped = f"{whole:,}".replace(",", ".")
    text = draw(st.sampled_from([grouped, str(whole), "0" + str(whole)]))
    decimals = draw(st.text("0123456789", max_size=max_decimals))
    return text + ("," + decimals if decimals else "")


@st.composite
def compound_amounts(draw):
    """Money in several parts of descending size, such as "181 tỷ 946,9 triệu đồng"."""
    sizes = ["billion_vnd", "million_vnd", "thousand_vnd", "vnd"]
    chosen = sorted(draw(st.sets(st.sampled_from(sizes), min_size=2)), key=sizes.index)
    below = [draw(st.integers(0, 10**12))]
    below += [draw(st.integers(0, UNITS[big].scale // UNITS[small].scale - 1)) for big, small in zip(chosen, chosen[1:])]
    numbers = [f"{number:,}".replace(",", ".") for number in below]
    decimals = draw(st.text("0123456789", max_size=3))
    numbers[-1] += "," + decimals if decimals else ""
    return " ".join(f"{number} {UNIT_WORDS[code][0]}" for number, code in zip(numbers, chosen))


@st.composite
def vietnamese_figures(draw):
    """Any figure a Vietnamese source may print, with what is declared about it."""
    if draw(st.booleans()):
        text, unit = draw(compound_amounts()), "million_vnd"
    else:
        unit = draw(st.sampled_from(sorted(UNITS)))
        same_family = [code for code in UNITS if UNITS[code].family == UNITS[unit].family]
        words = [UNIT_WORDS[code][0] for code in same_family if UNIT_WORDS[code]]
        text = " ".join([draw(vietnamese_numbers()), draw(st.sampled_from(["", *words]))]).strip()
    hedge = draw(st.sampled_from(["", *HEDGES]))
    sign = "" if hedge else draw(st.sampled_from(["", "+", "-", "\N{MINUS SIGN}"]))
    return Printed(sign + text, unit, "vi", hedge, draw(st.sampled_from(ROUNDINGS)))


def english_twin(printed):
    text = printed.text.translate(SWAP_MARKS)
    for vietnamese in sorted(VI_TO_EN, key=len, reverse=True):
        text = text.replace(vietnamese, VI_TO_EN[vietnamese])
    return Printed(text, printed.unit, "en", printed.hedge, printed.rounding)


@given(vietnamese_figures())
def test_a_figure_and_its_english_twin_stand_for_the_same_values(printed):
    assert english_twin(printed).interval == printed.interval


@given(vietnamese_figures())
def test_a_figure_printed_again_stands_for_the_same_values(printed):
    for figure in (printed, english_twin(printed)):
        again = Printed(canonical(figure), figure.unit, figure.number_format, figure.hedge, figure.rounding)
        assert again.interval == figure.interval
        assert canonical(again) == canonical(figure)


@given(part=st.integers(0, 10**30), whole=st.integers(1, 10**30), number_format=st.sampled_from(["vi", "en", None]))
def test_a_ratio_printed_again_is_the_same_ratio(part, whole, number_format):
    printed = Printed(f"{part}/{whole}", "count", number_format)
    assert Printed(canonical(printed), "count", number_format).ratio == printed.ratio == (part, whole)


@given(
    exact=st.fractions(min_value=-(10**15), max_value=10**15),
    decimals=st.integers(0, 6),
    unit=st.sampled_from([code for code in UNITS if UNITS[code].family in ("money", "percent", "percentage_point")]),
    number_format=st.sampled_from([VIETNAMESE.code, ENGLISH.code]),
)
def test_an_honestly_rounded_value_lies_in_the_interval_of_its_figure(exact, decimals, unit, number_format):
    def interval_of(rounded, rounding):
        text = format_number(rounded, decimals=decimals, number_format=number_format)
        return Printed(text, unit, number_format, rounding=rounding).interval

    in_base_units = exact * UNITS[unit].scale
    ties_to_even = round(exact, decimals)
    towards_zero = F(int(exact * 10**decimals), 10**decimals)
    assert in_base_units in interval_of(exact, "nearest")
    assert in_base_units in interval_of(ties_to_even, "nearest")
    assert in_base_units in interval_of(towards_zero, "truncated")


@given(
    steps=st.integers(-(10**9), 10**9),
    decimals=st.integers(0, 4),
    number_format=st.sampled_from(sorted(NUMBER_FORMATS)),
)
def test_a_tie_lies_in_the_intervals_of_both_neighbours(steps, decimals, number_format):
    tie = F(2 * steps + 1, 2 * 10**decimals)
    for neighbour in (steps, steps + 1):
        text = format_number(F(neighbour, 10**decimals), decimals=decimals, number_format=number_format)
        assert tie in Printed(text, "percent", number_format).interval


NEARLY_FIGURES = st.lists(
    st.sampled_from([*"0123456789.,-+/% \N{MINUS SIGN}\N{EN DASH}\N{NO-BREAK SPACE}", "tỷ", "triệu", "đồng", "%", "hơn", "VND"])
    | st.characters(),
    max_size=30,
).map("".join)


@given(
    text=st.text() | NEARLY_FIGURES,
    unit=st.sampled_from(sorted(UNITS)),
    number_format=st.sampled_from(["vi", "en", None]),
    hedge=st.sampled_from(["", *HEDGES]),
    rounding=st.sampled_from(ROUNDINGS),
)
def test_any_text_at_all_is_either_read_or_refused_with_reasons(text, unit, number_format, hedge, rounding):
    try:
        printed = Printed(text, unit, number_format, hedge, rounding)
    except PrintedError as error:
        assert error.key in PROBLEM_KEYS and error.found and error.expected and str(error)
        return
    again = Printed(canonical(printed), unit, number_format, hedge, rounding)
    if "/" in text:
        assert again.ratio == printed.ratio
    else:
        assert again.interval == printed.interval


@given(st.text("0123456789., tỷ", min_size=MAX_LENGTH - 20, max_size=MAX_LENGTH), st.sampled_from(["vi", "en", None]))
def test_a_long_text_that_is_read_can_be_printed_and_read_again(text, number_format):
    try:
        printed = Printed(text, "vnd", number_format)
    except PrintedError:
        return
    assert Printed(canonical(printed), "vnd", number_format).interval == printed.interval


def test_the_longest_figure_that_is_read_can_be_printed_and_read_again():
    for text in ("9" * 100 + " tỷ đồng", "-0," + "0" * 99 + "1 triệu", "9" * 91 + " tỷ 1 đồng"):
        printed = Printed(text, "million_vnd", "vi")
        assert Printed(canonical(printed), "million_vnd", "vi").interval == printed.interval
