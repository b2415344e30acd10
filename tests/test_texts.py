"""Both languages say the same things, and no sentence holds a digit of a result."""

import re
import unicodedata
from fractions import Fraction

import pytest

from kcq_eval.claims import RELATIONS
from kcq_eval.errors import BadInput, Problem
from kcq_eval.estimates import Bounded
from kcq_eval.numbers import Number, Numbers, UnknownNumber, supported_decimals
from kcq_eval.parameters import read_parameters
from kcq_eval.printed import PROBLEM_KEYS
from kcq_eval.texts import LANGUAGES, Texts, holes, one_or_more, plain, problem_lines, templates
from kcq_eval.vocabulary import load_vocabulary


def sentences(language):
    for key, value in templates(language).items():
        for text in value if isinstance(value, list) else [value]:
            yield key, text


def test_every_text_exists_in_both_languages_and_names_the_same_numbers():
    vi, en = (templates(language) for language in LANGUAGES)
    assert vi.keys() == en.keys()
    for key in vi:
        named = [{name for name, _ in holes(str(t[key])) if "." in name} for t in (vi, en)]
        assert named[0] == named[1], key


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_nfc_and_type_no_result(language):
    results = ("finding.", "figure.", "assessment.", "number.", "change.", "statement.", "relation.")
    for key, text in sentences(language):
        assert unicodedata.is_normalized("NFC", text), key
        typed = re.sub(r"\{[^}]*\}", "", text).replace("34 tỉnh", "").replace("34 provinces", "")  # the map's name
        assert not key.startswith(results) or not re.search(r"\d", typed), key


def test_every_problem_has_its_sentence_in_both_languages():
    for language in LANGUAGES:
        for key in (*PROBLEM_KEYS, "negative"):
            assert f"problem.printed_{key}" in templates(language)
        for relation in RELATIONS:
            assert f"statement.{relation}" in templates(language)


def test_a_problem_is_told_with_place_found_expected_and_nearest():
    problem = Problem("unknown_code", "claims.csv", 14, "support_type", "machinary", "advanced_machinery", "advanced_machinery")
    (told,) = problem_lines([problem], "en")
    assert told == 'claims.csv, row 14, column support_type: the code is not on its list; found "machinary"; expected: advanced_machinery; did you mean "advanced_machinery"?'
    assert str(BadInput([problem])) == told
    assert "dòng 14, cột support_type" in problem_lines([problem], "vi")[0]


def bounded(lower, upper, value=None):
    lower, upper = Fraction(lower), Fraction(upper)
    return Bounded(Fraction(value) if value is not None else (lower + upper) / 2, lower, upper)


@pytest.mark.parametrize(
    ("lower", "upper", "most", "told"),
    [
        ("28.0084", "28.0091", 2, "28,01"),
        ("28.0045", "28.0155", 2, "28,0"),
        ("181946.85", "181946.95", 1, "181.946,9"),
        ("0", "2", 0, "0–2"),
        ("-0.4", "2.8", 1, "−0,4 đến 2,8"),
        ("-9.46", "-9.46", 1, "−9,5"),
        ("543", "544", 0, "543–544"),
        ("0.5", "1.5", 0, "1"),
    ],
)
def test_no_digit_is_shown_that_the_bounds_do_not_support(lower, upper, most, told):
    value = "181946.9" if lower == "181946.85" else None
    assert Number("n", bounded(lower, upper, value), "percent", most).digits("vi") == told


def test_supported_decimals_is_none_where_no_printed_number_covers_the_bounds():
    assert supported_decimals(Fraction(0), Fraction(2), 3) is None
    assert supported_decimals(Fraction(1, 3), Fraction(1, 3), 3) == 3


@pytest.fixture
def texts(published_folder):
    numbers = Numbers([Number("a.b", bounded("28.008", "28.009"), "percent", 2), Number("a.c", bounded(-3, -3), "count"), Number("a.d", bounded(-1, 1), "count")])
    return {language: Texts(read_parameters({"language": language}), load_vocabulary(published_folder), numbers) for language in LANGUAGES}


def test_a_text_takes_every_number_by_its_id(texts):
    assert texts["vi"].fill("{@period}: {a.b}, {a.b:change}; {a.c:more}, {a.d:change}") == "2021–2023: 28,01\xa0%, tăng 28,01\xa0%; ít hơn 3, thay đổi trong khoảng −1 đến 1"
    assert texts["en"].fill("{a.b:digits} {a.c:abs}") == "28.01 3"


def test_an_unknown_number_stops_the_text_with_a_suggestion(texts):
    with pytest.raises(UnknownNumber, match="did you mean 'a.b'"):
        texts["en"].fill("{a.bb}")


def test_verdict_words_accuse_nobody():
    for language, word in (("vi", "sai"), ("en", "wrong")):
        for key, text in sentences(language):
            if key.startswith(("verdict.", "finding.", "figure.")):
                assert not re.search(rf"\b{word}\b", text), key


COUNTED = "facilities figures schemes rows groups supports provinces explanations lists problems points years cells combinations readings pairs"
BETWEEN = "published rural industrial usable more further different smallest other"


def test_one_thing_is_never_told_as_many():
    words, nouns = BETWEEN.replace(" ", "|"), COUNTED.replace(" ", "|")
    plural = re.compile(rf"(?<!of )\b1 (?:(?:{words}) )*(?:{nouns})\b|\b[Aa]ll 1\b|\bare 1\b|\b1 are\b")
    for key, text in sentences("en"):
        if key == "finding.audit_tied":  # one explanation is told by finding.audit_unique
            continue
        told = fill_with("1", re.sub(r"\{@\w+\}", "x", str(text)))
        assert not plural.search(told) and "(s)" not in told, (key, told)


def test_a_count_chooses_its_words_in_any_sentence(texts):
    assert plain("en", "register.checked", file="a", rows=1, facilities=2, schemes=1) == "Register a: 1 usable row, 2 facilities, 1 scheme."
    assert texts["en"].fill("{n?a {n} b|c {n} d}", n=1) == "a 1 b" and texts["en"].fill("{n?a {n} b|c {n} d}", n=21) == "c 21 d"
    assert texts["en"].fill("{a.c?one|many}") == "many"
    one = Number("n", bounded(1, 1), "percentage_point")
    assert [texts[language].number(one) for language in LANGUAGES] == ["1\xa0điểm\xa0phần\xa0trăm", "1\xa0percentage\xa0point"]


def test_every_choice_between_one_and_many_is_closed_and_nothing_else_is_left_open():
    for language in LANGUAGES:
        for key, text in sentences(language):
            told = re.sub(r"\{\{.*?\}\}", "", fill_with("x", str(text)))
            assert not re.search(r"[{}]|\w\?\w", told), (language, key, told)


def test_the_program_finds_the_same_holes_in_both_languages():
    """Names without a point are put in by the program; a point in a name is a number's id."""
    vi, en = (templates(language) for language in LANGUAGES)
    assert {key: put_in(vi[key]) for key in vi} == {key: put_in(en[key]) for key in vi}


def test_shares_differ_by_points_never_by_per_cent(published_folder):
    for language, points in (("vi", "điểm phần trăm"), ("en", "percentage points")):
        change = Number("n", bounded("9.5", "9.5"), "percentage_point", 1)
        told = Texts(read_parameters({"language": language}), load_vocabulary(published_folder)).number(change, "change").replace("\xa0", " ")
        assert told.endswith(f" {points}") and "%" not in told


def fill_with(value: str, text: str) -> str:
    """The text with the same put into every hole."""
    return re.sub(r"\{@?[\w.@-]+(?::\w+)?\}", value, one_or_more(str(text), lambda name: value))


def put_in(text) -> set[str]:
    return {name for name, _ in holes(str(text)) if "." not in name and not name.startswith("@")}
