"""Every numeral of a text, read as its language writes numbers.

A numeral is a number with its sign and unit, a range, a ratio, a date, a period, the number of a claim or of a legal document.
Digits inside a word (IPC1) are a name and no numeral.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from kcq_eval.printed import HEDGES, NUMBER_FORMATS, UNIT_WORDS, UNITS, PrintedError, parse_number

NUMBER, RANGE, RATIO, DATE, YEAR, PERIOD, CLAIM, DOCUMENT = "number", "range", "ratio", "date", "year", "period", "claim", "document"

_EXTRA_WORDS = {"percent": ("phần trăm", "per cent", "percent"), "million_vnd": ("VND million", "mil. VND"), "billion_vnd": ("VND billion",)}
_UNIT_OF_WORD = {
    " ".join(word.lower().split()): code
    for words in (UNIT_WORDS, _EXTRA_WORDS)
    for code, several in words.items()
    if code != "year"
    for word in several
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug", "september sep sept", "october oct",
         "november nov", "december dec"), start=1,
    )
    for name in names.split()
}  # fmt: skip
_MINUS = "-−–"
_SIGN = r"\-−–"  # inside a character class
_SPACE = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_GROUP_SPACES = str.maketrans("", "", _SPACE)

_UNITS = "|".join(re.escape(word).replace(r"\ ", f"[{_SPACE}]+") for word in sorted(_UNIT_OF_WORD, key=lambda word: -len(word)))
_DIGITS = r"(?:\d{1,3}(?:[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*)"
_UNIT = rf"(?:[{_SPACE}]*(?:{_UNITS})(?!\w))"
_MONTH = "|".join(sorted(_MONTHS, key=lambda name: -len(name)))
_YEAR = r"(?:19|20)\d\d"
_PATTERNS = {
    "iso": r"\d{4}-\d\d-\d\d",
    "day": rf"\d{{1,2}}(?P<mark>[/.\-])\d{{1,2}}(?P=mark){_YEAR}",
    "day_vi": rf"\d{{1,2}}[{_SPACE}]+tháng[{_SPACE}]+\d{{1,2}}[{_SPACE}]+năm[{_SPACE}]+{_YEAR}",
    "day_en": rf"\d{{1,2}}[{_SPACE}]+(?:{_MONTH})[{_SPACE}]+{_YEAR}",
    "document": r"\d+(?:/\d{4})?/[A-ZĐ][\wĐ]*(?:-[\wĐ]+)*",
    "period": rf"{_YEAR}[{_SPACE}]?[–—\-][{_SPACE}]?{_YEAR}",
    "claim": r"[A-Z]?[#¶]\d+[a-z]?(?:-[a-z]+)?",
    "ratio": rf"{_DIGITS}[{_SPACE}]?/[{_SPACE}]?{_DIGITS}",
    "range": rf"[+{_SIGN}]?{_DIGITS}{_UNIT}?(?:[–—-]|[{_SPACE}](?:đến|to|[–—-])[{_SPACE}])[+{_SIGN}]?{_DIGITS}",
    "number": rf"[+{_SIGN}]?{_DIGITS}",
}
_NUMERAL = re.compile(
    r"(?<![\w.,/#¶])(?:" + "|".join(f"(?P<{name}>{pattern}(?![\\w/]))" for name, pattern in _PATTERNS.items()) + rf")(?P<unit>{_UNIT})?",
    re.IGNORECASE,
)
_SIGNED = re.compile(rf"([+{_SIGN}]?)({_DIGITS})({_UNIT})?", re.IGNORECASE)
_NEXT_PART = re.compile(rf"[{_SPACE}]+({_DIGITS})({_UNIT})", re.IGNORECASE)
_HEDGE = re.compile(
    rf"(?<!\w)(?:(?P<over>hơn|over|more than)|(?P<above>trên|above|at least|ít nhất|từ)|(?P<nearly>gần|nearly|almost)|"
    rf"(?P<below>dưới|below|under|at most|không quá)|(?P<about>khoảng|about|around|roughly|approximately|xấp xỉ)|(?P<bound>≥|≤))[{_SPACE}]*$",
    re.IGNORECASE,
)
_FROM = re.compile(rf"(?<!\w)(?:từ|from)[{_SPACE}]+$", re.IGNORECASE)
_TO = re.compile(rf"[{_SPACE}](?:đến|to)[{_SPACE}]", re.IGNORECASE)
OTHER = {"vi": "en", "en": "vi"}


@dataclass(frozen=True)
class Amount:
    """One number as printed: its value in `unit` ("" where none stands beside it), and its number of decimals."""

    value: Fraction
    decimals: int
    unit: str = ""
    signed: bool = False

    @property
    def step(self) -> Fraction:
        """One unit of the last place."""
        return Fraction(1, 10**self.decimals)


@dataclass(frozen=True)
class Numeral:
    """A numeral of a text.

    Attributes:
        kind: One of the module's kinds.
        text: As it stands, with its unit.
        start, end: Its place in the text.
        amounts: The number, or both ends of a range or ratio; empty where it cannot be read in this language.
        other: The same read with the other language's marks, where that is another number; empty otherwise.
        date: Of a date.
        hedge: Code of the hedge before it (`over`, `nearly`, …), or "".
    """

    kind: str
    text: str
    start: int
    end: int
    amounts: tuple[Amount, ...] = ()
    other: tuple[Amount, ...] = ()
    date: datetime.date | None = None
    hedge: str = ""

    @property
    def values(self) -> tuple[Fraction, ...]:
        """Its numbers, whatever their unit."""
        return tuple(amount.value for amount in self.amounts)

    @property
    def unit(self) -> str:
        amounts = self.amounts or self.other
        return amounts[-1].unit if amounts else ""


def numerals(text: str, language: str, names: Iterable[str] = ()) -> list[Numeral]:
    """All numerals of a text, in order.

    Args:
        language: `vi` or `en`: which marks it is read with.
        names: Words with digits in them (a source's id or title); what lies inside one is no numeral.
    """
    if not any(character.isdigit() for character in text):
        return []
    covered = _covered(text, tuple(names))
    found, end = [], 0
    while match := _NUMERAL.search(text, end):
        inside = next((stop for start, stop in covered if start < match.end() and match.start() < stop), None)
        if inside is not None:
            end = max(inside, match.start() + 1)
            continue
        numeral = _read(match, text, language)
        found.append(numeral)
        end = numeral.end
    return found


def _covered(text: str, names: tuple[str, ...]) -> list[tuple[int, int]]:
    pattern = _names_pattern(names) if names else None
    return [match.span() for match in pattern.finditer(text)] if pattern else []


@functools.lru_cache(maxsize=8)
def _names_pattern(names: tuple[str, ...]) -> re.Pattern | None:
    longest_first = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)") if longest_first else None


def _read(match: re.Match, text: str, language: str) -> Numeral:
    kind = next(name for name in _PATTERNS if match[name])
    body, start = match[kind], match.start()
    if kind == "range" and _FROM.search(text, 0, start) and (word := _TO.search(body)):
        return _read(_NUMERAL.match(text[: match.start() + word.start()], match.start()), text, language)  # two numbers, from one to the other
    if kind in ("iso", "day", "day_vi", "day_en"):
        date = _date(kind, body)
        return Numeral(DATE, body, start, match.end(kind), date=date)
    if kind in ("document", "claim"):
        return Numeral(kind, body, start, match.end(kind))
    if kind == "period":
        years = re.findall(_YEAR, body)
        return Numeral(PERIOD, body, start, match.end(kind), tuple(Amount(Fraction(year), 0, "year") for year in years))
    if kind == "number" and re.fullmatch(_YEAR, body) and not match["unit"]:
        return Numeral(YEAR, body, start, match.end(kind), (Amount(Fraction(body), 0, "year"),))
    unit = _UNIT_OF_WORD[" ".join((match["unit"] or "").lower().split())] if match["unit"] else ""
    if kind == "number" and body[0] in _MINUS and start and not (text[start - 1].isspace() or text[start - 1] in "([{:;/“\"'|→+"):
        body, start = body[1:], start + 1  # a dash that joins, no sign
    end, compound = match.end(), []
    if kind == "number" and unit and UNITS[unit].family == "money" and (more := _NEXT_PART.match(text, end)):
        smaller = _UNIT_OF_WORD[" ".join(more[2].lower().split())]
        if UNITS[smaller].family == "money" and UNITS[smaller].scale < UNITS[unit].scale:
            compound, end = [(more[1], smaller)], more.end()
    hedge = _HEDGE.search(text, 0, start)
    here, other = (_amounts(kind, body, unit, compound, marks) for marks in (language, OTHER[language]))
    return Numeral(
        kind, text[start:end], start, end, here, other if other != here else (),
        hedge=(hedge.lastgroup or "") if hedge and kind == NUMBER else "",
    )  # fmt: skip


def _amounts(kind: str, body: str, unit: str, compound: list[tuple[str, str]], language: str) -> tuple[Amount, ...]:
    """The numbers of a numeral's body, () where one of them is none in this language."""
    found = []
    try:
        if kind == RATIO:
            for half in body.split("/"):
                value, decimals = parse_number(half.translate(_GROUP_SPACES), language)
                found.append(Amount(value, decimals, unit))
            return tuple(found)
        for sign, digits, own in _ends(kind, body):
            value, decimals = _number(digits, language)
            own = _UNIT_OF_WORD[" ".join(own.lower().split())] if own else unit
            found.append(Amount(-value if sign and sign in _MINUS else value, decimals, own, bool(sign)))
        for digits, smaller in compound:
            value, decimals = _number(digits, language)
            whole = found[0].value * UNITS[found[0].unit].scale / UNITS[smaller].scale
            found = [Amount(whole + value, decimals, smaller, found[0].signed)]
    except PrintedError:
        return ()
    return tuple(found)


def _ends(kind: str, body: str) -> list[tuple[str, str, str]]:
    """Sign, digits and own unit of the number, or of both ends of a range."""
    first = _SIGNED.match(body)
    if kind == NUMBER:
        return [first.groups("")]
    rest = re.sub(rf"^(?:[–—-]|[{_SPACE}](?:đến|to|[–—-])[{_SPACE}])", "", body[first.end() :], flags=re.IGNORECASE)
    return [first.groups(""), _SIGNED.match(rest).groups("")]


def _number(digits: str, language: str) -> tuple[Fraction, int]:
    """A number whose groups may be marked by spaces."""
    plain = digits.translate(_GROUP_SPACES)
    if plain != digits:  # the rest can only be decimals
        mark = NUMBER_FORMATS[language].decimal_mark
        if not re.fullmatch(rf"\d+(?:{re.escape(mark)}\d+)?", plain):
            raise PrintedError("bad_groups", digits, "one decimal mark")
    return parse_number(plain, language)


def _date(kind: str, body: str) -> datetime.date | None:
    try:
        if kind == "iso":
            return datetime.date.fromisoformat(body)
        if kind == "day_en":
            day, month, year = body.split()
            return datetime.date(int(year), _MONTHS[month.lower()], int(day))
        day, month, year = map(int, re.findall(r"\d+", body))
        return datetime.date(year, month, day)
    except ValueError:
        return None


def is_hedge(code: str) -> bool:
    """Whether a hedge changes which values a printed number stands for; a bound's sign does not."""
    return code in HEDGES
