"""From raw rows to coded rows: every distinct cell is read once, pandera checks the columns, all problems are told with their cells."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.register import cells
from kcq_eval.register.cells import Unreadable
from kcq_eval.register.columns import CODED, DEMONSTRATION, MONEY, RegisterWords, codes_of, word_key
from kcq_eval.register.rows import RawRows
from kcq_eval.vocabulary import Vocabulary, spelling_key

MERGER = date(2025, 7, 1)  # from this day on the 34 provinces
BEFORE, SINCE, UNSURE = 0, 1, 2  # which map a row speaks of; 2025 without a date does not say
_TAX_WEIGHTS = np.array([31, 29, 23, 19, 17, 13, 7, 5, 3])  # of the first nine digits of a tax code
_TENS = 10 ** np.arange(9, -1, -1)
_BY_TAX_CODE = 10**15  # a facility with a tax code of ten digits is this and its code; others are counted from 0
_TOLD = 2_000  # problems kept of one piece; a register with more is the wrong file
_LEGAL_FORMS = (
    ("cong ty trach nhiem huu han mot thanh vien", "tnhh"), ("cong ty trach nhiem huu han", "tnhh"), ("cong ty tnhh mot thanh vien", "tnhh"),
    ("cong ty tnhh mtv", "tnhh"), ("cong ty tnhh", "tnhh"), ("cty tnhh", "tnhh"), ("cong ty co phan", "cp"), ("cong ty cp", "cp"), ("cty cp", "cp"),
    ("ctcp", "cp"), ("doanh nghiep tu nhan", "dntn"), ("hop tac xa", "htx"), ("ho kinh doanh", "hkd"),
)  # fmt: skip


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
class Coder:
    """Gives keys (scheme ids, facilities) one number each, the same in every part of a register."""

    schemes: dict[str, int] = field(default_factory=dict)
    facilities: dict[str, int] = field(default_factory=dict)
    written: dict[int, str] = field(default_factory=dict)  # scheme ids as they are first written


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
        self._coder = Coder()
        self._merged: dict[str, list[str]] = {}  # new province -> its old codes
        for province in vocabulary.provinces.values():
            self._merged.setdefault(province.new_code, []).append(province.code)
        unions = ["+".join(old) for old in self._merged.values() if len(old) > 1]
        self.provinces = (*vocabulary.provinces, *unions)
        self._new_names = {word_key(p.new_name_vi): p.new_code for p in vocabulary.provinces.values()}

    @property
    def scheme_ids(self) -> tuple[str, ...]:
        """Scheme ids by their number."""
        return tuple(self._coder.written[number] for number in range(len(self._coder.schemes)))

    def code(self, raw: RawRows, problems: Problems) -> Coded:
        """Coded rows; what cannot be read or is out of range is added to `problems`."""
        frame, why, notes = raw.frame, {}, []
        coded = pd.DataFrame(index=frame.index)
        dates = self._read(frame, "date", cells.day, why, optional=True) if "date" in frame else None
        years = self._years(frame, dates, why)
        coded["year"] = years
        for name in CODED:
            if name == "province":
                coded[name] = self._provinces(frame[name], years, dates, why)
            else:
                coded[name] = self._codes(frame[name], name, why)
        self._money(raw, coded, why, notes)
        coded["scheme"], is_demonstration = self._schemes(frame["scheme_id"])
        supports = np.isin(coded["support_type"].cat.codes, self._facility_types)
        coded["facility"], coded["spelling"] = self._facilities(frame, coded["province"], supports)
        coded["day"] = 0 if dates is None else [0 if day is None else day.toordinal() for day in dates]
        notes += self._tax_notes(raw)
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

    def _read(self, frame: pd.DataFrame, name: str, reader: Callable[[Any], Any], why: dict, *, optional: bool = False) -> pd.Series:
        """A column read distinct cell by distinct cell; None where it cannot be, with the reason in `why`."""
        places, distinct = _distinct(frame[name])
        values = np.empty(len(distinct) + 1, dtype=object)
        for place, cell in enumerate(distinct):
            if cells.is_blank(cell):
                if optional:
                    values[place] = None
                continue
            try:
                values[place] = reader(cell)
            except Unreadable as error:
                why[name, place] = error
        if optional and (failed := {place for column, place in why if column == name}):
            why[f"{name}!"] = np.isin(places, list(failed))
        why[f"{name}:"] = places, distinct
        return pd.Series(values[places], index=frame.index, dtype=object)

    def _years(self, frame: pd.DataFrame, dates: pd.Series | None, why: dict) -> pd.Series:
        if "year" not in frame:
            why["year:"] = why["date:"]
            found = pd.Series([None if day is None else day.year for day in dates], index=frame.index, dtype=object)
            why |= {("year", place): error for (name, place), error in [(k, v) for k, v in why.items() if isinstance(k, tuple)] if name == "date"}
        else:
            places, distinct = _distinct(frame["year"])
            numbers = np.zeros(len(distinct) + 1, dtype=np.int32)
            for place, cell in enumerate(distinct):
                if not cells.is_blank(cell):
                    try:
                        numbers[place] = cells.year(cell)
                    except Unreadable as error:
                        why["year", place] = error
            why["year:"] = places, distinct
            return pd.Series(pd.arrays.IntegerArray(numbers[places], (numbers == 0)[places]), index=frame.index)
        return found.astype("Int32")

    def _codes(self, column: pd.Series, name: str, why: dict) -> pd.Categorical:
        valid = codes_of(name, self._vocabulary)
        places, distinct = _distinct(column)
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

    def _provinces(self, column: pd.Series, years: pd.Series, dates: pd.Series | None, why: dict) -> pd.Categorical:
        """Codes of the 63; a province that only exists since the merger stands as the union of those it was made of."""
        places, distinct = _distinct(column)
        since = np.full(len(column), BEFORE, dtype=np.int64)
        calendar = years.fillna(0).to_numpy(dtype=np.int64)
        since[calendar > MERGER.year] = SINCE
        since[calendar == MERGER.year] = UNSURE
        if dates is not None:
            dated = np.array([BEFORE if d is None else (SINCE if d >= MERGER else BEFORE) for d in dates], dtype=np.int64)
            known = np.array([d is not None for d in dates], dtype=bool)
            since[known] = dated[known]
        pairs = places * 3 + since
        codes = np.full((len(distinct) + 1) * 3, -1, dtype=np.int16)
        for pair in np.unique(pairs):
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
                found = self._read(raw.frame, name, functools.partial(cells.money, scale=scale, declared=declared), why)
                coded[name] = pd.Series([None if v is None else v[0] for v in found], index=column.index, dtype="Int64")
                rounded = [row for row, v in found.items() if v is not None and v[1]]
            if rounded:
                notes.append(Remark("rounded_to_dong", raw.told, name, tuple(rounded)))

    def _schemes(self, column: pd.Series) -> tuple[np.ndarray, bool]:
        places, distinct = _distinct(column)
        known = self._coder.schemes
        keys = [unicodedata.normalize("NFC", cells.text(cell)).casefold() for cell in distinct]
        numbers = np.array([known.setdefault(key, len(known)) if key else -1 for key in keys] + [-1], dtype=np.int32)
        for number, cell in zip(numbers, distinct):
            self._coder.written.setdefault(int(number), cells.text(cell))
        return pd.array(numbers[places], dtype="Int32"), any(key.startswith(DEMONSTRATION.casefold()) for key in keys)

    def _facilities(self, frame: pd.DataFrame, provinces: pd.Series, supports: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One number per facility (its tax code, or its name in its province where it has none), and one for how its name is written."""
        known = self._coder.facilities
        name_places, names = _distinct(frame["facility"])
        written = np.append(_written(names), "")
        named = (written != "")[name_places]
        spellings = pd.util.hash_array(written, categorize=False).astype(np.int64)[name_places]
        numbers = np.full(len(frame), -1, dtype=np.int64)
        by_tax = np.zeros(len(frame), dtype=bool)
        if "tax_code" in frame:
            tax_places, taxes = _distinct(frame["tax_code"])
            tax_numbers = np.full(len(taxes) + 1, -1, dtype=np.int64)
            plain = np.append(_plain_tax_codes(taxes), False)
            tax_numbers[plain] = _BY_TAX_CODE + _digits_of(taxes[plain[:-1]]) @ _TENS
            for place in np.flatnonzero(~plain[:-1]):
                if code := cells.tax_code(taxes[place]):
                    easy = len(code) == 10 and code.isascii() and code.isdecimal()
                    tax_numbers[place] = _BY_TAX_CODE + int(code) if easy else known.setdefault(code, len(known))
            by_tax = tax_numbers[tax_places] >= 0
            numbers[by_tax] = tax_numbers[tax_places][by_tax]
        rest = named & ~by_tax & supports
        if rest.any():
            pairs = name_places[rest] * 128 + provinces.cat.codes.to_numpy()[rest].astype(np.int64)
            distinct, inverse = np.unique(pairs, return_inverse=True)
            keys = [f"{name_key(cells.text(names[pair // 128]))}|{pair % 128}" for pair in distinct]
            numbers[rest] = np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)[inverse]
        numbers[~supports] = -1
        missing = supports & ~named
        return pd.arrays.IntegerArray(numbers, missing), np.where(supports, spellings, 0)


    def _tax_notes(self, raw: RawRows) -> list[Remark]:
        """Tax codes whose check digit or length is not one of the tax office's."""
        from stdnum.vn import mst

        if "tax_code" not in raw.frame:
            return []
        places, distinct = _distinct(raw.frame["tax_code"])
        bad = np.zeros(len(distinct) + 1, dtype=bool)
        codes = {place: cells.tax_code(distinct[place]) for place in np.flatnonzero(~_plain_tax_codes(distinct, checked=True))}
        bad[[place for place, code in codes.items() if code and not mst.is_valid(code)]] = True
        rows = raw.frame.index[bad[places]].tolist()
        told = "; ".join(dict.fromkeys(codes[place] for place in places[bad[places]][:10]))
        return [Remark("tax_code_check", raw.told, "tax_code", tuple(rows), told, "XXXXXXXXXX | XXXXXXXXXX-XXX")] if rows else []


def _written(distinct: np.ndarray) -> np.ndarray:
    """Cells as text in NFC without doubled spaces; in one go where all of them are text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        found = pc.utf8_normalize(pa.array(distinct, type=pa.large_string()), form="NFC")
    except (pa.ArrowException, TypeError):
        return np.array([unicodedata.normalize("NFC", cells.text(cell)) for cell in distinct], dtype=object)
    if any(pc.any(pc.match_substring(found, space)).as_py() for space in ("  ", "\t", "\n", "\r", "\u00a0")):
        found = pc.replace_substring_regex(found, pattern=r"[\s\x{00a0}]+", replacement=" ")
    return pc.fill_null(pc.utf8_trim_whitespace(found), "").to_numpy(zero_copy_only=False)


def _digits_of(codes: np.ndarray) -> np.ndarray:
    """The digits of codes that are text of ten of them, one row each."""
    return np.array(codes, dtype="S10").view(np.uint8).reshape(-1, 10).astype(np.int64) - ord("0")


def _plain_tax_codes(distinct: np.ndarray, *, checked: bool = False) -> np.ndarray:
    """Which cells are text of ten digits, `checked` with the right last one: no other reader need look at them.

    The digit is that of python-stdnum, which judges all others; a test holds the two together.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        text = pa.array(distinct, type=pa.large_string())
    except (pa.ArrowException, TypeError):
        return np.zeros(len(distinct), dtype=bool)
    plain = pc.fill_null(pc.match_substring_regex(text, pattern="^[0-9]{10}$"), False).to_numpy(zero_copy_only=False).astype(bool)
    if checked and plain.any():
        digits = _digits_of(distinct[plain])
        plain[plain] = 10 - (digits[:, :9] @ _TAX_WEIGHTS) % 11 == digits[:, 9]
    return plain


def _province_notes(raw: RawRows, provinces: pd.Series) -> list[Remark]:
    """Provinces that one register writes in several ways."""
    places, distinct = _distinct(raw.frame["province"])
    written = [unicodedata.normalize("NFC", cells.text(cell)) for cell in distinct]
    pairs = pd.DataFrame({"code": provinces.cat.codes.to_numpy(), "place": places})
    pairs = pairs[(pairs["code"] >= 0) & (pairs["place"] < len(distinct))]
    found = []
    for _, group in pairs.drop_duplicates().groupby("code", sort=True)["place"]:
        names = sorted({written[place] for place in group})
        if len(names) > 1:
            rarer = sorted(set(group), key=lambda place: (np.count_nonzero(places == place), place))[:-1]
            rows = raw.frame.index[np.isin(places, rarer)].tolist()
            found.append(Remark("province_two_names", raw.told, "province", tuple(rows), "; ".join(names)))
    return found


def name_key(text: str) -> str:
    """A facility's name without case, diacritics, marks, and with its legal form in one spelling."""
    key = word_key(text)
    for long, short in _LEGAL_FORMS:
        if key.startswith(long + " "):
            return f"{short} {key[len(long) + 1 :]}"
    return key


def rows_told(rows: list[int]) -> str:
    """Row numbers as a reader lists them: the first ten, and how many more."""
    first = ", ".join(str(row) for row in rows[:10])
    return first + (f" … (+{len(rows) - 10})" if len(rows) > 10 else "")


def _distinct(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """For each row the place of its cell among the distinct ones; the place after the last is a missing cell."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, distinct = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories.to_numpy(dtype=object)
    else:
        values = column.to_numpy()
        if values.dtype == object:
            values = np.array([str(v) if isinstance(v, bool) else v for v in values], dtype=object)  # True is not 1
        codes, distinct = pd.factorize(values)
        codes, distinct = codes.astype(np.int64), np.asarray(distinct, dtype=object)
    codes[codes < 0] = len(distinct)
    return codes, distinct


def _numeric_money(column: pd.Series, scale: int, why: dict, name: str) -> tuple[pd.Series, list[int]]:
    """Money that stands as numbers in the file itself: whole đồng by rounding, exact below 2^53 đồng."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan) * scale if column.dtype.kind == "f" else column.to_numpy() * scale
    dong = np.rint(values)
    missing = ~np.isfinite(values)
    wrong = ~missing & ((values < 0) | (values > cells.MOST_DONG))
    rounded = column.index[~missing & ~wrong & (np.abs(values - dong) > 1e-3)].tolist()
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
        _schema().validate(coded, lazy=True)
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
            near = suggest(cell) if suggest and error.key == "unknown_code" else ""
            return Problem(error.key, raw.told, row, name, cells.text(cell), error.expected or expected(name), near)
    return Problem("empty_cell", raw.told, row, name, "", expected(name))
