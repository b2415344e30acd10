"""What one cell means: money in đồng, years, dates, tax codes. Each reader gives the value, or why there is none."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from kcq_eval.printed import UNITS, Printed, PrintedError, with_digits

MOST_DONG = 10**13  # 10,000 tỷ đồng in one row: more is a slip of the unit
YEARS = range(1990, 2101)
_PLAIN = re.compile(r"[+-]?[0-9]{1,15}")
_VIETNAMESE = re.compile(r"[0-9]{1,3}(\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(\.[0-9]{3}){2,}|[0-9]+,([0-9]{1,2}|[0-9]{4,})|0,[0-9]+")
_ENGLISH = re.compile(r"[0-9]{1,3}(,[0-9]{3})+\.[0-9]+|[0-9]{1,3}(,[0-9]{3}){2,}|[0-9]+\.([0-9]{1,2}|[0-9]{4,})|0\.[0-9]+")
_DAY_FIRST = re.compile(r"(?:ngày\s*)?([0-9]{1,2})\s*(?:[/.-]|tháng)\s*([0-9]{1,2})\s*(?:[/.-]|năm)\s*([0-9]{4})")
_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ].*)?")
_YEAR = re.compile(r"(?:năm|nam|year)?\s*([0-9]{4})(?:\.0+)?")
_UNIT_OF_SCALE = {unit.scale: unit.code for unit in UNITS.values() if unit.family == "money"}


class Unreadable(ValueError):
    """A cell that says nothing usable: `key` of the problem, the form expected, and what may be meant."""

    def __init__(self, key: str, expected: str = "", meant: str = ""):
        super().__init__(key)
        self.key, self.expected, self.meant = key, expected, meant


def number_format(texts: Iterable[str]) -> tuple[str | None, list[str]]:
    """The format that a file's own numbers prove (`vi` 1.234,5 or `en` 1,234.5), with a cell that proves it.

    Two cells that prove different formats prove none; both are then given. A number such as 1.234 proves nothing.
    """
    proof: dict[str, str] = {}
    for text in texts:
        bare = text.strip().lstrip("+-−")
        for code, pattern in (("vi", _VIETNAMESE), ("en", _ENGLISH)):
            if code not in proof and pattern.fullmatch(bare):
                proof[code] = text
    return (next(iter(proof)) if len(proof) == 1 else None), list(proof.values())


def money(cell: Any, scale: int, declared: str | None) -> tuple[int, bool]:
    """Đồng, and whether less than a đồng was rounded away.

    Args:
        scale: Đồng in one unit of the column.
        declared: Number format of numbers that stand as text.
    """
    if isinstance(cell, bool | date):
        raise Unreadable("not_money", "262,3")
    if isinstance(cell, int | float):
        if isinstance(cell, float) and not math.isfinite(cell):
            raise Unreadable("not_money", "262,3")
        amount = Fraction(Decimal(repr(cell))) * scale
    elif isinstance(cell, Decimal):
        amount = Fraction(cell) * scale
    elif _PLAIN.fullmatch(text := str(cell).strip()):
        amount = Fraction(int(text) * scale)
    else:
        try:
            amount = Printed(text, _UNIT_OF_SCALE[scale], declared).value
        except PrintedError as error:
            if error.key == "undeclared_format":
                raise Unreadable("number_unproved", "--numbers vi | --numbers en") from None
            if meant := with_digits(text):
                raise Unreadable("letter_in_number", "262,3", meant) from None
            raise Unreadable(f"printed_{error.key}" if error.key != "not_a_number" else "not_money", error.expected) from None
    if amount < 0:
        raise Unreadable("negative_money", "≥ 0")
    if amount > MOST_DONG:
        raise Unreadable("impossible_money", f"≤ {MOST_DONG // 10**6:,} × 10^6 VND")
    dong = int(amount + Fraction(1, 2))
    return dong, dong != amount


def year(cell: Any) -> int:
    """A calendar year, also out of a date."""
    if isinstance(cell, date):
        found = cell.year
    elif isinstance(cell, bool):
        raise Unreadable("bad_year", "2022")
    elif isinstance(cell, int | float):
        if cell != cell or cell != int(cell):
            raise Unreadable("bad_year", "2022")
        found = int(cell)
    else:
        text = str(cell).strip().casefold()
        if meant := with_digits(str(cell)):
            raise Unreadable("letter_in_number", "2022", meant)
        match = _YEAR.fullmatch(text)
        found = int(match[1]) if match else day(cell).year
    if found not in YEARS:
        raise Unreadable("impossible_year", f"{YEARS[0]}–{YEARS[-1]}")
    return found


def day(cell: Any) -> date:
    """A date: of the workbook itself, or written day first or as ISO."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = str(cell).strip().casefold()
    if match := _DAY_FIRST.fullmatch(text):
        numbers = int(match[3]), int(match[2]), int(match[1])
    elif match := _ISO.fullmatch(text):
        numbers = int(match[1]), int(match[2]), int(match[3])
    else:
        raise Unreadable("bad_date", "26/12/2023")
    try:
        return date(*numbers)
    except ValueError:
        raise Unreadable("bad_date", "26/12/2023") from None


def text(cell: Any) -> str:
    """A cell as text without doubled spaces; a whole number without its ".0"."""
    if isinstance(cell, str):
        return " ".join(cell.split())
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None or cell != cell else str(cell)


def tax_code(cell: Any) -> str:
    """A tax code as its digits; a number that lost its leading zeros in Excel gets them back (10 digits)."""
    digits = re.sub(r"[\s.'-]", "", text(cell))
    if isinstance(cell, int | float) and not isinstance(cell, bool) and 8 <= len(digits) < 10:
        digits = digits.zfill(10)
    return digits


def is_blank(cell: Any) -> bool:
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def distinct(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """For each row the place of its cell among the distinct ones; the place after the last is a missing cell."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, found = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories.to_numpy(dtype=object)
    else:
        values = column.to_numpy()
        if values.dtype == object:
            values = np.array([str(v) if isinstance(v, bool) else v for v in values], dtype=object)  # True is not 1
        codes, found = pd.factorize(values)
        codes, found = codes.astype(np.int64), np.asarray(found, dtype=object)
    codes[codes < 0] = len(found)
    return codes, found
