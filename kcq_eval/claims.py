"""The published figures: one claim per statement, read from `data/claims/<source id>.csv` exactly as printed."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, make_dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from kcq_eval.datafiles import Row, read_table
from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.parameters import Period
from kcq_eval.printed import HEDGES, ROUNDINGS, UNITS, Printed, PrintedError, with_digits
from kcq_eval.sources import Source, load_sources, read_trust
from kcq_eval.vocabulary import ALL, DIMENSIONS, UNSTATED, Vocabulary, load_vocabulary

COLUMNS = (
    "claim_id", "locator", "relation", "measure", "period", "reference_period", "centre", *DIMENSIONS, "whole", "items", "printed",
    "unit", "direction", "hedge", "rounding", "note",
)  # fmt: skip
OPTIONAL = ("trust",)


_SHARES = ("share", "share_change")
_WHOLE_NAME = re.compile(r"[\w .-]{1,40}")  # of an unstated whole that several claims share
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")  # of a claim within its source; / and + join ids


@dataclass(frozen=True)
class Relation:
    """What a statement of one kind must give: `needs` are columns, `family` the unit's family ("" = the measure's)."""

    needs: tuple[str, ...]
    family: str = ""


RELATIONS = {
    "value": Relation(("printed", "unit")),
    "growth": Relation(("printed", "unit", "reference_period", "direction"), "percent"),
    "difference": Relation(("printed", "unit", "reference_period", "direction")),
    "share": Relation(("printed", "unit", "whole"), "percent"),
    "ratio": Relation(("printed", "unit", "whole")),
    "average": Relation(("printed", "unit", "whole")),
    "share_change": Relation(("printed", "unit", "whole", "reference_period", "direction"), "percentage_point"),
    "list": Relation(("items",)),
    "duration": Relation(("printed", "unit")),
    "qualitative": Relation(()),
}


_PARTICULARS = ("reference_period", "whole", "items", "printed", "unit", "direction", "hedge", "rounding")  # what only some relations have


@dataclass(frozen=True)
class AnyQuantity:
    """What a claim speaks about. A dimension holds a code, `all`, or a union of codes joined by "+".

    The dimensions are the programme's (`Quantity`), or those of an evaluator's own document (`quantity_type`).
    """

    dimensions: ClassVar[tuple[str, ...]] = ()

    measure: str
    period: Period
    centre: str

    @functools.cached_property
    def key(self) -> str:
        return "/".join((self.measure, str(self.period), self.centre, *(getattr(self, d) for d in self.dimensions)))

    def __lt__(self, other: AnyQuantity) -> bool:
        return self.key < other.key


@dataclass(frozen=True)
class Quantity(AnyQuantity):
    """A quantity of the programme."""

    dimensions: ClassVar[tuple[str, ...]] = DIMENSIONS

    scheme_kind: str = ALL
    support_type: str = ALL
    sector: str = ALL
    province: str = ALL


@functools.cache
def quantity_type(dimensions: tuple[str, ...]) -> type[AnyQuantity]:
    """Quantities with these dimensions."""
    if dimensions == DIMENSIONS:
        return Quantity
    fields = [(dimension, str, field(default=ALL)) for dimension in dimensions]
    return make_dataclass("OwnQuantity", fields, bases=(AnyQuantity,), namespace={"dimensions": dimensions}, frozen=True)


@dataclass(frozen=True)
class Claim:
    """One statement of a source.

    Attributes:
        claim_id: `<source id>/<number>`.
        quantity: What it speaks about; the part of a share, ratio or average.
        reference: The same quantity in the period compared with (growth, difference, share_change).
        whole: What a share, ratio or average is divided by.
        items: Codes that a list names.
        printed: The number as published; None for lists and statements in words.
        direction: `up` or `down` for growth, difference and share_change, whose number is printed without a sign.
        trust: How much it is trusted against other claims; None is `fixed`: known to be right, never a suspect.
    """

    claim_id: str
    source_id: str
    locator: str
    relation: str
    quantity: AnyQuantity
    reference: AnyQuantity | None
    whole: AnyQuantity | None
    items: tuple[str, ...]
    printed: Printed | None
    ratio: tuple[int, int] | None
    direction: str
    note: str
    trust: Fraction | None = Fraction(1)

    @property
    def sort_key(self) -> tuple:
        """Natural order of numbers within a source: 2 before 10."""
        parts = [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", self.number) if p]
        return (*parts, (0, -1, self.claim_id))  # so that 1 and 01 have an order too

    @property
    def number(self) -> str:
        """The id within its source."""
        return self.claim_id.partition("/")[2]


@dataclass(frozen=True)
class Published:
    """Everything read from one data folder: documents, their claims, and the words both use."""

    vocabulary: Vocabulary
    sources: dict[str, Source]
    claims: tuple[Claim, ...]

    def of(self, source_ids: Iterable[str]) -> Published:
        """Only these documents."""
        chosen = set(source_ids)
        return replace(
            self,
            sources={i: s for i, s in self.sources.items() if i in chosen},
            claims=tuple(c for c in self.claims if c.source_id in chosen),
        )

    def claim(self, claim_id: str) -> Claim:
        return self._by_id[claim_id]

    def position(self, claim_id: str) -> int:
        """Where a claim stands in the order of documents (newest first) and claim numbers, which every list of claims follows."""
        return self._positions[claim_id]

    @functools.cached_property
    def _positions(self) -> dict[str, int]:
        return {claim.claim_id: i for i, claim in enumerate(self.claims)}

    @functools.cached_property
    def _by_id(self) -> dict[str, Claim]:
        return {claim.claim_id: claim for claim in self.claims}


@functools.lru_cache(maxsize=4)
def load_published(folder: Path) -> Published:
    """The catalogue and every claims file it names, read once.

    Raises:
        BadInput: Anything unusable in any of the files, all problems at once.
    """
    vocabulary = load_vocabulary(folder)
    problems = Problems()
    sources = load_sources(folder, problems)
    claims: list[Claim] = []
    for source in sources.values():
        claims += _read_claims(folder / "claims" / f"{source.source_id}.csv", source, vocabulary, problems)
    for path in sorted((folder / "claims").glob("*.csv")):
        if path.stem not in sources:
            problems.append(
                Problem("source_not_listed", path.name, found=path.stem, expected="sources.csv", nearest=nearest(path.stem, sources))
            )
    problems.stop()
    order = list(sources)
    return Published(vocabulary, sources, tuple(sorted(claims, key=lambda c: (order.index(c.source_id), c.sort_key))))


def _read_claims(path: Path, source: Source, vocabulary: Vocabulary, problems: Problems) -> Iterator[Claim]:
    rows = read_table(path, COLUMNS, optional=OPTIONAL, problems=problems)
    yield from read_claims(((row, source) for row in rows), vocabulary, problems)


def read_claims(rows: Iterable[tuple[Row, Source]], vocabulary: Vocabulary, problems: Problems) -> Iterator[Claim]:
    """The claims of rows, each with the document it is read from. What is wrong goes into `problems`, and the row is left out."""
    seen: set[tuple[str, str]] = set()
    for row, source in rows:
        claim_id = source.source_id, row["claim_id"]
        wrong = Problems()
        if not _NUMBER.fullmatch(row["claim_id"]):
            wrong.append(row.problem("bad_form", "claim_id", expected="1, 2, 14-list, …"))
        elif claim_id in seen:
            wrong.append(row.problem("id_twice", "claim_id"))
        seen.add(claim_id)
        claim = _read_claim(row, source, vocabulary, wrong)
        if wrong:
            problems += wrong
        elif claim:
            yield claim


def _read_claim(row: Row, source: Source, vocabulary: Vocabulary, wrong: Problems) -> Claim | None:
    wrong += filter(None, [row.one_of("relation", RELATIONS), row.one_of("measure", vocabulary.measures)])
    wrong += filter(None, [row.one_of("centre", vocabulary.centres), row.one_of("hedge", ("", *HEDGES))])
    wrong += filter(None, [row.one_of("rounding", ("", *ROUNDINGS)), row.one_of("direction", ("", "up", "down"))])
    if not row["locator"]:
        wrong.append(row.problem("empty_cell", "locator"))
    codes = {dimension: _code(row, dimension, row[dimension], vocabulary, wrong) for dimension in vocabulary.dimensions}
    period = _period(row, "period", wrong)
    reference_period = _period(row, "reference_period", wrong) if row["reference_period"] else None
    if row["relation"] not in RELATIONS or row["measure"] not in vocabulary.measures:
        return None
    relation = RELATIONS[row["relation"]]
    forms = {"whole": ", ".join(_whole_forms(vocabulary, row["relation"]))}
    wrong += [row.problem("empty_cell", column, expected=forms.get(column, "")) for column in relation.needs if not row[column].strip("; ")]
    if row["relation"] != "qualitative":
        possible = (*relation.needs, *(("hedge", "rounding") if "printed" in relation.needs else ()))
        unused = [column for column in _PARTICULARS if column not in possible and row[column]]
        wrong += [row.problem("cell_not_empty", column, expected='""') for column in unused]
    whole = _whole(row, vocabulary, codes, wrong) if row["whole"] else None
    items = _items(row, vocabulary, wrong) if row["relation"] == "list" else ()
    printed, ratio = _printed(row, source, vocabulary, relation, wrong)
    trust = read_trust(row, source.trust, wrong)
    if reference_period and period and reference_period == period:
        wrong.append(row.problem("same_period", "reference_period", expected="≠ " + row["period"]))
    if wrong:
        return None
    quantity = quantity_type(vocabulary.dimensions)(row["measure"], period, row["centre"], **codes)
    claim_id = f"{source.source_id}/{row['claim_id']}"
    if whole == {UNSTATED: ""}:  # this claim's own
        whole = {UNSTATED: claim_id.replace("/", "#")}
    if whole and UNSTATED in whole:
        whole = {"measure": f"{row['measure']}{UNSTATED}{whole[UNSTATED]}", **dict.fromkeys(vocabulary.dimensions, ALL)}
    return Claim(
        claim_id=claim_id,
        source_id=source.source_id,
        locator=row["locator"],
        relation=row["relation"],
        quantity=quantity,
        reference=replace(quantity, period=reference_period) if reference_period else None,
        whole=replace(quantity, **whole) if whole else None,
        items=items,
        printed=printed,
        ratio=ratio,
        direction=row["direction"],
        note=row["note"],
        trust=trust,
    )


def _code(row: Row, dimension: str, text: str, vocabulary: Vocabulary, wrong: Problems, column: str = "") -> str:
    """A code, `all`, or a union of codes joined by "+" in the vocabulary's order."""
    if text == ALL:
        return ALL
    valid = vocabulary.codes(dimension)
    found = []
    for part in text.split("+"):
        code = vocabulary.code(dimension, part)
        if code not in valid:
            near = vocabulary.nearest_code(dimension, part)
            expected = "data/reference/provinces.csv" if dimension == "province" else ", ".join((ALL, *valid))
            wrong.append(row.problem("unknown_code", column or dimension, found=part, expected=expected, near=near))
        else:
            found.append(code)
    return "+".join(code for code in valid if code in found)


def _period(row: Row, column: str, wrong: Problems) -> Period | None:
    try:
        return Period.parse(row[column])
    except ValueError:
        wrong.append(row.problem("bad_period", column, expected="YYYY-YYYY"))
        return None


def _whole(row: Row, vocabulary: Vocabulary, codes: dict[str, str], wrong: Problems) -> dict[str, str]:
    """The dimension or measure in which the whole differs from the part; "?" and its name where the whole is unstated."""
    forms = _whole_forms(vocabulary, row["relation"])
    if row["whole"].startswith(UNSTATED):
        name = row["whole"].removeprefix(UNSTATED).strip()
        if UNSTATED not in forms or (name and not _WHOLE_NAME.fullmatch(name)):
            wrong.append(row.problem("bad_form", "whole", expected=", ".join(forms)))
        return {UNSTATED: name}
    name, _, code = row["whole"].partition("=")
    if name == "measure":
        if code not in vocabulary.measures:
            near = nearest(code, vocabulary.measures)
            wrong.append(row.problem("unknown_code", "whole", expected=", ".join(vocabulary.measures), near=near))
        elif row["relation"] in _SHARES and vocabulary.measures[code].unit != vocabulary.measures[row["measure"]].unit:
            wrong.append(row.problem("unit_unfit", "whole", expected=vocabulary.measures[row["measure"]].unit))
        if code == row["measure"]:
            wrong.append(row.problem("whole_is_part", "whole", expected=f"measure ≠ {code}"))
        return {"measure": code, **({"scheme_kind": ALL} if code == "provinces_served" else {})}
    if name not in vocabulary.dimensions or not code:
        near = nearest(name, ("measure", *vocabulary.dimensions))
        wrong.append(row.problem("bad_form", "whole", expected=", ".join(forms), near=near))
        return {}
    code = _code(row, name, code, vocabulary, wrong, column="whole")
    if code and code == codes.get(name):
        wrong.append(row.problem("whole_is_part", "whole", expected=f"{name} ≠ {code}"))
    return {name: code}


def _whole_forms(vocabulary: Vocabulary, relation: str) -> list[str]:
    """How a whole is written."""
    return [*(f"{name}=…" for name in ("measure", *map(vocabulary.dimension_name, vocabulary.dimensions))), *((UNSTATED, f"{UNSTATED}…") if relation in _SHARES else ())]


def _items(row: Row, vocabulary: Vocabulary, wrong: Problems) -> tuple[str, ...]:
    dimension = vocabulary.measures[row["measure"]].list_of or "sector"
    items: list[str] = []
    for text in row.codes("items"):
        item = _code(row, dimension, text, vocabulary, wrong, column="items")
        if item == ALL or "+" in text:
            expected = "data/reference/provinces.csv" if dimension == "province" else ", ".join(vocabulary.codes(dimension))
            wrong.append(row.problem("unknown_code", "items", found=text, expected=expected))
        elif item and item in items:
            wrong.append(row.problem("item_twice", "items", found=text, expected="1 ×"))
        items.append(item)
    return tuple(items)


def _printed(
    row: Row, source: Source, vocabulary: Vocabulary, relation: Relation, wrong: Problems
) -> tuple[Printed | None, tuple[int, int] | None]:
    if "printed" not in relation.needs or not row["printed"] or not row["unit"]:
        return None, None
    if row["hedge"] not in ("", *HEDGES) or row["rounding"] not in ("", *ROUNDINGS):  # told already
        return None, None
    if problem := row.one_of("unit", vocabulary.units(row["measure"], relation.family), "unit_unfit"):
        wrong.append(problem)
        return None, None
    number_format = source.number_format or None
    try:
        if row["relation"] == "ratio":
            return None, Printed(row["printed"], row["unit"], number_format, row["hedge"]).ratio
        printed = Printed(row["printed"], row["unit"], number_format, row["hedge"], row["rounding"] or "nearest")
        if printed.value < 0:
            raise PrintedError("negative", found=row["printed"], expected="≥ 0")
        if row["relation"] in ("value", "difference") and not holds_whole(printed):
            raise PrintedError("not_whole", found=row["printed"], expected="0, 1, 2, …")
        return printed, None
    except PrintedError as error:
        meant = with_digits(row["printed"])
        wrong.append(row.problem("letter_in_number" if meant else f"printed_{error.key}", "printed", expected=error.expected, near=meant))
        return None, None


def holds_whole(printed: Printed) -> bool:
    """Whether a number of whole things can be what was printed; anything else can."""
    interval = printed.interval
    if UNITS[printed.unit].is_continuous or None in (interval.lower, interval.upper):
        return True
    least = math.floor(interval.lower) + 1 if interval.lower_open else math.ceil(interval.lower)
    return least in interval
