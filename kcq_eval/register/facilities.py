"""Whom a row supports: facilities' names and tax codes, read as whole columns.

What is clean already (nearly all of a large register) is never touched cell by cell; only the other cells are, each distinct one once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kcq_eval.register import cells
from kcq_eval.register.columns import word_key

if TYPE_CHECKING:
    import pyarrow as pa

_TAX_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3, 1)  # of a tax code's digits; the last is right where the sum leaves 10 of 11
_DIGIT_FITS = np.arange(9 * sum(_TAX_WEIGHTS) + 1) % 11 == 10
_BY_TAX_CODE = 10**15  # a facility with a tax code of ten digits is this and its code; others are counted from 0
_LEGAL_FORMS = {
    "cong ty trach nhiem huu han mot thanh vien": "tnhh", "cong ty trach nhiem huu han": "tnhh", "cong ty tnhh mot thanh vien": "tnhh",
    "cong ty tnhh mtv": "tnhh", "cong ty tnhh": "tnhh", "cty tnhh": "tnhh", "cong ty co phan": "cp", "cong ty cp": "cp", "cty cp": "cp",
    "ctcp": "cp", "doanh nghiep tu nhan": "dntn", "hop tac xa": "htx", "ho kinh doanh": "hkd",
}  # fmt: skip
_LEGAL_FORM = re.compile(f"({'|'.join(_LEGAL_FORMS)}) ")
# Bytes of text that is NFC as it stands: printable ASCII, and the letters U+00C0-U+027F and U+1E00-U+1EFF, which are all of Vietnamese.
_CLEAN = bytes(int(0x20 <= byte < 0x7F or 0x80 <= byte < 0xC0 or 0xC3 <= byte < 0xCA or byte == 0xE1) for byte in range(256))
_BITS = 24  # of a hash, by which possible repetitions are looked up
_HALF = np.uint64(32)


@dataclass(frozen=True)
class TaxCodes:
    """Tax codes of a column.

    Attributes:
        numbers: Of each row the number of the facility that its code is, −1 without a code.
        bad: Rows whose code is none of the tax office's: check digit, length or form.
        told: The codes of the first ten such rows, each once.
    """

    numbers: np.ndarray
    bad: np.ndarray
    told: tuple[str, ...]


@dataclass
class Facilities:
    """Gives every facility one number, the same in every part of a register: its tax code, or its name in its province where it has none."""

    _known: dict[str, int] = field(default_factory=dict)

    def tax_codes(self, column: pd.Series) -> TaxCodes:
        """Codes of ten digits are judged together, by the check digit of python-stdnum, which judges all others (a test holds the two together)."""
        import pyarrow.compute as pc
        from stdnum.vn import mst

        texts = _texts(column, cells.tax_code)
        numbers, bad = np.full(len(texts), -1, dtype=np.int64), np.zeros(len(texts), dtype=bool)
        ten = pc.equal(pc.binary_length(texts), 10).to_numpy(zero_copy_only=False)
        digits = _bytes(texts if ten.all() else texts.filter(ten))[0].reshape(-1, 10) - ord("0")  # what is no digit is above 9
        if digits.size and digits.max() > 9:
            plain = (digits <= 9).all(axis=1)
            digits, ten[ten] = digits[plain], plain
        codes, valid = _judged(digits)
        numbers[ten], bad[ten] = _BY_TAX_CODE + codes, ~valid
        rest = np.flatnonzero(~ten)
        places, distinct = _dictionary(texts.take(rest))
        known, wrong = np.full(len(distinct), -1, dtype=np.int64), np.zeros(len(distinct), dtype=bool)
        for place, written in enumerate(distinct):
            if code := cells.tax_code(written):
                easy = len(code) == 10 and code.isascii() and code.isdecimal()
                known[place] = _BY_TAX_CODE + int(code) if easy else self._known.setdefault(code, len(self._known))
                wrong[place] = not mst.is_valid(code)
        numbers[rest], bad[rest] = known[places], wrong[places]
        told = dict.fromkeys(cells.tax_code(texts[row].as_py()) for row in np.flatnonzero(bad)[:10].tolist())
        return TaxCodes(numbers, bad, tuple(told))

    def number(self, names: pa.LargeStringArray, provinces: np.ndarray, tax_codes: TaxCodes | None, supports: np.ndarray) -> np.ndarray:
        """One number per row, −1 where it supports none or names none.

        Args:
            names: As `written` gives them.
            provinces: Place of each row's province.
            supports: Whether a row's kind of support has a facility at all.
        """
        numbers = np.full(len(names), -1, dtype=np.int64) if tax_codes is None else tax_codes.numbers.copy()
        rest = np.flatnonzero((numbers < 0) & supports & named(names))
        places, distinct = _dictionary(names.take(rest))
        pairs, inverse = np.unique(places * 1000 + provinces[rest] + 1, return_inverse=True)
        keys = (f"{name_key(distinct[pair // 1000])}|{pair % 1000}" for pair in pairs.tolist())
        numbers[rest] = np.array([self._known.setdefault(key, len(self._known)) for key in keys], dtype=np.int64)[inverse]
        numbers[~supports] = -1
        return numbers


def _judged(digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tax codes of ten digits as numbers, and which of them end in their check digit; column by column (a matrix product is slower)."""
    columns = np.ascontiguousarray(digits.T)
    codes, sums = np.zeros(len(digits), dtype=np.int64), np.zeros(len(digits), dtype=np.int16)
    for digit, weight in zip(columns, _TAX_WEIGHTS):
        codes *= 10
        codes += digit
        sums += digit * np.int16(weight)
    numbered = columns[2:9].any(axis=0)  # seven zeros behind the province number no firm
    return codes, _DIGIT_FITS[sums] & numbered


def written(column: pd.Series) -> pa.LargeStringArray:
    """Names as text in NFC without doubled spaces; "" where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = _texts(column, cells.text)
    odd = _odd(texts)
    if len(odd):
        places, distinct = _dictionary(texts.take(odd))
        clean = np.array([unicodedata.normalize("NFC", cells.text(text)) for text in distinct], dtype=object)
        mask = np.zeros(len(texts), dtype=bool)
        mask[odd] = True
        texts = pc.replace_with_mask(texts, mask, pa.array(clean[places], type=pa.large_string()))
    return texts


def named(names: pa.LargeStringArray) -> np.ndarray:
    """Which rows have a name."""
    return np.diff(_bytes(names)[1]) > 0


def hashes(names: pa.LargeStringArray) -> np.ndarray:
    """A number for each way a name is written."""
    import duckdb
    import pyarrow as pa

    with duckdb.connect() as connection:
        connection.register("names", pa.table({"name": names}))
        return connection.execute("SELECT hash(name) AS hash FROM names").fetchnumpy()["hash"].view(np.int64)


def name_key(text: str) -> str:
    """A facility's name without case, diacritics, marks, and with its legal form in one spelling."""
    key = word_key(text)
    form = _LEGAL_FORM.match(key)
    return f"{_LEGAL_FORMS[form[1]]} {key[form.end() :]}" if form else key


def may_repeat(keys: np.ndarray) -> np.ndarray:
    """Rows whose key may stand in several rows: all that do, and few others, so that what is compared exactly afterwards is little."""
    hashed = _hashed(keys)
    halves = np.sort((hashed >> _HALF).astype(np.uint32))
    return _in(halves[1:][halves[1:] == halves[:-1]], hashed)


def may_have_several(keys: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rows whose key may stand with several of the others: all that do, and few others."""
    hashed = _hashed(keys)
    pairs = hashed & ~np.uint64(0xFFFFFFFF)
    pairs |= _hashed(others) >> _HALF
    pairs.sort()
    differ = pairs[1:] ^ pairs[:-1]
    return _in((pairs[1:][(differ < 1 << 32) & (differ > 0)] >> _HALF).astype(np.uint32), hashed)


def _in(halves: np.ndarray, hashed: np.ndarray) -> np.ndarray:
    """Which hashes may have one of some upper halves, by the first bits."""
    table = np.zeros(1 << _BITS, dtype=bool)
    table[halves >> np.uint32(32 - _BITS)] = True
    return table[hashed >> np.uint64(64 - _BITS)]


def _hashed(numbers: np.ndarray) -> np.ndarray:
    """Numbers spread over 64 bits, whose upper half is used (multiplicative hashing)."""
    return numbers.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def _texts(column: pd.Series, reader: Callable[[Any], str]) -> pa.LargeStringArray:
    """A column as text, "" where nothing stands; cells that are no text as the reader gives them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        found = pa.array(column, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, TypeError):
        places, distinct = cells.distinct(column)
        found = pa.array(np.array([*map(reader, distinct), ""], dtype=object)[places], type=pa.large_string())
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return pc.fill_null(found, "")


def _bytes(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """The UTF-8 of all texts on end, and where each of them starts in it, with the end."""
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1] if len(texts) else np.zeros(1, dtype=np.int64)
    content = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
    return content[starts[0] : starts[-1]], starts - starts[0]


def _dictionary(texts: pa.LargeStringArray) -> tuple[np.ndarray, list[str]]:
    """For each text its place among the distinct ones."""
    encoded = texts.dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _odd(texts: pa.LargeStringArray) -> np.ndarray:
    """Rows whose text may not be NFC, or has other spaces than single ones between words."""
    content, starts = _bytes(texts)
    filled = np.flatnonzero(np.diff(starts))
    edges = [filled[content[starts[filled]] == 0x20], filled[content[starts[filled + 1] - 1] == 0x20]]
    unclean = np.flatnonzero(np.frombuffer(content.tobytes().translate(_CLEAN), dtype=np.uint8) == 0)
    spaces = np.flatnonzero(content == 0x20)
    threes = np.flatnonzero(content == 0xE1)  # three bytes, of which the second tells the block
    places = [unclean, spaces[1:][np.diff(spaces) == 1], threes[(content[threes + 1] < 0xB8) | (content[threes + 1] > 0xBB)]]
    return np.unique(np.concatenate([*edges, *(np.searchsorted(starts, found, side="right") - 1 for found in places)]))
