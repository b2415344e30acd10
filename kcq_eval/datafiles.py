"""Where the data lie, and CSV tables read as text: nothing is guessed, every problem is kept."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kcq_eval.errors import Problem, Problems, nearest

MAX_BYTES = 20_000_000  # a table of claims or codes is small; more is the wrong file
MAX_LINES = 1_048_576  # of a spreadsheet
_ROOT = Path(__file__).resolve().parent.parent


def project_root() -> Path:
    """The folder that holds `data/` and `notebooks/`: the checkout, or `KCQ_EVAL_HOME` when that is set."""
    return Path(os.environ.get("KCQ_EVAL_HOME", _ROOT)).resolve()


def resolve_folder(folder: str) -> Path:
    """A folder given as parameter: "." and "./…" count from the working directory, other relative ones from the project's root."""
    start = Path.cwd() if folder == "." or folder.startswith(("./", ".\\")) else project_root()
    return (start / Path(folder).expanduser()).resolve()


@dataclass(frozen=True)
class Row:
    """One line of a table: `row[column]` is its text, "" when empty."""

    file: str
    number: int  # as a spreadsheet counts, the header is row 1
    cells: dict[str, str]
    typed: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # header and text as typed, where they were read as others

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def problem(self, message: str, column: str, *, found: str | None = None, expected: str = "", near: str = "") -> Problem:
        """A problem in a cell, told with the header and the text that were typed."""
        header, text = self.typed.get(column, (column, self.cells.get(column, "")))
        return Problem(message, self.file, self.number, header, text if found is None else found, expected, near)

    def read_as(self, cells: Mapping[str, str]) -> Row:
        """The same line with other texts in its cells; a problem still tells what was typed."""
        return replace(self, cells={**self.cells, **cells})

    def one_of(self, column: str, valid: Iterable[str], message: str = "unknown_code") -> Problem | None:
        """A problem if the cell holds none of the valid values."""
        valid = tuple(valid)
        if self[column] in valid:
            return None
        return self.problem(message, column, expected=", ".join(v or '""' for v in valid), near=nearest(self[column], valid))

    def codes(self, column: str, separator: str = ";") -> tuple[str, ...]:
        """The cell's list of codes, without empty ones."""
        return tuple(part.strip() for part in self[column].split(separator) if part.strip())


def read_table(path: Path, columns: Iterable[str], *, optional: Iterable[str] = (), problems: Problems | None = None) -> list[Row]:
    """Rows of a UTF-8 CSV file as NFC text.

    Args:
        columns: Columns that must be there.
        optional: Columns that may be left out; they read as "".
        problems: Collects what is wrong; without it the first unusable file raises.

    Raises:
        BadInput: The file is unusable, and no `problems` was given to collect that.
    """
    own = Problems() if problems is None else problems
    rows = list(_rows(Path(path), tuple(columns), tuple(optional), own))
    if problems is None:
        own.stop()
    return rows


def _rows(path: Path, columns: tuple[str, ...], optional: tuple[str, ...], problems: Problems) -> Iterator[Row]:
    lines = read_lines(path, columns, problems)
    if lines is not None:
        yield from table_rows(path.name, lines, columns, optional, problems)


def read_bytes(path: Path, expected: str, problems: Problems, *, like: str = "*") -> bytes | None:
    """What a file of at most `MAX_BYTES` holds; None if it is not there or larger, which goes into `problems`.

    Args:
        like: Names of files that may have been meant instead of one that is not there.
    """
    try:
        size = path.stat().st_size
        if size <= MAX_BYTES:
            return path.read_bytes()
        problems.append(Problem("too_large", path.name, found=f"{size / 1e6:.0f} MB", expected=f"{MAX_BYTES / 1e6:.0f} MB"))
    except OSError:
        near = nearest(path.name, [p.name for p in path.parent.glob(like)]) if path.parent.is_dir() else ""
        problems.append(Problem("missing_file", path.name, expected=expected, nearest=near))
    return None


def read_lines(path: Path, columns: Iterable[str], problems: Problems, *, most: int | None = None) -> list[list[str]] | None:
    """The lines of a CSV file as lists of cells, the header first; None if it is unusable, which goes into `problems`.

    Args:
        most: Reading stops at the first line with anything in it after so many lines; `MAX_LINES` even of blank ones are refused.
    """
    name = path.name
    raw = read_bytes(path, path.parent.name + "/" + name, problems, like="*.csv")
    if raw is None:
        return None
    try:
        text = unicodedata.normalize("NFC", raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem("not_utf8", name, row=line, found=repr(raw[error.start : error.start + 4]), expected="UTF-8"))
        return None
    if "\0" in text:
        problems.append(Problem("not_text", name, found="NUL", expected="CSV (UTF-8)"))
        return None
    try:
        header_line = text.partition("\n")[0]
        delimiter = ";" if ";" in header_line and "," not in header_line else ","  # Excel writes ";" where commas are decimal
        lines = []
        for line in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True):
            lines.append(line)
            if most is not None and len(lines) > most and any(cell.strip() for cell in line):
                break
            if most is not None and len(lines) > MAX_LINES:
                problems.append(Problem("table_too_large", name, found=f"≥ {len(lines)}", expected=f"≤ {most}"))
                return None
    except csv.Error as error:
        problems.append(Problem("not_csv", name, found=str(error), expected="CSV (UTF-8)"))
        return None
    if not lines:
        problems.append(Problem("empty_file", name, expected=", ".join(columns)))
        return None
    return lines


def table_rows(
    name: str, lines: Sequence[Sequence[str]], columns: tuple[str, ...], optional: tuple[str, ...], problems: Problems, *,
    read_header: Callable[[str], str] = str.strip, also: Callable[[str], bool] = lambda column: False,
) -> Iterator[Row]:  # fmt: skip
    """Rows from lines of cells, whichever kind of file they come from.

    Args:
        name: The file, or the file and its sheet.
        read_header: The column that a header names.
        also: Whether a column that is not listed belongs to the table.
    """
    header = [read_header(cell) for cell in lines[0]]
    typed = dict(zip(header, map(str.strip, lines[0])))
    known = columns + optional
    for column in [c for c in columns if c not in header]:
        problems.append(Problem("missing_column", name, 1, column, expected=column, nearest=nearest(column, set(header) - set(known))))
    for column in header:
        unknown = column not in known and not also(column)
        if unknown or header.count(column) > 1:
            message = "unknown_column" if unknown else "column_twice"
            near = nearest(column, sorted(set(known) - set(header)))
            problems.append(Problem(message, name, 1, typed[column], typed[column], ", ".join(known), near))
    if any(c not in header for c in columns) or len(set(header)) < len(header):
        return
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(header):
            problems.append(Problem("row_width", name, number, found=str(len(line)), expected=str(len(header))))
            continue
        cells = {column: cell.strip() for column, cell in zip(header, line)}
        yield Row(name, number, {**dict.fromkeys(known, ""), **cells}, {column: (typed[column], cells[column]) for column in header})

