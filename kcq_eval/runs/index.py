"""The index of many runs: parameters × numbers as Parquet and CSV, and which numbers really differ between the runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from kcq_eval.kept import write_whole

CSV, PARQUET, COMPARISON = "index.csv", "index.parquet", "comparison.csv"
WHOLE, FAILED = "whole", "failed"
SAME, WITHIN, DIFFERS = "same", "within_bounds", "differs"
COMPARED = ("id", "unit", "verdict", "runs", "lowest", "highest", "smallest_run", "largest_run", "moved_by")
FIGURES = ("value", "lower", "upper")


@dataclass(frozen=True)
class Reported:
    """A number of one run, as decimals of numbers.csv; `upper` is "" where it is not bounded."""

    id: str
    value: str
    lower: str
    upper: str
    unit: str


@dataclass(frozen=True)
class Row:
    """One run of the index.

    Attributes:
        given: Its parameters.
        error: Why it failed; "" where it is whole.
    """

    run: str
    given: Mapping[str, Any]
    numbers: Sequence[Reported] = ()
    error: str = ""


@dataclass(frozen=True)
class Comparison:
    """One number over all runs that report it.

    Attributes:
        verdict: `same` (one interval), `within_bounds` (intervals differ, and one value could be true in all), `differs` (disjoint).
        lowest, highest: Ends of all intervals together.
        smallest_run, largest_run: Runs with the smallest upper and the largest lower end: disjoint where it differs.
        moved_by: Axes that alone, all else alike, make it really differ somewhere.
    """

    id: str
    unit: str
    verdict: str
    runs: int
    lowest: str
    highest: str
    smallest_run: str
    largest_run: str
    moved_by: tuple[str, ...] = ()


@dataclass
class _Column:
    """One number's intervals, by the place of their run."""

    unit: str
    by_run: dict[int, Reported] = field(default_factory=dict)


def write_index(folder: Path, rows: Sequence[Row], axes: Sequence[tuple[str, ...]]) -> list[Comparison]:
    """Write index.csv, index.parquet and comparison.csv; the same runs give the same bytes."""
    columns = _columns(rows)
    names = list(rows[0].given) if rows else []
    heads = ["run", "status", "error", *names, *(head for id in columns for head in _heads(id))]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(heads)
    for place, row in enumerate(rows):
        found = [column.by_run.get(place) for column in columns.values()]
        cells = [cell for number in found for cell in ((number.value, number.lower, number.upper) if number else ("", "", ""))]
        writer.writerow([row.run, FAILED if row.error else WHOLE, row.error, *(_cell(row.given[name]) for name in names), *cells])
    write_whole(folder / CSV, buffer.getvalue().encode())
    write_whole(folder / PARQUET, _parquet(rows, names, columns))
    compared = compare(rows, axes)
    write_whole(folder / COMPARISON, _comparison_csv(compared))
    return compared


def compare(rows: Sequence[Row], axes: Sequence[tuple[str, ...]]) -> list[Comparison]:
    """Each number over the runs, knowing that a number stands for all values between its bounds.

    Runs differ in a number only where their intervals are disjoint: then no one value could be true in both.
    """
    places = {axis: [tuple(row.given[name] for name in axis) for row in rows] for axis in axes}
    others = {axis: [tuple(places[other][n] for other in axes if other != axis) for n in range(len(rows))] for axis in axes}
    return [_compared(id, column, rows, others) for id, column in _columns(rows).items()]


def _compared(id: str, column: _Column, rows: Sequence[Row], others: Mapping[tuple[str, ...], list[tuple]]) -> Comparison:
    exact: dict[str, Fraction] = {}

    def end(text: str) -> Fraction:
        if text not in exact:
            exact[text] = Fraction(text)
        return exact[text]

    lower = {n: end(number.lower) for n, number in column.by_run.items()}
    upper = {n: end(number.upper) for n, number in column.by_run.items() if number.upper}
    largest = max(lower, key=lambda n: lower[n])
    smallest = min(upper, key=lambda n: upper[n]) if upper else largest
    differs = bool(upper) and upper[smallest] < lower[largest]
    same = len({(number.lower, number.upper) for number in column.by_run.values()}) == 1
    lowest = min(column.by_run.values(), key=lambda number: end(number.lower)).lower
    open_above = len(upper) < len(column.by_run)
    highest = "" if open_above else max(column.by_run.values(), key=lambda number: end(number.upper)).upper
    moved = tuple(", ".join(axis) for axis, alike in others.items() if differs and _moves(lower, upper, alike))
    verdict = DIFFERS if differs else SAME if same else WITHIN
    return Comparison(id, column.unit, verdict, len(column.by_run), lowest, highest, rows[smallest].run, rows[largest].run, moved)


def _moves(lower: Mapping[int, Fraction], upper: Mapping[int, Fraction], alike: Sequence[tuple]) -> bool:
    """Whether, among runs that are alike in all else, some intervals are disjoint."""
    least: dict[tuple, Fraction] = {}
    most: dict[tuple, Fraction] = {}
    for n, end in lower.items():
        most[alike[n]] = max(end, most.get(alike[n], end))
    for n, end in upper.items():
        least[alike[n]] = min(end, least.get(alike[n], end))
    return any(group in least and least[group] < end for group, end in most.items())


def _columns(rows: Iterable[Row]) -> dict[str, _Column]:
    """Every number that any run reports, in the order of the runs."""
    columns: dict[str, _Column] = {}
    for place, row in enumerate(rows):
        for number in row.numbers:
            columns.setdefault(number.id, _Column(number.unit)).by_run[place] = number
    return columns


def _heads(id: str) -> tuple[str, ...]:
    """The value's column is called like the number, its bounds after it."""
    return tuple(id if figure == "value" else f"{id}:{figure}" for figure in FIGURES)


def _parquet(rows: Sequence[Row], names: Sequence[str], columns: Mapping[str, _Column]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays: dict[str, Any] = {
        "run": pa.array([row.run for row in rows], pa.string()),
        "status": pa.array([FAILED if row.error else WHOLE for row in rows], pa.string()),
        "error": pa.array([row.error for row in rows], pa.string()),
    }
    for name in names:
        values = [row.given[name] for row in rows]
        arrays[name] = pa.array(values, pa.bool_() if isinstance(values[0], bool) else pa.string())
    for id, column in columns.items():
        for head, figure in zip(_heads(id), FIGURES):
            texts = [getattr(column.by_run[n], figure) if n in column.by_run else "" for n in range(len(rows))]
            arrays[head] = pa.array([float(text) if text else None for text in texts], pa.float64())
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays), buffer)
    return buffer.getvalue()


def _comparison_csv(compared: Iterable[Comparison]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COMPARED)
    for one in compared:
        writer.writerow([one.id, one.unit, one.verdict, one.runs, one.lowest, one.highest, one.smallest_run, one.largest_run, ";".join(one.moved_by)])
    return buffer.getvalue().encode()


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
