"""What a cell shows: a number under a spreadsheet's number format, with the marks of a language."""

from __future__ import annotations

import datetime
import functools
import re
from fractions import Fraction

from kcq_eval.printed import format_number

_PIECE = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|\[[^\]]*\]|([#0?][#0?,]*(?:\.[#0?]+)?|\.[#0?]+)(,*)|(.)', re.DOTALL)
_DATE = re.compile(r"[ymdhs]", re.IGNORECASE)
_EPOCH = datetime.date(1899, 12, 30)
_GENERAL_DIGITS = 11


def shown(value: Fraction, code: str, language: str) -> str:
    """How a number is shown under a number format, in the language's marks; a date as ISO writes it."""
    if code in ("", "General", "@"):
        return _general(value, language)
    if _DATE.search(re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code)):
        return (_EPOCH + datetime.timedelta(days=int(value))).isoformat() if 0 <= value < 2_000_000 else str(int(value))
    sections = _sections(code)
    if value < 0 and len(sections) > 1:
        return _filled(-value, sections[1], language)
    if value == 0 and len(sections) > 2:
        return _filled(value, sections[2], language)
    return _filled(value, sections[0], language)


def _general(value: Fraction, language: str) -> str:
    """As many digits as a cell has room for."""
    whole = len(str(abs(int(value))))
    decimals = max(0, min(_GENERAL_DIGITS - whole, _GENERAL_DIGITS - 1))
    text = format_number(value, decimals=decimals, number_format=language, group=False)
    mark = "," if language == "vi" else "."
    return text.rstrip("0").rstrip(mark) if decimals else text


@functools.lru_cache(maxsize=256)
def _sections(code: str) -> tuple[tuple[tuple[str, str, str], ...], ...]:
    """The sections of a format, each as literal texts and places of digits."""
    sections: list[list[tuple[str, str, str]]] = [[]]
    for match in _PIECE.finditer(code):
        quoted, escaped, currency, digits, thousands, other = match.groups()
        if digits is not None:
            sections[-1].append(("digits", digits, thousands))
        elif other == ";":
            sections.append([])
        else:
            literal = quoted if quoted is not None else escaped or currency or other or ""
            sections[-1].append(("percent" if other == "%" else "text", literal, ""))
    return tuple(tuple(section) for section in sections)


def _filled(value: Fraction, section: tuple[tuple[str, str, str], ...], language: str) -> str:
    if any(kind == "percent" for kind, _, _ in section):
        value *= 100
    words, done = [], False
    for kind, text, thousands in section:
        if kind != "digits":
            words.append(text)
        elif not done:
            whole, _, decimals = text.partition(".")
            number = format_number(value / 1000 ** len(thousands), decimals=len(decimals), number_format=language, group="," in whole)
            optional = len(decimals) - len(decimals.rstrip("#"))
            for _ in range(optional):
                number = number[:-1] if number.endswith("0") else number
            words.append(number.rstrip(",.") if optional else number)
            done = True
    return "".join(words)
