"""From sheets to rows: where the header stands, which columns are which, and which lines are no data (titles, totals, headings).

The result is raw: one row per line of data with the cells as they stand. Nothing that is left out is left out silently.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.register import files
from kcq_eval.register.columns import COLUMNS, MONEY, PRIVATE, REQUIRED, RegisterWords, word_key

BATCH = 1 << 20  # rows of a Parquet file read at once
_HEADER_WITHIN = 60  # rows from the top
_HEADER_CELLS = 5  # recognised heads that make a row a header
_UNITS = {"dong": 1, "vnd": 1, "nghin dong": 10**3, "ngan dong": 10**3, "1000 dong": 10**3, "thousand vnd": 10**3, "trieu dong": 10**6, "trd": 10**6, "tr d": 10**6,
          "trieu vnd": 10**6, "million vnd": 10**6, "ty dong": 10**9, "ti dong": 10**9, "billion vnd": 10**9}  # fmt: skip
MILLION = 10**6
_TOTAL = re.compile(r"^(tong cong(?! ty)|tong(?! cong)|cong(?! ty)|total|sum|luy ke|subtotal|grand total)\b")  # no "Công ty …", no "Tổng công ty …"
_NUMBERING = re.compile(r"^\(?([0-9]{1,2}|[a-z])\)?$", re.IGNORECASE)
_UNIT_LINE = re.compile(r"(don vi tinh|don vi|dvt|unit)\s+(.*)$")


@dataclass(frozen=True)
class Header:
    """Where a register's columns stand on a sheet.

    Attributes:
        row: Number of the header's last row on the sheet.
        places: Column number (from 1) by field.
        scale: Đồng in one unit of each money column.
        unknown: Heads that are no column of a register.
    """

    row: int
    places: dict[str, int]
    scale: dict[str, int]
    unknown: tuple[str, ...]


@dataclass
class RawRows:
    """Lines of data of one sheet as they stand, with the sheet they come from.

    Attributes:
        frame: One column per field found, index = row on the sheet.
        skipped: Rows that are no data, by reason (`total`, `heading`, `header`).
        totals: Sums that total rows state, by row and money column, as they stand.
    """

    told: str
    sheet: str
    header: Header
    frame: pd.DataFrame
    skipped: dict[str, list[int]] = field(default_factory=dict)
    totals: dict[int, dict[str, Any]] = field(default_factory=dict)


def read_rows(path: Path, words: RegisterWords, problems: Problems) -> Iterator[RawRows]:
    """The lines of data of every sheet that holds a register, or of every part of a Parquet file or folder.

    A file without any recognisable header is a problem, with what is missing.
    """
    if path.is_dir():
        yield from _parquet_folder(path, words, problems)
        return
    kind = files.kind_of(path, problems)
    if kind == "workbook":
        yield from _workbook(path, words, problems)
    elif kind == "parquet":
        yield from _parquet(path, path.name, words, problems)
    elif kind == "text":
        yield from _text(path, words, problems)


def _workbook(path: Path, words: RegisterWords, problems: Problems) -> Iterator[RawRows]:
    before = len(problems)
    sheets = files.workbook_sheets(path, problems)
    if len(problems) > before:
        return
    found = [(sheet, find_header(sheet, words)) for sheet in sheets]
    registers = [(sheet, header) for sheet, header in found if header]
    if not registers:
        problems.append(Problem("no_header", path.name, expected=", ".join(REQUIRED)))
    several = len(registers) > 1
    for sheet, header in registers:
        told = f"{path.name} [{sheet.name}]" if several else path.name
        if _usable(header, told, words, problems):
            yield _data(sheet, header, told, words, problems)


def _text(path: Path, words: RegisterWords, problems: Problems) -> Iterator[RawRows]:
    text = files.text_table(path, problems)
    if text is None:
        return
    for delimiter in files.delimiters(text) or [","]:
        head = []
        try:
            for row in files.csv_rows(text, delimiter):
                head.append(row)
                if len(head) > _HEADER_WITHIN:
                    break
        except csv.Error:
            continue
        header = find_header(files.Sheet(path.name, "", head), words)
        if header:
            break
    else:
        problems.append(Problem("no_header", path.name, expected=", ".join(REQUIRED)))
        return
    if not _usable(header, path.name, words, problems):
        return
    try:
        rows = list(files.csv_rows(text, delimiter))
    except csv.Error as error:
        problems.append(Problem("not_csv", path.name, found=str(error), expected="CSV"))
        return
    width = max(header.places.values())
    wide = max(width, max(len(row) for row in head[: header.row]))
    for number, row in enumerate(rows[header.row :], start=header.row + 1):
        if len(row) > wide and any(cell.strip() for cell in row[wide:]):
            problems.append(Problem("row_width", path.name, number, found=str(len(row)), expected=str(wide)))
    yield _data(files.Sheet(path.name, "", rows), header, path.name, words, problems)


def _parquet_folder(path: Path, words: RegisterWords, problems: Problems) -> Iterator[RawRows]:
    parts = sorted(path.rglob("*.parquet"))
    if not parts:
        problems.append(Problem("no_parquet", path.name, expected="*.parquet"))
    for part in parts:
        if files.kind_of(part, problems) == "parquet":
            yield from _parquet(part, part.relative_to(path.parent).as_posix(), words, problems)


def _parquet(path: Path, told: str, words: RegisterWords, problems: Problems) -> Iterator[RawRows]:
    """Row groups in pieces, text as categories, so that memory stays with the piece."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        header = find_header(files.Sheet(told, "", [list(names)]), words)
        if header is None:
            problems.append(Problem("no_header", told, expected=", ".join(REQUIRED)))
            return
        if not _usable(header, told, words, problems):
            return
        chosen = {name: names[place - 1] for name, place in header.places.items() if name != "scheme_name"}
        few = [column for name, column in chosen.items() if name not in PRIVATE]  # the others have nearly as many values as rows
        file = pq.ParquetFile(path, read_dictionary=few)
        first = 2
        for batch in file.iter_batches(batch_size=BATCH, columns=list(chosen.values())):
            frame = pa.Table.from_batches([batch]).to_pandas(date_as_object=True)
            frame = frame.rename(columns={name: field for field, name in chosen.items()})[list(chosen)]
            frame.index = pd.RangeIndex(first, first + len(frame))
            first += len(frame)
            yield RawRows(told, "", header, frame)
    except (pa.ArrowException, OSError, ValueError):
        problems.append(Problem("unreadable_parquet", told, expected="Parquet"))


# --- the header


def find_header(sheet: files.Sheet, words: RegisterWords) -> Header | None:
    """The row, or two rows one above the other, whose cells are heads of a register; None where too few are recognised."""
    best: tuple[int, int, Header] | None = None
    for index, row in enumerate(sheet.rows[:_HEADER_WITHIN]):
        upper = sheet.rows[index - 1] if index else []
        for above in ([], upper) if any(_text_of(cell) for cell in upper) else ([],):
            places, scale, unknown, own = _recognised(row, _spread(above, sheet, index - 1) if above else [], words)
            count = len(places)
            if own >= 1 and count >= _HEADER_CELLS and (best is None or count > best[0]):
                first = sheet.first_column
                header = Header(sheet.first_row + index, {f: p + first for f, p in places.items()}, scale, unknown)
                best = (count, index, header)
    if best is None:
        return None
    count, index, header = best
    declared = _declared_unit(sheet.rows[: index + 1])
    return Header(header.row, header.places, {f: header.scale.get(f) or declared or MILLION for f in MONEY}, header.unknown)


def _recognised(row: list[Any], above: list[Any], words: RegisterWords) -> tuple[dict[str, int], dict[str, int], tuple[str, ...], int]:
    """Columns by field, the units their heads name, heads not known, and how many are recognised in the row itself."""
    places: dict[str, int] = {}
    scale: dict[str, int] = {}
    unknown, own = [], 0
    for place in range(max(len(row), len(above))):
        lower, upper = (_text_of(cells[place]) if place < len(cells) else "" for cells in (row, above))
        told = lower or upper
        if not told:
            continue
        found = next(
            (
                (words.headers[key], text is lower or not upper)
                for text in (lower, f"{upper} {lower}" if upper and lower else "", upper if not lower else "")
                for key in _keys(text)
                if key in words.headers
            ),
            None,
        )
        if found is None:
            unknown.append(told)
            continue
        name, is_own = found
        if name in places:
            places[f"{name}#2"] = place
            continue
        places[name] = place
        own += bool(lower) and is_own
        if name in MONEY and (unit := _unit_in(lower) or _unit_in(upper)):
            scale[name] = unit
    return places, scale, tuple(unknown), own


def _keys(text: str) -> list[str]:
    """The keys a head may be known by: all of it, without what stands in brackets, without a unit after a comma."""
    if not text:
        return []
    bare = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", text)
    forms = [text, bare, bare.partition(",")[0], bare.partition("\n")[0]] if len(text) < 200 else []
    return [word_key(form) for form in forms]


def _unit_in(text: str) -> int | None:
    key = f" {word_key(text)} "
    return next((scale for words, scale in sorted(_UNITS.items(), key=lambda item: -len(item[0])) if f" {words} " in key), None)


def _declared_unit(rows: list[list[Any]]) -> int | None:
    """The unit that a line above the table names ("Đơn vị tính: triệu đồng")."""
    for row in rows:
        for cell in row:
            match = _UNIT_LINE.search(word_key(_text_of(cell)))
            if match and (scale := _unit_in(match[2])):
                return scale
    return None


def _spread(row: list[Any], sheet: files.Sheet, index: int) -> list[Any]:
    """A heading over several columns, written once and merged, stands over each of them."""
    spread = list(row)
    number = sheet.first_row + index
    for top, left, bottom, right in sheet.merged:
        if top <= number <= bottom and right > left:
            start = left - sheet.first_column
            value = sheet.rows[top - sheet.first_row][start] if 0 <= start and top >= sheet.first_row else ""
            for place in range(max(start, 0), min(right - sheet.first_column + 1, len(spread))):
                spread[place] = value
    return spread


def _usable(header: Header, told: str, words: RegisterWords, problems: Problems) -> bool:
    """Whether every column is there, once."""
    wrong = []
    for name in REQUIRED:
        if name not in header.places and not (name == "year" and "date" in header.places):
            near = nearest(name, header.unknown) or _near_head(name, header, words)
            wrong.append(Problem("missing_column", told, header.row, name, expected=_heads(name, words), nearest=near))
    for name in [name for name in header.places if "#" in name]:
        wrong.append(Problem("column_twice", told, header.row, name.partition("#")[0], found=_letters(header.places[name]), expected="1 ×"))
    problems += wrong
    return not wrong


def _near_head(name: str, header: Header, words: RegisterWords) -> str:
    """The unknown head most like one of a column's known heads."""
    known = [key for key, field in words.headers.items() if field == name]
    for head in header.unknown:
        if nearest(word_key(head), known):
            return head
    return ""


def _heads(name: str, words: RegisterWords) -> str:
    return ", ".join(words.written[name][:3])


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# --- the rows below it


def _data(sheet: files.Sheet, header: Header, told: str, words: RegisterWords, problems: Problems) -> RawRows:
    places = {name: place - sheet.first_column for name, place in header.places.items()}
    start = header.row - sheet.first_row + 1
    rows = sheet.rows[start:]
    found = RawRows(told, sheet.name, header, pd.DataFrame())
    kept: list[int] = []
    _fill_merged(sheet, header)
    picked = sorted(places.values())
    evidence = [places[name] for name in ("year", "support_type", "province", "scheme_kind", "status", *MONEY) if name in places]
    labels = {word_key(head) for name in COLUMNS for head in words.written[name]}
    for index, row in enumerate(rows):
        filled = [place for place, cell in enumerate(row) if cell not in ("", None) and (not isinstance(cell, str) or not cell.isspace())]
        if not filled:
            continue
        number = header.row + 1 + index
        if len(filled) >= 6 and sum(place in filled for place in evidence) >= 5 and not isinstance(row[filled[0]], str):
            kept.append(index)  # the ordinary line: a number in front and nearly all cells filled
            continue
        texts = [_text_of(row[place]) for place in filled]
        reason = _no_data(row, filled, texts, picked, evidence, labels, index, number)
        if reason == "second_header":
            if _recognised(row, [], words)[0] != {n: p for n, p in places.items() if "#" not in n}:
                problems.append(Problem("second_header", told, number, expected=", ".join(_letters(p) for p in header.places.values())))
            reason = "header"
        if reason:
            found.skipped.setdefault(reason, []).append(number)
            if reason == "total":
                found.totals[number] = {name: row[places[name]] for name in MONEY if places[name] < len(row)}
        else:
            kept.append(index)
    columns = {
        name: pd.Series([rows[i][place] if place < len(rows[i]) else "" for i in kept], dtype=object) for name, place in places.items() if "#" not in name
    }
    found.frame = pd.DataFrame(columns)
    found.frame.index = pd.Index(np.array(kept, dtype=np.int64) + header.row + 1)
    return found


def _no_data(
    row: list[Any], filled: list[int], texts: list[str], picked: list[int], evidence: list[int], labels: set[str], index: int, number: int
) -> str:  # fmt: skip
    """Why a line is no row of data; "" where it is one."""
    if _TOTAL.match(word_key(next((text for text in texts if not text.isdecimal()), ""))) and sum(p in filled for p in evidence) <= len(MONEY) + 1:
        return "total"
    if sum(word_key(text) in labels for text in texts) >= _HEADER_CELLS:
        return "second_header"
    if index < 2 and len(texts) >= 3 and all(_NUMBERING.match(text) for text in texts):
        return "header"  # (1) (2) (3) below the heads
    strings = all(isinstance(row[place], str) for place in filled)
    if strings and len({text for text in texts}) <= 3 and sum(p in filled for p in evidence) <= 1 and len(filled) <= max(3, len(picked) // 3):
        return "heading"
    return ""


def _fill_merged(sheet: files.Sheet, header: Header) -> None:
    """A cell merged over several rows stands in each of them: a scheme's id written once beside its facilities."""
    for top, left, bottom, right in sheet.merged:
        if bottom == top or top <= header.row:
            continue
        column = left - sheet.first_column
        value = sheet.rows[top - sheet.first_row][column] if column < len(sheet.rows[top - sheet.first_row]) else ""
        for number in range(top + 1, bottom + 1):
            index = number - sheet.first_row
            if index < len(sheet.rows) and column < len(sheet.rows[index]) and left == right:
                sheet.rows[index][column] = value


def _text_of(cell: Any) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)
