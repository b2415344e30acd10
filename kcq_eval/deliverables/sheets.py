"""What stands in the workbook: typed tables made from a run's contents, one for each sheet, whatever file they are written to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kcq_eval.comparison import compare
from kcq_eval.deliverables.contents import AUDIT, Contents
from kcq_eval.deliverables.erratum import COLUMNS as ERRATUM_COLUMNS
from kcq_eval.deliverables.erratum import erratum_table
from kcq_eval.findings import DEMONSTRATION, main_source
from kcq_eval.indicators.coverage import coverage
from kcq_eval.numbers import MINUS, NBSP, Number, bounds_decimals
from kcq_eval.printed import PrintedError, parse_number
from kcq_eval.rounding import Shown, rounding_shows, rounding_shows_in
from kcq_eval.statements import (
    claim_number,
    computed_number,
    computed_text,
    mark_key,
    printed_number,
    printed_text,
    starred,
    statement,
)
from kcq_eval.tables import as_printed, comparison_row
from kcq_eval.vocabulary import VINTAGES

REGISTER = "facility_register"
DASH = "–"  # stands where there is nothing to say, so that no cell is empty
_TWO_PERIODS = tuple(
    (label, ids.replace("@", "baseline") + more, ids.replace("@", "current"), growth)
    for label, ids, more, growth in (
        ("schemes", "schemes.@", "", ""),
        ("funding", "funding.@", "", "funding.growth.nominal"),
        ("funding_per_facility", "funding.per_facility.@", ".nominal", "funding.per_facility.growth.nominal"),
        ("facilities", "facilities.@", "", "facilities.growth"),
        ("facilities_share", "facilities.share.@", "", ""),
        ("effective_types", "mix.effective_types.@", "", ""),
        ("coverage", "coverage.63.@", "", ""),
        ("coverage_share", "coverage.63.share.@", "", ""),
        ("supports", "register.supports.@", "", ""),
        ("state_funding", "register.state_funding.@", "", ""),
        ("counterpart_funding", "register.counterpart_funding.@", "", ""),
        ("leverage", "register.leverage.@", "", ""),
    )
)  # label below `workbook.row.`, ids of both periods and of the growth
_MIX = {
    "facilities_baseline": "facilities.baseline{}", "facilities_current": "facilities.current{}", "facilities_change": "facilities.change{}",
    "share_baseline": "mix.share.baseline{}", "share_current": "mix.share.current{}", "share_change": "mix.change{}",
}  # fmt: skip
_TOTALS = {"facilities": "facilities.current", "funding": "funding.current", "leverage": "register.leverage.current"}
_SAVED = {
    (AUDIT, "verdicts"): "verdicts", (AUDIT, "conflicts"): "conflicts", (AUDIT, "explanations"): "explanations",
    (AUDIT, "checkability"): "checkability", (REGISTER, "criteria"): "criteria", (REGISTER, "differing"): "differing",
    (REGISTER, "register_remarks"): "remarks",
}  # fmt: skip
_BY_DIMENSION = {
    "year": ("facilities", "state_funding", "counterpart_funding", "funding", "leverage"),
    "sector": ("facilities", "funding", "leverage"),
    "province": ("facilities", "funding", "leverage"),
}
_AMOUNT = re.compile(rf"({MINUS}?[\d.,]+)(?:{NBSP}(\D.*))?")
_SHOWN = re.compile(rf"{MINUS}?\d[\d.,]*")


@dataclass(frozen=True)
class Amount:
    """A number in a cell.

    Attributes:
        value: In `unit`.
        decimals: What it is shown with; no more than its bounds support.
        unit: Where the cell shows it: `percent`; elsewhere the head or a column of units has it.
    """

    value: Fraction
    decimals: int = 0
    unit: str = ""


Cell = str | Amount


@dataclass(frozen=True)
class Sheet:
    """One table with what is said of it.

    Attributes:
        name: Key of its tab's name below `workbook.sheet.`.
        heads: Of the columns, no two alike.
        notes: Sentences between title and table.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def sheets(contents: Contents) -> list[Sheet]:
    """Every table of a run in reading order; a table without rows is left out."""
    return [sheet for sheet in _Sheets(contents) if sheet.rows]


class _Sheets:
    """The sheets of one run."""

    def __init__(self, contents: Contents):
        self._contents, self._texts, self._evaluation = contents, contents.texts, contents.evaluation
        self._found = contents.numbers
        parameters = contents.evaluation.parameters
        self._periods = {"baseline": parameters.baseline_period.text, "current": parameters.current_period.text}

    def __iter__(self) -> Iterator[Sheet]:
        yield self._findings()
        yield self._two_periods()
        yield self._mix()
        yield from self._provinces()
        yield from self._by_dimension()
        yield from self._numbers()
        yield self._published()
        yield from self._saved()
        yield self._comparison()
        yield self._erratum()

    # results side by side, to be copied into a document

    def _findings(self) -> Sheet:
        told = [(self._texts(f"chapter.{part['chapter']}.title"), finding) for part in self._contents.parts for finding in part["findings"]]
        told.sort(key=lambda one: (one[1]["id"] != DEMONSTRATION, not one[1]["main"]))
        rows = [(finding["text"], title, self._yes(finding["main"]), self._claims(finding["sources"])) for title, finding in told]
        return self._sheet("findings", ("result", "chapter", "main", "claims"), rows, self._marks(row[0] for row in rows))

    def _two_periods(self) -> Sheet:
        rows = []
        for label, before_id, now_id, growth_id in _TWO_PERIODS:
            if now_id in self._found:
                unit = self._unit(self._found[now_id]["unit"])
                ends = [self._amount(number_id, unit=True) for number_id in (before_id, now_id)]
                rows.append((self._texts(f"workbook.row.{label}"), *ends, self._amount(growth_id, unit=True), unit))
        columns = ("indicator", "baseline", "current", "growth", "unit")
        ids = [number_id for _, *others in _TWO_PERIODS for number_id in others]
        return self._sheet("two_periods", columns, rows, [self._texts("workbook.growth_note"), *self._notes(ids)], **self._periods)

    def _mix(self) -> Sheet:
        codes = self._evaluation.published.vocabulary.facility_support_types
        patterns = {column: p for column, p in _MIX.items() if any(p.format(f".{code}") in self._found for code in codes)}
        rows = [(self._texts.label(code), *(self._amount(p.format(f".{code}")) for p in patterns.values())) for code in codes]
        ids = [p.format(f".{code}") for code in codes for p in patterns.values()]
        totals = [p.format("") for p in patterns.values()]
        rows.append((self._texts("workbook.total"), *(self._amount(total) for total in totals)))
        rows = rows if patterns else []
        heads = {column: self._texts(f"workbook.column.{column}", **self._periods) for column in patterns}
        return self._sheet("mix_by_type", ("support_type", *patterns), rows, self._notes([*ids, *totals]), **heads)

    def _provinces(self) -> Iterator[Sheet]:
        for vintage in VINTAGES:
            found = coverage(self._evaluation.estimates, self._evaluation.parameters, vintage)
            if found is None:
                continue
            periods = {"baseline": found.before, "current": found.now}
            known = [when for when, codes in periods.items() if codes is not None]
            rows = [
                (
                    code, found.names[code], *(self._yes(code in periods[when]) for when in known),
                    *([self._texts(f"column.status_{found.status(code)}")] if len(known) == 2 else []),
                )
                for code in sorted(found.served.union(*(periods[when] for when in known)))
            ]  # fmt: skip
            columns = ("code", "province", *known, *(["status"] if len(known) == 2 else []))
            title = self._texts("workbook.title.provinces", vintage=self._texts(f"vintage.{vintage}"))
            yield self._sheet(f"provinces_{vintage}", columns, rows, title=title, **self._periods)

    def _by_dimension(self) -> Iterator[Sheet]:
        """A register's results by year, sector and province; a total where the parts are parts of one."""
        for dimension, measures in _BY_DIMENSION.items():
            prefix = f"register.{dimension}."
            codes = list(dict.fromkeys(number_id.split(".")[2] for number_id in self._found if number_id.startswith(prefix)))
            name = (lambda code: code) if dimension == "year" else self._texts.label
            rows = [(name(code), *(self._amount(f"{prefix}{code}.{measure}") for measure in measures)) for code in codes]
            ids = [f"{prefix}{code}.{measure}" for code in codes for measure in measures]
            rounded = rounding_shows_in(self._shown(ids))
            if rows and dimension != "year":
                rows.append((self._texts("workbook.total"), *(self._amount(_TOTALS[measure]) for measure in measures)))
                shown = self._shown([*ids, *_TOTALS.values()])
                rounded = any(rounding_shows([shown.get(f"{prefix}{code}.{m}") for code in codes], shown.get(_TOTALS[m])) for m in ("facilities", "funding"))
            notes = [self._texts("rounding_note")] if rounded else []
            yield self._sheet(f"register_by_{dimension}", (dimension, *measures), rows, notes)

    # all numbers, and what they rest on

    def _numbers(self) -> Iterator[Sheet]:
        for part in self._contents.parts:
            rows = [self._number_row(row) for row in part["numbers"]]
            columns = ("indicator", "value", "lower", "upper", "unit", "as_read", "basis", "claims", "id")
            title = self._texts("workbook.title.numbers", chapter=self._texts(f"chapter.{part['chapter']}.title"))
            yield self._sheet(f"numbers_{part['chapter']}", columns, rows, self._notes([row["id"] for row in part["numbers"]]), title=title)

    def _number_row(self, row: Mapping[str, str]) -> tuple[Cell, ...]:
        language, decimals = self._texts.language, row["decimals"] if row["lower"] == row["upper"] else row["bounds_decimals"]
        ends = [Amount(Fraction(row[end]), int(decimals), row["unit"]) if row[end] else DASH for end in ("lower", "upper")]
        told = starred(row[f"text_{language}"], _is_marked(row))
        basis, claims = self._texts(f"basis.{row['basis']}"), self._claims(row["sources"].split(";"))
        return (row[f"label_{language}"], self._amount(row["id"], unit=True), *ends, self._unit(row["unit"]), told, basis, claims, row["id"])

    def _published(self) -> Sheet:
        evaluation, texts, main = self._evaluation, self._texts, main_source(self._evaluation)
        rows = []
        for claim in evaluation.published.claims:
            printed = printed_number(claim) if claim.printed else None
            literally = Amount(printed.bounded.value, printed.decimals, printed.unit) if printed else DASH
            computed = computed_number(claim, evaluation.estimates)
            rows.append(
                (
                    claim_number(claim, texts, main_source=main), statement(claim, texts), as_printed(claim) or DASH, printed_text(claim, texts),
                    literally, *self._ends(printed), self._of_number(computed), *self._ends(computed), self._unit(printed.unit) if printed else DASH,
                    computed_text(claim, evaluation.estimates, texts) or DASH, claim.source_id, claim.locator,
                )
            )  # fmt: skip
        columns = (
            "claim", "statement", "printed", "read", "printed_value", "printed_lower", "printed_upper", "computed_value", "computed_lower",
            "computed_upper", "unit", "computed_read", "source", "locator",
        )  # fmt: skip
        return self._sheet("published", columns, rows, self._marks(row[11] for row in rows))

    def _saved(self) -> Iterator[Sheet]:
        """Tables that the chapters made in words; a column of numbers in one unit becomes numbers."""
        for part in self._contents.parts:
            for table in part["tables"]:
                name = _SAVED.get((part["chapter"], table["name"]), "")
                if name and table["rows"]:
                    heads, cells = self._typed(table["columns"], list(zip(*table["rows"])))
                    yield Sheet(name, table["title"], heads, tuple(zip(*cells)))

    def _comparison(self) -> Sheet:
        rows = []
        for one in compare(self._evaluation):
            told = comparison_row(one, self._texts, self._evaluation)
            printed = printed_number(one.claim) if one.claim.printed else None
            literally = Amount(printed.bounded.value, printed.decimals, printed.unit) if printed else DASH
            single = one.whole is None
            values = (self._of_number(one.value if single else None), self._of_number(one.difference if single else None))
            unit = self._unit(printed.unit) if printed else DASH
            rows.append((told["number"], told["statement"], told["printed"], told["register"] or DASH, literally, *values, unit, told["told"]))
        columns = ("claim", "statement", "read", "register_read", "printed_value", "register_value", "difference", "unit", "comparison")
        return self._sheet("comparison", columns, rows)

    def _erratum(self) -> Sheet:
        rows = [tuple(cell or DASH for cell in row) for row in erratum_table(self._evaluation, self._texts).itertuples(index=False)]
        heads = {column: self._texts(f"column.{column}") for column in ERRATUM_COLUMNS}
        return self._sheet("erratum", ERRATUM_COLUMNS, rows, [self._texts("report.erratum_text")], **heads)

    # heads, notes and cells

    def _sheet(self, name: str, columns: Sequence[str], rows: Iterable[tuple[Cell, ...]], notes: Iterable[str] = (), title: str = "", **heads: str) -> Sheet:
        titled = self._evaluation.titled(title or self._texts(f"workbook.title.{name}"), self._texts)
        told = tuple(heads.get(column) or self._texts(f"workbook.column.{column}") for column in columns)
        return Sheet(name, titled, told, tuple(rows), tuple(notes))

    def _notes(self, ids: Iterable[str]) -> list[str]:
        """Which marks stand for what, and that totals do not look like the sum of their parts where that is so."""
        rows = [self._found[number_id] for number_id in ids if number_id in self._found]
        shown = self._shown(row["id"] for row in rows)
        return [*self._mark_note(any(map(_is_marked, rows))), *([self._texts("rounding_note")] if rounding_shows_in(shown) else [])]

    def _marks(self, told: Iterable[Cell]) -> list[str]:
        return self._mark_note(any(str(cell).endswith("*") for cell in told))

    def _mark_note(self, marked: bool) -> list[str]:
        key = mark_key(bool(self._evaluation.set_aside), bool(self._evaluation.ledger.confirmed))
        return [self._texts(f"report.{key}")] if marked else []

    def _shown(self, ids: Iterable[str]) -> dict[str, Shown | None]:
        return {number_id: _read(self._found[number_id]) for number_id in ids if number_id in self._found}

    def _claims(self, ids: Iterable[str]) -> str:
        """Numbers of claims; what is no claim, such as a register, by its id."""
        published, main = self._evaluation.published, main_source(self._evaluation)
        known = {claim.claim_id: claim for claim in published.claims}
        told = [claim_number(known[i], self._texts, main_source=main) if i in known else i for i in ids if i]
        return "; ".join(told) or DASH

    def _yes(self, flag: bool) -> str:
        return self._texts("workbook.yes" if flag else "workbook.no")

    def _unit(self, code: str) -> str:
        """The words of a unit; of what has none that it is a count, an index or a ratio."""
        return self._texts.unit(code) or self._texts(f"workbook.unit.{code.partition(':')[0]}")

    def _amount(self, number_id: str, *, unit: bool = False) -> Cell:
        """A reported number; its range in words where the bounds support no single number; a dash where it is not reported."""
        row = self._found.get(number_id)
        if row is None:
            return DASH
        if not row["decimals"]:
            return _digits_of(row[f"text_{self._texts.language}"])
        return Amount(Fraction(row["value"]), int(row["decimals"]), row["unit"] if unit else "")

    def _of_number(self, number: Number | None) -> Cell:
        if number is None:
            return DASH
        decimals = number.shown_decimals
        return number.digits(self._texts.language) if decimals is None else Amount(number.bounded.value, decimals, number.unit)

    def _ends(self, number: Number | None) -> tuple[Cell, Cell]:
        if number is None:
            return DASH, DASH
        lower, upper = number.bounded.lower, number.bounded.upper
        decimals = number.decimals if lower == upper else bounds_decimals(lower, upper, number.unit, number.decimals)
        return Amount(lower, decimals, number.unit), DASH if upper is None else Amount(upper, decimals, number.unit)

    def _typed(self, heads: Sequence[str], columns: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], list[list[Cell]]]:
        """Columns in words as cells; a column whose every cell is a number of one unit as numbers, with the unit in its head."""
        told, cells = [], []
        names = {self._texts(f"column.{name}") for name in ("year", "rows")}  # digits, but no amounts
        for head, column in zip(heads, columns):
            found = [_AMOUNT.fullmatch(cell) for cell in column]
            units = {match[2] for match in found if match}
            amounts = [_parsed(match[1], self._texts.language) for match in found if match]
            if len(amounts) == len(column) and len(units) == 1 and None not in amounts and head not in names:
                (unit,) = units
                told.append(f"{head} ({unit})" if unit else head)
                cells.append(amounts)
            else:
                told.append(head)
                cells.append([cell or DASH for cell in column])
        return tuple(told), cells


def _parsed(digits: str, language: str) -> Amount | None:
    try:
        return Amount(*parse_number(digits, language))
    except PrintedError:
        return None


def _read(row: Mapping[str, str]) -> Shown | None:
    """A reported number as its text shows it."""
    if not row["upper"]:
        return None
    ends = [parse_number(digits, "vi")[0] for digits in _SHOWN.findall(_digits_of(row["text_vi"]))]
    return Shown(Fraction(row["lower"]), Fraction(row["upper"]), ends[0], ends[-1])


def _digits_of(text: str) -> str:
    """A number's text up to its last digit, without its unit."""
    return text.rstrip("".join({character for character in text if not character.isdigit()}))


def _is_marked(row: Mapping[str, str]) -> bool:
    return row["depends_on_explanation"] == "true" or bool(row["corrections"])
