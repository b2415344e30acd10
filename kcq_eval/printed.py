"""A printed number is an interval.

A source prints "28,01 %"; the true value lies anywhere from 28.005 to 28.015. This module reads a figure exactly as
published and says which values it stands for, in exact fractions and never in floats. Base units: đồng for money,
0 to 100 for percent, points for percentage points, whole things for counts, years for years.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

MAX_LENGTH = 200  # characters of one text; a longer one is no figure
MAX_DIGITS = 100  # digits of one amount, so that its canonical text stays below MAX_LENGTH


@dataclass(frozen=True)
class NumberFormat:
    """The marks a source prints numbers with; a source declares one, it is never guessed."""

    code: str
    decimal_mark: str
    group_mark: str


VIETNAMESE = NumberFormat("vi", decimal_mark=",", group_mark=".")
ENGLISH = NumberFormat("en", decimal_mark=".", group_mark=",")
NUMBER_FORMATS = {number_format.code: number_format for number_format in (VIETNAMESE, ENGLISH)}


@dataclass(frozen=True)
class Unit:
    """A unit figures are printed in; `scale` is its size in the base unit of its family (đồng for money, otherwise 1).

    A document may bring units of its own: an `amount` of some word (kWh, EUR), or a `count` of it. Such a unit's code is
    made by `own_unit`, and only units of one family and one word can be added.
    """

    code: str
    family: Literal["money", "count", "percent", "percentage_point", "year", "amount"]
    scale: int
    word: str = ""

    @property
    def is_continuous(self) -> bool:
        """Whether quantities in it need not be whole numbers of base units."""
        return self.family not in ("count", "year")


class _Units(dict[str, Unit]):
    """The units that every document knows, by code; a document's own units are found by their code too, but not listed."""

    def __missing__(self, code: str) -> Unit:
        match = _OWN_UNIT.fullmatch(code)
        if match is None:
            raise KeyError(code)
        return Unit(code, match["family"], int(match["scale"]), match["word"])


_OWN_UNIT = re.compile(r"(?P<family>amount|count):(?P<scale>1|1000|1000000|1000000000):(?P<word>.*)")

UNITS = _Units(
    {
        unit.code: unit
        for unit in (
            Unit("vnd", "money", 1),
            Unit("thousand_vnd", "money", 10**3),
            Unit("million_vnd", "money", 10**6),
            Unit("billion_vnd", "money", 10**9),
            Unit("count", "count", 1),
            Unit("percent", "percent", 1),
            Unit("percentage_point", "percentage_point", 1),
            Unit("year", "year", 1),
        )
    }
)

# Words for the size of a document's own unit: "nghìn tấn", "million EUR". The first is printed again in Vietnamese, the last in English.
SIZE_WORDS = {10**3: ("nghìn", "ngàn", "thousand"), 10**6: ("triệu", "million"), 10**9: ("tỷ", "tỉ", "billion")}
_SIZE_OF_WORD = {word: size for size, words in SIZE_WORDS.items() for word in words}


def own_unit(word: str, *, size: int = 1, family: Literal["amount", "count"] = "amount") -> Unit:
    """A document's own unit: so many (1, 10^3, 10^6 or 10^9) of a word."""
    return UNITS[f"{family}:{size}:{word}"]


def split_size(text: str) -> tuple[int, str]:
    """A size word before a unit's own word, as a number, and the rest: "million EUR" is (10^6, "EUR")."""
    first, _, rest = text.partition(" ")
    size = _SIZE_OF_WORD.get(first.lower())
    return (size, rest.strip()) if size else (1, text)

# The words a text may carry: the first is printed again in Vietnamese, the last in English.
UNIT_WORDS = {
    "vnd": ("đồng", "VNĐ", "VND"),
    "thousand_vnd": ("nghìn đồng", "nghìn", "nghìn VNĐ", "nghìn VND", "ngàn đồng", "ngàn", "thousand VND"),
    "million_vnd": ("triệu đồng", "triệu", "triệu VNĐ", "triệu VND", "million VND"),
    "billion_vnd": ("tỷ đồng", "tỷ", "tỷ VNĐ", "tỷ VND", "tỉ đồng", "tỉ", "tỉ VNĐ", "tỉ VND", "billion VND"),
    "count": (),
    "percent": ("%",),
    "percentage_point": ("điểm phần trăm", "điểm %", "pp", "percentage point", "percentage points"),
    "year": ("năm", "year", "years"),
}
_UNIT_OF_WORD = {word.lower(): UNITS[code] for code, words in UNIT_WORDS.items() for word in words}

HEDGES = {"over": "hơn", "above": "trên", "nearly": "gần", "below": "dưới", "about": "khoảng"}
_HEDGE_OF_WORD = {word: code for code in HEDGES for word in (code, HEDGES[code])} | {"under": "below"}

ROUNDINGS = ("nearest", "truncated")

STRICT, GENEROUS = "strict", "generous"
READINGS = ("", STRICT, GENEROUS)
_GENEROUS_REACH = 10  # times the reach of a hedge

PROBLEM_KEYS = (
    "too_long", "not_a_number", "undeclared_format", "unknown_format", "ungrouped_decimal", "bad_groups", "bad_decimals",
    "bad_sign", "unknown_unit", "unknown_unit_word", "unit_mismatch", "mixed_units", "bad_compound", "hedge_unknown",
    "hedge_in_text", "hedge_on_negative", "hedge_on_ratio", "unknown_rounding", "ratio", "not_a_ratio", "bad_ratio",
)  # fmt: skip


def with_digits(text: str) -> str:
    """A number in which letters stand for the digits that they look like (O, I, l), with the digits; "" for any other text."""
    digits = text.strip().translate(_LIKE_DIGITS)
    return digits if digits != text.strip() and _ONLY_DIGITS.fullmatch(digits) and any("0" <= c <= "9" for c in text) else ""


_LIKE_DIGITS = str.maketrans("OoIl", "0011")
_ONLY_DIGITS = re.compile(r"[+\-−]?[0-9][0-9., ]*")


class PrintedError(ValueError):
    """A text that cannot be read as declared: `key` (one of PROBLEM_KEYS) for programs, `found` and `expected` for people."""

    def __init__(self, key: str, found: str, expected: str) -> None:
        super().__init__(key, found, expected)
        self.key, self.found, self.expected = key, found, expected

    def __str__(self) -> str:
        return f"found {self.found}; expected {self.expected}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _exact(number: Fraction | int) -> Fraction:
    if not isinstance(number, int | Fraction):
        raise TypeError(f"exact arithmetic takes int or Fraction, not {type(number).__name__}")
    return Fraction(number)


def _chosen(code: str, choices, *, key: str, what: str) -> str:
    if code not in choices:
        raise PrintedError(key, f"{what} {code!r}", f"one of {', '.join(choices)}")
    return code


@dataclass(frozen=True)
class Interval:
    """All values between two exact bounds, in base units; None means unbounded on that side.

    Raises:
        ValueError: No value lies between the bounds.
    """

    lower: Fraction | None
    upper: Fraction | None
    lower_open: bool = False
    upper_open: bool = False

    def __post_init__(self) -> None:
        for side in ("lower", "upper"):
            bound = getattr(self, side)
            if bound is None:  # an unbounded side is neither open nor closed: keep one spelling, so that equal means equal
                object.__setattr__(self, f"{side}_open", False)
            else:
                object.__setattr__(self, side, _exact(bound))
        if _is_empty(self.lower, self.upper, self.lower_open or self.upper_open):
            raise ValueError(f"no value lies between {self.lower} and {self.upper}")

    def __contains__(self, number: Fraction | int) -> bool:
        number = _exact(number)
        return (self.lower is None or self.lower < number or (self.lower == number and not self.lower_open)) and (
            self.upper is None or number < self.upper or (self.upper == number and not self.upper_open)
        )

    @property
    def is_point(self) -> bool:
        """Whether exactly one value is possible."""
        return self.lower is not None and self.lower == self.upper

    def intersect(self, other: "Interval") -> "Interval | None":
        """The values in both intervals; None where there are none."""
        both = (self, other)
        lower, lower_open = max(((i.lower, i.lower_open) for i in both if i.lower is not None), default=(None, False))
        upper, upper_closed = min(((i.upper, not i.upper_open) for i in both if i.upper is not None), default=(None, True))
        if _is_empty(lower, upper, lower_open or not upper_closed):
            return None
        return Interval(lower, upper, lower_open, not upper_closed)

    def scaled(self, factor: Fraction | int) -> "Interval":
        """Every value times `factor`; a negative factor turns the interval round."""
        factor = _exact(factor)
        if factor == 0:
            return Interval(Fraction(0), Fraction(0))
        lower = None if self.lower is None else self.lower * factor
        upper = None if self.upper is None else self.upper * factor
        if factor < 0:
            return Interval(upper, lower, self.upper_open, self.lower_open)
        return Interval(lower, upper, self.lower_open, self.upper_open)

    def negated(self) -> "Interval":
        """Every value with its sign changed."""
        return self.scaled(-1)


def _is_empty(lower: Fraction | None, upper: Fraction | None, either_open: bool) -> bool:
    return lower is not None and upper is not None and (lower > upper or (lower == upper and either_open))


@dataclass(frozen=True)
class Printed:
    """One figure exactly as published, with what is needed to read it.

    A `Printed` that exists can be read: everything unusable is refused when it is made.

    Args:
        text: As published: "28,01", "232.908", "03", "181 tỷ 946,9 triệu đồng", "13/28".
        unit: Code in UNITS. A money word in the text wins over the size of this unit, never over its family.
        number_format: Code in NUMBER_FORMATS; None where the source declares none, and then only plain digits are read.
        hedge: Code in HEDGES, or empty.
        rounding: One of ROUNDINGS: how the source is taken to have rounded.
        reading: One of READINGS. A strict one rounds a tie up and leaves out every end of a hedge; a generous one adds half a unit of
            the last place to the near end of a hedge and lets it reach ten times as far.

    Raises:
        PrintedError: The text cannot be read as declared.
    """

    text: str
    unit: str
    number_format: str | None = None
    hedge: str = ""
    rounding: str = "nearest"
    reading: str = ""

    def __post_init__(self) -> None:
        if not _OWN_UNIT.fullmatch(self.unit):
            _chosen(self.unit, UNITS, key="unknown_unit", what="unit")
        _chosen(self.hedge, ("", *HEDGES), key="hedge_unknown", what="hedge")
        _chosen(self.rounding, ROUNDINGS, key="unknown_rounding", what="rounding")
        if self.reading not in READINGS:
            raise ValueError(f"reading must be one of {READINGS}, not {self.reading!r}")
        if isinstance(self._reading, tuple):
            if self.hedge:
                raise PrintedError("hedge_on_ratio", f"hedge {self.hedge!r} on {_quoted(self.text)}", "a ratio without a hedge")
        elif self.hedge and self.value < 0:
            raise PrintedError("hedge_on_negative", f"hedge {self.hedge!r} on {_quoted(self.text)}", "a number that is not negative")

    @cached_property
    def _reading(self) -> "_Amount | tuple[int, int]":
        if "/" in self.text:
            return parse_ratio(self.text, self.number_format)
        return _read_amount(self.text, UNITS[self.unit], self.number_format)

    @property
    def _amount(self) -> "_Amount":
        if isinstance(self._reading, tuple):
            raise PrintedError("ratio", f"the ratio {_quoted(self.text)}", "a single number, or a reader of ratios")
        return self._reading

    @property
    def value(self) -> Fraction:
        """The number read literally, in base units."""
        return self._amount.value

    @property
    def step(self) -> Fraction:
        """One unit of the last printed place, in base units: 1/100 for "28,01" %, 10^6 for "232.908" million."""
        return self._amount.step

    @property
    def digits(self) -> str:
        """All printed digits without marks and leading zeros, at least one before the decimals: "2801" for "28,01"."""
        return str(abs(int(self.value / self.step))).rjust(self.decimals + 1, "0")

    @property
    def decimals(self) -> int:
        """How many of the digits stand behind the decimal mark."""
        return self._amount.decimals

    def with_digits(self, digits: str, *, decimals: int | None = None, thousandfold: int = 0) -> "Printed | None":
        """The figure printed with other digits, another place of the decimal mark, or in a unit so many thousandfold larger.

        None where there is no such unit, or no such number.
        """
        decimals = self.decimals if decimals is None else decimals
        unit = self._amount.unit
        if thousandfold:
            scale = unit.scale * Fraction(1000) ** thousandfold
            if unit.code not in UNITS.keys():
                found = [own_unit(unit.word, size=int(scale), family=unit.family)] if scale in (1, *SIZE_WORDS) else []
            else:
                found = [other for other in UNITS.values() if other.family == unit.family and other.scale == scale]
            if not found:
                return None
            (unit,) = found
        if len(digits) > max(decimals, 0) + 1 and digits.startswith("0") and digits.strip("0"):
            return None
        try:
            text = format_number(Fraction(int(digits), 10**decimals), decimals=decimals, number_format=self.number_format)
            return Printed(text, unit.code, self.number_format, self.hedge, self.rounding)
        except PrintedError:
            return None

    @property
    def ratio(self) -> tuple[int, int]:
        """Part and whole of a ratio such as "13/28"."""
        if isinstance(self._reading, tuple):
            return self._reading
        raise PrintedError("not_a_ratio", _quoted(self.text), "a ratio such as 13/28")

    @cached_property
    def interval(self) -> Interval:
        """The values the figure stands for, in base units.

        Without a hedge, a whole count or number of years is one point; everything else was rounded. A count printed
        with decimals is an average of counts, so it was rounded too. A hedge reaches one unit of the last non-zero
        printed digit: "hơn 71,2" up to 71.3, "hơn 200" up to 300.
        """
        value, step = self.value, self.step
        if self.hedge:
            reach, half = self._amount.last_nonzero_place, step / 2
            if self.reading == GENEROUS:
                far = _GENEROUS_REACH * reach
                return {
                    "over": Interval(value - half, value + far),
                    "above": Interval(value - half, None),
                    "nearly": Interval(value - far, value + half),
                    "below": Interval(None, value + half),
                    "about": Interval(value - far, value + far),
                }[self.hedge]
            if self.reading == STRICT:
                return {
                    "over": Interval(value, value + reach, True, True),
                    "above": Interval(value, None, True),
                    "nearly": Interval(value - reach, value, True, True),
                    "below": Interval(None, value, False, True),
                    "about": Interval(value - reach, value + reach, True, True),
                }[self.hedge]
            return {
                "over": Interval(value, value + reach, lower_open=True),
                "above": Interval(value, None, lower_open=True),
                "nearly": Interval(value - reach, value, upper_open=True),
                "below": Interval(None, value, upper_open=True),
                "about": Interval(value - reach, value + reach),
            }[self.hedge]
        if not self._amount.unit.is_continuous and self._amount.unit.scale == 1 and self._amount.decimals == 0:
            return Interval(value, value)
        if self.rounding == "nearest":  # closed at both ends: a tie may have gone either way
            return Interval(value - step / 2, value + step / 2, upper_open=self.reading == STRICT)
        if value > 0:
            return Interval(value, value + step, upper_open=True)
        if value < 0:
            return Interval(value - step, value, lower_open=True)
        return Interval(-step, step, lower_open=True, upper_open=True)


@dataclass(frozen=True)
class _Amount:
    """A number that has been read: its value in base units, and how it was printed (a compound as its last part)."""

    value: Fraction
    decimals: int
    unit: Unit
    unit_in_text: bool

    @property
    def step(self) -> Fraction:
        return Fraction(self.unit.scale, 10**self.decimals)

    @property
    def last_nonzero_place(self) -> Fraction:
        steps = str(abs(int(self.value / self.step)))
        trailing_zeros = len(steps) - len(steps.rstrip("0"))
        return self.step * 10**trailing_zeros if self.value else self.step


def parse_number(text: str, number_format: str | None) -> tuple[Fraction, int]:
    """Read one number without a unit: its value and its number of decimals ("28,01" in vi is 2801/100 and 2).

    Raises:
        PrintedError: The text is not one number in this format.
    """
    sign, digits = _split_sign(_clean(text))
    value, decimals = _parse_unsigned(digits, number_format)
    return sign * value, decimals


def parse_ratio(text: str, number_format: str | None) -> tuple[int, int]:
    """Read a ratio of two whole numbers: "13/28" is (13, 28).

    Raises:
        PrintedError: The text is not a ratio of whole numbers without signs, or its whole is 0.
    """
    halves = [half.strip() for half in _clean(text).split("/")]
    expected = "two whole numbers such as 13/28, the second not 0"
    if len(halves) != 2:
        raise PrintedError("not_a_ratio" if len(halves) == 1 else "bad_ratio", _quoted(text), expected)
    (part, part_decimals), (whole, whole_decimals) = (_parse_unsigned(half, number_format) for half in halves)
    if part_decimals or whole_decimals or whole == 0:
        raise PrintedError("bad_ratio", _quoted(text), expected)
    return int(part), int(whole)


def format_number(value: Fraction | int, *, decimals: int, number_format: str | None, group: bool = True) -> str:
    """Print an exact number with so many decimals, half rounded away from zero; a negative one with "-".

    Raises:
        PrintedError: The format is unknown, or decimals are asked for without a format.
        ValueError: `decimals` is negative.
    """
    marks = _declared_format(number_format)
    if decimals < 0:
        raise ValueError(f"decimals must be 0 or more, not {decimals}")
    if decimals and marks is None:
        raise PrintedError("undeclared_format", f"{decimals} decimals", "a declared number format, for the decimal mark")
    steps = int(abs(_exact(value)) * 10**decimals + Fraction(1, 2))
    whole, rest = divmod(steps, 10**decimals)
    text = f"{whole:,}".replace(",", marks.group_mark) if group and marks else str(whole)
    if decimals:
        text += marks.decimal_mark + str(rest).rjust(decimals, "0")
    return "-" + text if value < 0 and steps else text


def canonical(printed: Printed) -> str:
    """Print the figure again in one agreed way; read with the same declarations, it has the same interval.

    Groups are marked, leading zeros dropped, a compound becomes a number of its last unit; a unit is printed where the
    text had one, in English for the English number format and otherwise in Vietnamese.
    """
    if isinstance(printed._reading, tuple):
        return "/".join(format_number(n, decimals=0, number_format=printed.number_format) for n in printed.ratio)
    amount = printed._amount
    in_unit = amount.value / amount.unit.scale
    number = format_number(in_unit, decimals=amount.decimals, number_format=printed.number_format)
    if not amount.unit_in_text:
        return number
    last = -1 if printed.number_format == ENGLISH.code else 0
    if amount.unit.code in UNITS:
        return f"{number} {UNIT_WORDS[amount.unit.code][last]}"
    sizes = [words[last] for size, words in SIZE_WORDS.items() if size == amount.unit.scale]
    return " ".join([number, *sizes, amount.unit.word])


# How a text is read. The patterns have no nested or overlapping repeats, so reading time grows with length only.

_PART = re.compile(r"([0-9.,]+)([^0-9.,]*)")  # a number and the word behind it
_WORD = re.compile(r"[^\W\d_]+")
_MINUS = ("-", "−")


def _clean(text: str) -> str:
    """The text in NFC with single spaces, once it is known to hold nothing that must be declared elsewhere."""
    if len(text) > MAX_LENGTH:
        raise PrintedError("too_long", f"{len(text)} characters, {_quoted(text)}", f"at most {MAX_LENGTH} characters")
    clean = " ".join(unicodedata.normalize("NFC", text).split())
    for word in _WORD.findall(clean.lower()):
        if word in _HEDGE_OF_WORD:
            expected = f"the number alone, and the code `{_HEDGE_OF_WORD[word]}` in the hedge column"
            raise PrintedError("hedge_in_text", f"the hedge {word!r} in {_quoted(text)}", expected)
    if any(character.isnumeric() and not character.isascii() for character in clean):
        raise PrintedError("not_a_number", _quoted(text), "only the digits 0 to 9")
    if re.search("[0-9] [0-9]", clean):
        raise PrintedError("bad_groups", f"a space between digits in {_quoted(text)}", "no space inside a number")
    return clean


def _split_sign(clean: str) -> tuple[int, str]:
    if clean.startswith(("–", "—")):
        raise PrintedError("bad_sign", f"a dash before the number in {_quoted(clean)}", "the minus sign '-' or '−' (U+2212)")
    body = clean[1:] if clean.startswith((*_MINUS, "+")) else clean
    if not _PART.match(body):
        raise PrintedError("not_a_number", _quoted(clean), "a number: its sign if it has one, then digits 0 to 9")
    return -1 if clean.startswith(_MINUS) else 1, body


def _declared_format(number_format: str | None) -> NumberFormat | None:
    if number_format is None:
        return None
    return NUMBER_FORMATS[_chosen(number_format, NUMBER_FORMATS, key="unknown_format", what="number format")]


def _parse_unsigned(digits: str, number_format: str | None) -> tuple[Fraction, int]:
    marks = _declared_format(number_format)
    if re.fullmatch("[0-9]+", digits):
        return Fraction(int(digits)), 0
    if not re.fullmatch("[0-9.,]+", digits):
        raise PrintedError("not_a_number", _quoted(digits), "digits 0 to 9, with the marks of the declared number format")
    if marks is None:
        expected = "plain digits, or a declared number format (vi: 1.234,5; en: 1,234.5)"
        raise PrintedError("undeclared_format", f"a '.' or ',' in {_quoted(digits)}", expected)
    whole, decimal_mark, decimals = digits.partition(marks.decimal_mark)
    if decimal_mark and not (whole and re.fullmatch("[0-9]+", decimals)):
        expected = f"one decimal mark {decimal_mark!r} (format {marks.code}), digits before it and only digits after it"
        raise PrintedError("bad_decimals", _quoted(digits), expected)
    # A grouped number never starts with 0: "0.123" in a Vietnamese text is a decimal with a foreign mark, not 123.
    group_mark = re.escape(marks.group_mark)
    if not re.fullmatch(f"[0-9]+|[1-9][0-9]{{0,2}}(?:{group_mark}[0-9]{{3}})+", whole):
        looks_decimal = re.fullmatch(f"[0-9]+{group_mark}[0-9]+", digits)
        expected = (
            f"all groups marked by {marks.group_mark!r} or none: groups need three digits, the first one to three; "
            f"the decimal mark in format {marks.code} is {marks.decimal_mark!r}"
        )
        raise PrintedError("ungrouped_decimal" if looks_decimal else "bad_groups", _quoted(digits), expected)
    steps = int(whole.replace(marks.group_mark, "") + decimals)
    return Fraction(steps, 10 ** len(decimals)), len(decimals)


def _unit_in_text(word: str, declared: Unit) -> Unit:
    if declared.code not in UNITS:  # a document's own unit is told by its own word, by its size, or by both
        size, rest = split_size(word)
        if rest.lower() == declared.word.lower():
            return own_unit(declared.word, size=size, family=declared.family)
        if word.lower() in _SIZE_OF_WORD:
            return own_unit(declared.word, size=_SIZE_OF_WORD[word.lower()], family=declared.family)
    unit = _UNIT_OF_WORD.get(word.lower())
    if unit is None:
        known = ", ".join(word for code, words in UNIT_WORDS.items() if UNITS[code].family == declared.family for word in words)
        raise PrintedError("unknown_unit_word", _quoted(word), "the number alone" + (f", or one of: {known}" if known else ""))
    return unit


def _read_amount(text: str, declared: Unit, number_format: str | None) -> _Amount:
    sign, body = _split_sign(_clean(text))
    parts = [(digits, word.strip()) for digits, word in _PART.findall(body)]
    value, units = Fraction(0), []
    for position, (digits, word) in enumerate(parts):
        number, decimals = _parse_unsigned(digits, number_format)
        if len(parts) > 1 and not word:
            raise PrintedError("bad_compound", f"{_quoted(digits)} without a unit in {_quoted(text)}", "a unit after every part")
        unit = _unit_in_text(word, declared) if word else declared
        if units and unit.family != units[-1].family:
            raise PrintedError("mixed_units", f"{units[-1].code} and {unit.code} in {_quoted(text)}", "parts of one kind of unit")
        if units and (unit.scale >= units[-1].scale or number * unit.scale >= units[-1].scale):
            expected = f"a smaller unit than {units[-1].code}, and less of it than makes one {units[-1].code}"
            raise PrintedError("bad_compound", f"the part {_quoted(f'{digits} {word}')} in {_quoted(text)}", expected)
        if decimals and position < len(parts) - 1:
            raise PrintedError("bad_compound", f"decimals before the last part in {_quoted(text)}", "decimals only in the last part")
        value += number * unit.scale
        units.append(unit)
    if (unit.family, unit.word) != (declared.family, declared.word):
        raise PrintedError("unit_mismatch", f"{unit.code} in {_quoted(text)}", f"{declared.code}, as declared, or a unit of its kind")
    amount = _Amount(sign * value, decimals, unit, unit_in_text=bool(parts[-1][1]))
    if decimals > MAX_DIGITS or value >= amount.step * 10**MAX_DIGITS:
        raise PrintedError("too_long", f"a number of many digits, {_quoted(text)}", f"at most {MAX_DIGITS} digits")
    return amount
