"""A whole register: read, coded, checked. Errors stop, all at once; warnings go with it."""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from kcq_eval.errors import Problem, Problems
from kcq_eval.parameters import Period
from kcq_eval.register import cells, facilities
from kcq_eval.register.coding import Coded, Reader, Remark, rows_told
from kcq_eval.register.columns import DONE, MONEY, STATUSES, Ceiling, load_ceilings, load_words
from kcq_eval.register.rows import RawRows, read_rows
from kcq_eval.vocabulary import Vocabulary, load_vocabulary
from kcq_eval.workbooks import without_value

MILLION = 10**6
_LOOKED_THROUGH = 20_000  # rows, in which formulas are looked for in a few seconds
_DAYS = 10**7  # more than the ordinal of any date
FACTS = ("piece", "row", "year", "scheme", "kind", "centre", "sector", "province", "support", "status", "facility", "state", "counterpart")
DEMONSTRATION_ID = "DEMONSTRATION"  # before the name of a register whose rows are invented
_CODED = {"kind": "scheme_kind", "centre": "centre", "sector": "sector", "province": "province", "support": "support_type", "status": "status"}


@dataclass(frozen=True, eq=False)
class Register:
    """A register whose rows can all be used.

    Attributes:
        name: Its file name; the id that stands for it among the sources.
        facts: One row per facility and support, as numbers only: the columns `FACTS`. Codes count in the order of the vocabulary,
            provinces in the order of `provinces`; `facility` is −1 where a row supports none; money is in đồng.
        pieces: Names of the sheets or parts that `piece` numbers.
        schemes: Scheme ids as they are written, by number.
        remarks: Warnings, without those that depend on the periods evaluated.
        demonstration: Whether its rows are invented.
        whole: The register that these rows were selected from; None where nothing was selected.
    """

    name: str
    facts: pd.DataFrame
    pieces: tuple[str, ...]
    provinces: tuple[str, ...]
    schemes: tuple[str, ...]
    remarks: tuple[Remark, ...]
    demonstration: bool
    vocabulary: Vocabulary
    whole: Register | None = None

    @property
    def source_id(self) -> str:
        """What stands for the register among the sources of a number."""
        return f"{DEMONSTRATION_ID} {self.name}" if self.demonstration else self.name

    @functools.cached_property
    def done(self) -> pd.DataFrame:
        """The rows that were accepted."""
        return self.facts[self.facts["status"] == STATUSES.index(DONE)]

    @functools.cached_property
    def years(self) -> frozenset[int]:
        """The years that have accepted rows."""
        accepted = self.facts["status"].to_numpy() == STATUSES.index(DONE)
        return frozenset(pd.unique(self.facts["year"].to_numpy()[accepted]).tolist())

    def has(self, period: Period) -> bool:
        """Whether any accepted row, selected or not, falls into the period."""
        return not (self.whole or self).years.isdisjoint(period.years)

    def twice_supported(self, period: Period) -> list[Remark]:
        """Facilities that were supported more than once in a period; whether that is right, only the evaluator knows."""
        rows = self.done[(self.done["facility"] >= 0) & self.done["year"].between(period.start, period.end)]
        again = rows[rows["facility"].duplicated(keep=False)]
        return [
            Remark("facility_twice", self.pieces[piece], "facility", tuple(sorted(part["row"].tolist())), f"{part['facility'].nunique()} ({period.text})")
            for piece, part in again.groupby("piece", sort=True)
        ]


def load_register(path: Path, folder: Path, *, number_format: str = "auto") -> Register:
    """Read and check a register; read once as long as neither it nor the words change.

    Args:
        path: A workbook, a CSV or Parquet file, or a folder of Parquet files.
        folder: The data folder, for vocabulary, words and ceilings.
        number_format: `vi` or `en` of numbers that stand as text; `auto` takes what the file itself proves, and nothing else.

    Raises:
        BadInput: Everything that cannot be used, all at once.
    """
    problems = Problems()
    register, _ = check_register(path, folder, problems, number_format=number_format)
    problems.stop()
    return register


def check_register(path: Path, folder: Path, problems: Problems, *, number_format: str = "auto") -> tuple[Register | None, list[Coded]]:
    """The register and its coded sheets; where there are problems no register, but the sheets all the same, to be marked."""
    vocabulary = load_vocabulary(folder)
    words = load_words(folder, vocabulary)
    reader = Reader(words, vocabulary, number_format)
    pieces: list[Coded] = []
    facts: list[pd.DataFrame] = []
    remarks: list[Remark] = []
    before = len(problems)
    ceilings = load_ceilings(folder)
    for raw in read_rows(path, words, problems):
        if raw.frame.empty:
            continue
        wrong = Problems()
        coded = reader.code(raw, wrong)
        problems += _told_as_formulas(path, raw, wrong)
        pieces.append(coded)
        remarks += coded.notes
        if not wrong:
            facts.append(_facts(coded, len(pieces) - 1))
            remarks += [*_total_remarks(raw, coded), *_skipped_remarks(raw), *_row_remarks(coded, ceilings, vocabulary)]
            if len(facts[-1]) > 200_000:
                coded.raw.frame = coded.frame = pd.DataFrame()  # large parts are not marked, and would fill the memory
    if not pieces and len(problems) == before:
        problems.append(Problem("register_no_rows", path.name, expected="1 …"))
    if len(problems) > before:
        return None, pieces
    together = pd.concat(facts, ignore_index=True) if len(facts) > 1 else facts[0]
    facts.clear()
    told = tuple(coded.raw.told for coded in pieces)
    remarks += _spelling_remarks(together, pieces, told)
    together.pop("spelling")
    register = Register(
        path.name, together, told, reader.provinces, reader.scheme_ids, tuple(remarks), any(c.demonstration for c in pieces), vocabulary
    )
    return register, pieces


def _told_as_formulas(path: Path, raw: RawRows, problems: Problems) -> list[Problem]:
    """The problems, where a cell is no empty one but a formula without a stored value or an error; large sheets are not looked through."""
    rows = [problem.row for problem in problems if problem.message == "empty_cell" and problem.row]
    if not raw.sheet or not rows or max(rows) > _LOOKED_THROUGH:
        return problems
    why = without_value(path, raw.sheet, max(rows))
    places = [(problem.row, raw.header.places.get(problem.column)) for problem in problems]
    return [
        replace(problem, message=why[place][0], found=why[place][1]) if problem.message == "empty_cell" and place in why else problem
        for problem, place in zip(problems, places)
    ]


def hash_of(path: Path) -> str:
    """SHA-256 of a register's file, or of all parts of a folder with their names."""
    digest = hashlib.sha256()
    for part in [path] if path.is_file() else sorted(path.rglob("*.parquet")):
        digest.update(part.relative_to(path).as_posix().encode() if part != path else b"")
        with open(part, "rb") as file:
            while piece := file.read(1 << 22):
                digest.update(piece)
    return digest.hexdigest()


def _facts(coded: Coded, piece: int) -> pd.DataFrame:
    """Numbers only, as small as they can be kept."""
    frame = coded.frame
    columns = {"piece": np.full(len(frame), piece, dtype=np.int16), "row": frame.index.to_numpy(dtype=np.int32)}
    columns["year"] = frame["year"].to_numpy(dtype=np.int16)
    columns["scheme"] = frame["scheme"].to_numpy(dtype=np.int32)
    columns |= {name: frame[column].cat.codes.to_numpy() for name, column in _CODED.items()}
    columns["facility"] = frame["facility"].to_numpy(dtype=np.int64)
    columns |= {"state": frame[MONEY[0]].to_numpy(dtype=np.int64), "counterpart": frame[MONEY[1]].to_numpy(dtype=np.int64)}
    columns["spelling"] = frame["spelling"].to_numpy(dtype=np.int64)
    return pd.DataFrame(columns, copy=False)


def _total_remarks(raw: RawRows, coded: Coded) -> list[Remark]:
    """Total rows that state another sum than the rows above them have, those since the total before or all."""
    found = []
    last = 0
    for row, stated in sorted(raw.totals.items()):
        for name in MONEY:
            cell = stated.get(name)
            if cells.is_blank(cell):
                continue
            try:
                total, _ = cells.money(cell, raw.header.scale[name], None)
            except cells.Unreadable:
                continue
            amounts = coded.frame[name]
            above = amounts[amounts.index < row]
            sums = [int(above.sum()), int(above[above.index > last].sum()), int(amounts[amounts.index > row].sum()), int(amounts.sum())]
            if total not in sums and raw.header.scale[name]:
                near = min(sums, key=lambda s: abs(s - total))
                if abs(near - total) >= raw.header.scale[name]:  # a total rounded to the unit is no difference
                    found.append(Remark("total_differs", raw.told, name, (row,), _millions(total), _millions(near)))
        last = row
    return found


def _skipped_remarks(raw: RawRows) -> list[Remark]:
    rows = sorted(raw.skipped.get("heading", []))
    return [Remark("line_skipped", raw.told, "", tuple(rows))] if rows else []


def _row_remarks(coded: Coded, ceilings: tuple[Ceiling, ...], vocabulary: Vocabulary) -> list[Remark]:
    """Rows that stand twice, amounts too small for the unit, support above a ceiling."""
    frame, told = coded.frame, coded.raw.told
    found = []
    money = {name: frame[name].to_numpy(dtype=np.int64) for name in MONEY}
    facility, scheme = (frame[name].to_numpy(dtype=np.int64) for name in ("facility", "scheme"))
    some = np.flatnonzero((facility >= 0) & facilities.may_repeat(facility ^ (sum(money.values()) << 20) ^ (scheme << 40)))
    keys = ["year", "scheme", "province", "facility", "support_type", *MONEY]
    rows = frame[keys].take(some)
    again = rows.index[rows.duplicated(keep=False)].tolist()
    if again:
        found.append(Remark("row_twice", told, "", tuple(again)))
    for name in MONEY:
        small = frame.index[(money[name] > 0) & (money[name] < MILLION)].tolist()
        if small:
            found.append(Remark("amount_small", told, name, tuple(small), expected="≥ 1"))
    return [*found, *_above_ceilings(coded, ceilings, vocabulary)]


def _above_ceilings(coded: Coded, ceilings: tuple[Ceiling, ...], vocabulary: Vocabulary) -> list[Remark]:
    """Support above what a verified rule allows; in a year in which the rule changed, and without a date, the higher one."""
    frame, found = coded.frame, []
    types = frame["support_type"].cat.codes.to_numpy()
    for support_type in dict.fromkeys(ceiling.support_type for ceiling in ceilings):
        if support_type not in vocabulary.support_types:
            continue
        of_type = np.flatnonzero(types == vocabulary.support_types.index(support_type))
        state, counterpart = (frame[name].to_numpy(dtype=np.int64)[of_type] for name in MONEY)
        for limits in ("state_funding", "state_share"):
            rules = [ceiling for ceiling in ceilings if (ceiling.support_type, ceiling.limits) == (support_type, limits)]
            if not rules:
                continue
            # what is compared with a ceiling, and how much of it one unit of the ceiling is
            measured, unit = (state, MILLION) if limits == "state_funding" else (state * 100, state + counterpart)
            least = min(rule.value for rule in rules)
            high = measured * least.denominator > least.numerator * unit
            measured, unit = measured[high], unit if limits == "state_funding" else unit[high]
            years, days = (frame[name].to_numpy(dtype=np.int64)[of_type[high]] for name in ("year", "day"))
            above: dict[tuple[Fraction, str], list[int]] = {}
            for both in sorted(pd.unique(years * _DAYS + days).tolist()):
                year, day = divmod(both, _DAYS)
                valid = _in_force(rules, year, day)
                if not valid:
                    continue
                most = max(min(rule.value for rule in valid if rule.valid_from == start) for start in {rule.valid_from for rule in valid})
                told = "; ".join(f"{rule.ceiling_id}: {float(rule.value):g} {'× 10^6 VND' if limits == 'state_funding' else '%'} ({rule.instrument})" for rule in valid)
                rows = of_type[high][(years == year) & (days == day) & (measured * most.denominator > most.numerator * unit)]
                above.setdefault((most, told), []).extend(frame.index[rows].tolist())
            found += [
                Remark(f"above_ceiling_{limits}", coded.raw.told, "state_funding", tuple(sorted(rows)), "", told)
                for (_, told), rows in sorted(above.items())
                if rows
            ]
    return found


def _in_force(rules: Iterable[Ceiling], year: int, day: int) -> list[Ceiling]:
    first, last = (date.fromordinal(day),) * 2 if day else (date(year, 1, 1), date(year, 12, 31))
    return [rule for rule in rules if rule.valid_from <= last and first <= rule.valid_to]


def _spelling_remarks(facts: pd.DataFrame, pieces: list[Coded], told: tuple[str, ...]) -> list[Remark]:
    """Facilities written in several ways, and one name in one province that counts as several facilities because tax codes differ or lack."""
    facility, spelling = facts["facility"].to_numpy(), facts["spelling"].to_numpy()
    names_in_provinces = spelling ^ (facts["province"].to_numpy().astype(np.int64) << 32)
    some = facilities.may_have_several(facility, spelling) | facilities.may_have_several(names_in_provinces, facility)
    rows = facts.loc[some & (facility >= 0), ["piece", "row", "facility", "spelling", "province"]]
    ways = rows.drop_duplicates(["facility", "spelling", "province"])
    one_name = ways[ways.duplicated(["spelling", "province"], keep=False)]
    again = rows.merge(one_name[["spelling", "province"]].drop_duplicates(), on=["spelling", "province"]).sort_values(["piece", "row"], kind="stable")
    found = [Remark("facility_two_codes", told[int(piece)], "tax_code", tuple(part["row"])) for piece, part in again.groupby("piece", sort=True)]
    ways = ways.drop_duplicates(["facility", "spelling"])
    several = ways.loc[ways["facility"].duplicated(keep=False), "facility"].unique()
    if len(several) > 1000:
        again = rows[rows["facility"].isin(several)]
        return found + [Remark("facility_two_spellings", told[int(p)], "facility", tuple(part["row"])) for p, part in again.groupby("piece", sort=True)]
    for facility in several:
        again = rows[rows["facility"] == facility].sort_values(["piece", "row"], kind="stable")
        names = sorted({_name(pieces[piece], row) for piece, row in zip(again["piece"], again["row"])} - {""})
        piece = int(again["piece"].iloc[0])
        here = again[again["piece"] == piece]
        elsewhere = [f"{told[p]}: {rows_told(part['row'].tolist())}" for p, part in again[again["piece"] != piece].groupby("piece")]
        found.append(Remark("facility_two_spellings", told[piece], "facility", tuple(here["row"]), "; ".join([*names, *elsewhere])))
    return found


def _name(coded: Coded, row: int) -> str:
    return unicodedata.normalize("NFC", cells.text(coded.raw.frame["facility"].loc[row])) if not coded.raw.frame.empty else ""


def _millions(dong: int) -> str:
    return f"{dong // MILLION}" + (f".{dong % MILLION:06d}".rstrip("0") if dong % MILLION else "")
