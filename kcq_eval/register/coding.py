"""From raw rows to coded rows: every distinct cell is read once, pandera checks the columns, all problems are told with their cells."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.register import cells, facilities
from kcq_eval.register.cells import Unreadable
from kcq_eval.register.columns import CODED, DEMONSTRATION, MONEY, RegisterWords, codes_of, word_key
from kcq_eval.register.facilities import Facilities
from kcq_eval.register.rows import RawRows
from kcq_eval.vocabulary import Vocabulary, spelling_key

MERGER = date(2025, 7, 1)  # from this day on the 34 provinces
_EPOCH = date(1970, 1, 1).toordinal()
BEFORE, SINCE, UNSURE = 0, 1, 2  # which map a row speaks of; 2025 without a date does not say
_TOLD = 2_000  # problems kept of one piece; a register with more is the wrong file


@dataclass(frozen=True)
class Remark:
    """A warning: what should be looked at, and in which rows.

    Attributes:
        rows: Rows of the sheet, ascending.
        found: What stands there; of the columns `facility` and `tax_code` it is private.
    """

    key: str
    told: str
    column: str
    rows: tuple[int, ...]
    found: str = ""
    expected: str = ""

    @property
    def problem(self) -> Problem:
        """As it is told on the terminal: the first row as its place, then all of them."""
        rows = rows_told(list(self.rows))
        found = "; ".join(filter(None, [self.found, rows if len(self.rows) > 1 else ""]))
        return Problem(self.key, self.told, self.rows[0] if self.rows else None, self.column, found, self.expected)


@dataclass
class Coded:
    """Coded rows of one piece.

    Attributes:
        frame: `year`, codes of the coded columns as categories, `scheme`, `facility` (number, −1 where a row supports none),
            money in đồng; index = row on the sheet.
        raw: What it was made from.
        notes: Warnings found while reading.
    """

    frame: pd.DataFrame
    raw: RawRows
    notes: list[Remark]
    demonstration: bool


class Reader:
    """Reads the cells of one register with the words of one data folder."""

    def __init__(self, words: RegisterWords, vocabulary: Vocabulary, number_format: str = "auto"):
        self._words, self._vocabulary = words, vocabulary
        self._declared = None if number_format == "auto" else number_format
        self._facilities = Facilities()
        self._schemes: dict[str, int] = {}  # number by id without case
        self._scheme_ids: list[str] = []  # as they are first written, by number
        self._merged: dict[str, list[str]] = {}  # new province -> its old codes
        for province in vocabulary.provinces.values():
            self._merged.setdefault(province.new_code, []).append(province.code)
        unions = ["+".join(old) for old in self._merged.values() if len(old) > 1]
        self.provinces = (*vocabulary.provinces, *unions)
        self._new_names = {word_key(p.new_name_vi): p.new_code for p in vocabulary.provinces.values()}

    @property
    def scheme_ids(self) -> tuple[str, ...]:
        """Scheme ids by their number."""
        return tuple(self._scheme_ids)

    def code(self, raw: RawRows, problems: Problems) -> Coded:
        """Coded rows; what cannot be read or is out of range is added to `problems`."""
        frame, why, notes = raw.frame, {}, []
        coded = pd.DataFrame(index=frame.index)
        days = self._days(frame, why)
        years = coded["year"] = self._years(frame, days, why)
        for name in CODED:
            if name == "province":
                coded[name] = self._provinces(frame[name], years, days, why)
            else:
                coded[name] = self._codes(frame[name], name, why)
        self._money(raw, coded, why, notes)
        coded["scheme"], is_demonstration = self._scheme_numbers(frame["scheme_id"])
        names = facilities.written(frame["facility"])
        taxes = self._facilities.tax_codes(frame["tax_code"]) if "tax_code" in frame else None
        supports = np.isin(coded["support_type"].cat.codes, self._facility_types)
        numbers = self._facilities.number(names, coded["province"].cat.codes.to_numpy(), taxes, supports)
        coded["facility"] = pd.arrays.IntegerArray(numbers, supports & ~facilities.named(names))
        coded["spelling"] = np.where(supports, facilities.hashes(names), 0)
        coded["day"] = days
        if taxes is not None and taxes.bad.any():
            rows = tuple(frame.index[taxes.bad].tolist())
            notes.append(Remark("tax_code_check", raw.told, "tax_code", rows, "; ".join(taxes.told), "XXXXXXXXXX | XXXXXXXXXX-XXX"))
        notes += _province_notes(raw, coded["province"])
        problems += _checked(coded, raw, why, self._expected)
        return Coded(coded, raw, notes, is_demonstration)

    @functools.cached_property
    def _facility_types(self) -> list[int]:
        types = self._vocabulary.support_types
        return [types.index(code) for code in self._vocabulary.facility_support_types]

    def _expected(self, name: str) -> str:
        if name == "province":
            return "data/reference/provinces.csv"
        return ", ".join(codes_of(name, self._vocabulary)) if name in CODED else ""

    def _days(self, frame: pd.DataFrame, why: dict) -> np.ndarray:
        """Ordinals of the dates, 0 where there is none; one that cannot be read is a problem."""
        if "date" not in frame:
            return np.zeros(len(frame), dtype=np.int64)
        places, distinct = cells.distinct(frame["date"])
        days, unread = np.zeros(len(distinct) + 1, dtype=np.int64), np.zeros(len(distinct) + 1, dtype=bool)
        for place, cell in enumerate(distinct):
            if not cells.is_blank(cell):
                try:
                    days[place] = cells.day(cell).toordinal()
                except Unreadable as error:
                    why["date", place], unread[place] = error, True
        why["date:"], why["date!"] = (places, distinct), unread[places]
        return days[places]

    def _years(self, frame: pd.DataFrame, days: np.ndarray, why: dict) -> pd.Series:
        if "year" not in frame:
            why["year:"] = why["date:"]
            why |= {("year", place): error for (name, place), error in [(k, v) for k, v in why.items() if isinstance(k, tuple)] if name == "date"}
            numbers = (days - _EPOCH).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int32) + np.int32(1970)
            return pd.Series(pd.arrays.IntegerArray(numbers, days == 0), index=frame.index)
        places, distinct = cells.distinct(frame["year"])
        numbers = np.zeros(len(distinct) + 1, dtype=np.int32)
        for place, cell in enumerate(distinct):
            if not cells.is_blank(cell):
                try:
                    numbers[place] = cells.year(cell)
                except Unreadable as error:
                    why["year", place] = error
        why["year:"] = places, distinct
        return pd.Series(pd.arrays.IntegerArray(numbers[places], (numbers == 0)[places]), index=frame.index)

    def _codes(self, column: pd.Series, name: str, why: dict) -> pd.Categorical:
        valid = codes_of(name, self._vocabulary)
        places, distinct = cells.distinct(column)
        codes = np.full(len(distinct) + 1, -1, dtype=np.int8)
        for place, cell in enumerate(distinct):
            found = None if cells.is_blank(cell) else self._words.code(name, cells.text(cell))
            if found is not None:
                codes[place] = valid.index(found)
            elif not cells.is_blank(cell):
                why[name, place] = Unreadable("unknown_code")
        why[f"{name}:"] = places, distinct
        why[f"{name}?"] = lambda cell: _nearest_word(cells.text(cell), self._words.known(name))
        return pd.Categorical.from_codes(codes[places], categories=list(valid))

    def _provinces(self, column: pd.Series, years: pd.Series, days: np.ndarray, why: dict) -> pd.Categorical:
        """Codes of the 63; a province that only exists since the merger stands as the union of those it was made of."""
        places, distinct = cells.distinct(column)
        calendar = years.fillna(0).to_numpy(dtype=np.int64)
        undated = np.select([calendar > MERGER.year, calendar == MERGER.year], [SINCE, UNSURE], BEFORE)
        pairs = places * 3 + np.where(days == 0, undated, np.where(days >= MERGER.toordinal(), SINCE, BEFORE))
        codes = np.full((len(distinct) + 1) * 3, -1, dtype=np.int16)
        for pair in pd.unique(pairs):
            place, era = divmod(int(pair), 3)
            if place >= len(distinct) or cells.is_blank(cell := distinct[place]):
                continue
            try:
                codes[pair] = self.provinces.index(self.province(cells.text(cell), era))
            except Unreadable as error:
                why["province", pair] = error
        why["province:"] = pairs, np.repeat(np.append(distinct, None), 3)
        why["province?"] = lambda cell: self._vocabulary.nearest_province(cells.text(cell))
        return pd.Categorical.from_codes(codes[pairs], categories=list(self.provinces))

    def province(self, text: str, era: int) -> str:
        """A province's code, or the union of old codes that a new province is; raises Unreadable where it cannot be told."""
        text = text.zfill(2) if text.isdecimal() else text
        old = self._vocabulary.province_code(text)
        if era == BEFORE:
            if old is None:
                raise Unreadable("unknown_code")
            return old
        new = self._new_code(text, old)
        if era == SINCE:
            if new is None and old is None:
                raise Unreadable("unknown_code")
            return "+".join(self._merged[new]) if new else old  # a name that the merger ended still says where
        as_new = "+".join(self._merged[new]) if new else None
        if old is None and as_new is None:
            raise Unreadable("unknown_code")
        if old is not None and as_new is not None and old != as_new:
            raise Unreadable("province_needs_date", "26/12/2025")
        return old or as_new

    def _new_code(self, text: str, old: str | None) -> str | None:
        """The unit of 2025 that a spelling names, or None where only an old province had that name or code."""
        if text.isdecimal():
            return text if text in self._merged else None
        if (named := self._new_names.get(word_key(spelling_key(text)))) is not None:
            return named
        if old is not None:
            province = self._vocabulary.provinces[old]
            if word_key(province.name_vi) == word_key(province.new_name_vi) or len(self._merged[province.new_code]) == 1:
                return province.new_code
        return None

    def _money(self, raw: RawRows, coded: pd.DataFrame, why: dict, notes: list[Remark]) -> None:
        texts = [c for name in MONEY if raw.frame[name].dtype == object for c in raw.frame[name].unique() if isinstance(c, str)]
        declared, proofs = (self._declared, []) if self._declared else cells.number_format(texts)
        if len(proofs) > 1:
            notes.append(Remark("two_number_formats", raw.told, "", (), "; ".join(proofs), "1.234,5 | 1,234.5"))
        for name in MONEY:
            column, scale = raw.frame[name], raw.header.scale[name]
            if column.dtype.kind in "if":
                coded[name], rounded = _numeric_money(column, scale, why, name)
            else:
                coded[name], rounded = _written_money(column, scale, declared, why)
            if rounded:
                notes.append(Remark("rounded_to_dong", raw.told, name, tuple(rounded)))

    def _scheme_numbers(self, column: pd.Series) -> tuple[pd.array, bool]:
        """A number for each scheme id, and whether ids of the demonstration register are among them."""
        places, distinct = cells.distinct(column)
        numbers = np.full(len(distinct) + 1, -1, dtype=np.int32)
        keys = [unicodedata.normalize("NFC", cells.text(cell)).casefold() for cell in distinct]
        for place, key in enumerate(keys):
            if key:
                numbers[place] = self._schemes.setdefault(key, len(self._schemes))
                if len(self._schemes) > len(self._scheme_ids):
                    self._scheme_ids.append(cells.text(distinct[place]))
        return pd.array(numbers[places], dtype="Int32"), any(key.startswith(DEMONSTRATION.casefold()) for key in keys)


def _province_notes(raw: RawRows, provinces: pd.Series) -> list[Remark]:
    """Provinces that one register writes in several ways."""
    places, distinct = cells.distinct(raw.frame["province"])
    codes = provinces.cat.codes.to_numpy().astype(np.int64)
    several = len(distinct) + 1
    ways: dict[int, list[int]] = {}
    for pair in pd.unique(codes * several + places).tolist():
        if pair >= 0 and pair % several < len(distinct):
            ways.setdefault(pair // several, []).append(pair % several)
    found = []
    for _, group in sorted(ways.items()):
        names = sorted({unicodedata.normalize("NFC", cells.text(distinct[place])) for place in group})
        if len(names) > 1:
            rarer = sorted(group, key=lambda place: (np.count_nonzero(places == place), place))[:-1]
            rows = raw.frame.index[np.isin(places, rarer)].tolist()
            found.append(Remark("province_two_names", raw.told, "province", tuple(rows), "; ".join(names)))
    return found


def rows_told(rows: list[int]) -> str:
    """Row numbers as a reader lists them: the first ten, and how many more."""
    first = ", ".join(str(row) for row in rows[:10])
    return first + (f" … (+{len(rows) - 10})" if len(rows) > 10 else "")


def _written_money(column: pd.Series, scale: int, declared: str | None, why: dict) -> tuple[pd.Series, list[int]]:
    """Money that stands as text, as numbers of a spreadsheet or as both; rows in which less than a đồng was rounded away."""
    places, distinct = cells.distinct(column)
    dong, rounded = np.full(len(distinct) + 1, -1, dtype=np.int64), np.zeros(len(distinct) + 1, dtype=bool)
    for place, cell in enumerate(distinct):
        if not cells.is_blank(cell):
            try:
                dong[place], rounded[place] = cells.money(cell, scale, declared)
            except Unreadable as error:
                why[column.name, place] = error
    why[f"{column.name}:"] = places, distinct
    return pd.Series(pd.arrays.IntegerArray(dong[places], (dong < 0)[places]), index=column.index), column.index[rounded[places]].tolist()


def _numeric_money(column: pd.Series, scale: int, why: dict, name: str) -> tuple[pd.Series, list[int]]:
    """Money that stands as numbers in the file itself: whole đồng by rounding, exact below 2^53 đồng."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan) * scale if column.dtype.kind == "f" else column.to_numpy() * scale
    missing = ~np.isfinite(values)
    values = np.where(missing, 0, values)
    dong = np.rint(values)
    wrong = (values < 0) | (values > cells.MOST_DONG)
    rounded = column.index[~wrong & (np.abs(values - dong) > 1e-3)].tolist()
    whole = np.where(missing | wrong, 0, dong).astype(np.int64)
    if missing.any() or wrong.any():
        rows = np.flatnonzero(missing | wrong)
        places = np.full(len(column), len(rows), dtype=np.int64)
        places[rows] = np.arange(len(rows))
        why[f"{name}:"] = places, np.append(column.to_numpy()[rows].astype(object), None)
        for place, row in enumerate(rows):
            if wrong[row]:
                key = "negative_money" if values[row] < 0 else "impossible_money"
                why[name, place] = Unreadable(key, "≥ 0" if values[row] < 0 else f"≤ {cells.MOST_DONG // 10**6:,} × 10^6 VND")
    return pd.Series(pd.arrays.IntegerArray(whole, missing | wrong), index=column.index), rounded


def _nearest_word(text: str, known: dict[str, str]) -> str:
    close = nearest(word_key(text), known)
    return known[close] if close else ""


@functools.cache
def _schema():
    """What coded columns must be: nothing missing, years and money in range."""
    import pandera.pandas as pa

    columns = {name: pa.Column(nullable=False) for name in CODED}
    columns |= {name: pa.Column("Int64", pa.Check.in_range(0, cells.MOST_DONG), nullable=False) for name in MONEY}
    columns["year"] = pa.Column("Int32", pa.Check.in_range(cells.YEARS[0], cells.YEARS[-1]), nullable=False)
    columns["scheme"] = pa.Column("Int32", pa.Check.ge(0), nullable=False)
    columns["facility"] = pa.Column("Int64", nullable=False)
    return pa.DataFrameSchema(columns)


_TOLD_AS = {"scheme": "scheme_id"}


def _checked(coded: pd.DataFrame, raw: RawRows, why: dict, expected: Callable[[str], str]) -> list[Problem]:
    """Every cell that pandera refuses, with what stands there and what could; the first ones where there are very many."""
    from pandera.errors import SchemaErrors

    found: list[Problem] = []
    unread = why.get("date!")
    if unread is not None:
        for row in coded.index[unread]:
            found.append(Problem("bad_date", raw.told, int(row), "date", cells.text(raw.frame["date"].loc[row]), "26/12/2023"))
    try:
        _schema().validate(coded, lazy=True, inplace=True)
    except SchemaErrors as errors:
        places = {row: place for place, row in enumerate(coded.index)}
        cases = errors.failure_cases
        for name, row in sorted(zip(cases["column"], cases["index"]), key=lambda case: (case[1], list(coded).index(case[0]))):
            found.append(_problem(_TOLD_AS.get(name, name), int(row), places[row], raw, why, expected))
    found.sort(key=lambda problem: problem.row or 0)
    if len(found) > _TOLD:
        return [*found[:_TOLD], Problem("too_many", raw.told, found=str(len(found)))]
    return found


def _problem(name: str, row: int, place: int, raw: RawRows, why: dict, expected: Callable[[str], str]) -> Problem:
    cell = raw.frame[name].loc[row] if name in raw.frame else None
    if f"{name}:" in why:
        error = why.get((name, int(why[f"{name}:"][0][place])))
        if error is not None:
            suggest = why.get(f"{name}?")
            near = suggest(cell) if suggest and error.key == "unknown_code" else error.meant
            return Problem(error.key, raw.told, row, name, cells.text(cell), error.expected or expected(name), near)
    return Problem("empty_cell", raw.told, row, name, "", expected(name))
