"""The codes everybody uses, their labels in both languages, and the provinces with their vintages.

All of it comes from `data/vocabulary/`, `data/rules.csv` and `data/reference/`.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from kcq_eval.datafiles import Row, read_table
from kcq_eval.errors import Problems, nearest
from kcq_eval.printed import UNITS

DIMENSIONS = ("scheme_kind", "support_type", "sector", "province")
ALL = "all"  # the code of a dimension that is not broken down
UNSTATED = "?"  # after a measure's code: the whole of a share that is printed without its whole
VINTAGES = ("63", "34")  # provinces until 30 June 2025, and since
_UNIT_WORDS = re.compile(r"^((tinh|thanh pho|thu do|tp)\s+|tp\.\s*)")


@dataclass(frozen=True)
class Measure:
    """What a quantity counts or sums.

    `adds_up_over`: dimensions whose disjoint parts add up to no more than the whole.
    `nested_over`: dimensions (and `period`) in which a part is no more than its whole.
    `list_of`: the dimension whose codes a list claim of this measure names.
    """

    code: str
    unit: str
    adds_up_over: frozenset[str]
    nested_over: frozenset[str]
    list_of: str


@dataclass(frozen=True)
class Partition:
    """A structural rule: in `dimension` the parts of `measure` are all of the whole."""

    rule_id: str
    measure: str
    dimension: str
    whole: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Province:
    """One of the 63 units of 2018–2023 and the unit of 2025 that it went into."""

    code: str
    name_vi: str
    name_en: str
    new_code: str
    new_name_vi: str


class Vocabulary:
    """What claims are read with: measures, dimensions with their codes, structural rules, labels in both languages.

    Attributes:
        dimensions: Names of the dimensions, as `Quantity` and the columns of a claims table have them.
        measures: What quantities count or sum, by code.
        centres: Codes of the bodies that claims can be about.
        partitions: The declared structural rules.
    """

    dimensions: tuple[str, ...]
    measures: dict[str, Measure]
    centres: tuple[str, ...]
    partitions: tuple[Partition, ...]
    _labels: dict[str, dict[str, str]]

    def measure(self, code: str) -> Measure:
        """A measure, or the unstated whole of one: of the same unit, it adds up with nothing and lies in nothing."""
        name, unstated, _ = code.partition(UNSTATED)
        found = self.measures[name]
        return Measure(code, found.unit, frozenset(), frozenset(), "") if unstated else found

    def label(self, code: str, language: str) -> str:
        """A code's label in `vi` or `en`; a union of codes is joined with a comma."""
        return ", ".join(self._labels[part][language] for part in code.split("+"))

    def label_codes(self) -> tuple[str, ...]:
        """Every code that has a label."""
        return tuple(self._labels)

    def __contains__(self, code: str) -> bool:
        """Whether the code has a label."""
        return code in self._labels

    def codes(self, dimension: str) -> tuple[str, ...]:
        """The codes of a dimension, without `all`."""
        raise NotImplementedError

    def dimension_name(self, dimension: str) -> str:
        """A dimension as a claims table names it."""
        return dimension

    def code(self, dimension: str, text: str) -> str:
        """The code that a text names, or the text itself."""
        return text.strip()

    def nearest_code(self, dimension: str, text: str) -> str:
        """What could have been meant by a text that names no code."""
        return nearest(text, (*self.codes(dimension), ALL))

    def served(self, centre: str) -> tuple[str, ...]:
        """Codes of the provinces that a centre serves."""
        return ()

    def units(self, measure: str, family: str = "") -> list[str]:
        """Codes of the units that a number of this measure can be printed in, or those of a family."""
        family = family or UNITS[self.measures[measure].unit].family
        return [code for code, unit in UNITS.items() if unit.family == family]


class ProgrammeVocabulary(Vocabulary):
    """Codes, labels and rules of one data folder."""

    dimensions = DIMENSIONS

    def __init__(self, folder: Path):
        problems = Problems()
        self._labels: dict[str, dict[str, str]] = {}
        measures = self._table(folder, "measures", ("unit", "adds_up_over", "nested_over", "list_of"), problems)
        self.measures = {
            row["code"]: Measure(
                row["code"], row["unit"], frozenset(row.codes("adds_up_over")), frozenset(row.codes("nested_over")), row["list_of"]
            )
            for row in measures
        }
        for row in measures:
            problems += filter(None, [row.one_of("unit", UNITS), row.one_of("list_of", ("", *DIMENSIONS))])
        self.scheme_kinds = tuple(row["code"] for row in self._table(folder, "scheme_kinds", (), problems))
        support_types = self._table(folder, "support_types", ("short_vi", "short_en", "supports_facility", "colour"), problems)
        self.support_types = tuple(row["code"] for row in support_types)
        self.facility_support_types = tuple(row["code"] for row in support_types if row["supports_facility"] == "true")
        self.support_type_colours = {row["code"]: row["colour"] for row in support_types}
        self._labels |= {f"{row['code']}.short": {"vi": row["short_vi"], "en": row["short_en"]} for row in support_types}
        self.sectors = tuple(row["code"] for row in self._table(folder, "sectors", (), problems))
        centres = self._table(folder, "centres", ("name_vi", "name_en", "served_column"), problems)
        self.centres = tuple(row["code"] for row in centres)
        problems += filter(None, [row.one_of("served_column", _PROVINCES.split()) for row in centres])
        self._labels |= {f"{row['code']}.name": {"vi": row["name_vi"], "en": row["name_en"]} for row in centres}
        rules = read_table(
            folder / "rules.csv", ("rule_id", "measure", "dimension", "whole", "parts", "label_vi", "label_en"), problems=problems
        )
        self.partitions = tuple(
            Partition(r["rule_id"], r["measure"], r["dimension"], r["whole"], r.codes("parts")) for r in rules
        )
        self._labels |= {row["rule_id"]: {"vi": row["label_vi"], "en": row["label_en"]} for row in rules}
        for partition in self.partitions:  # what is divided without rest adds up
            if found := self.measures.get(partition.measure):
                adds_up_over = found.adds_up_over | {partition.dimension}
                self.measures[partition.measure] = replace(found, adds_up_over=adds_up_over)
        self._read_provinces(folder / "reference", [row["served_column"] for row in centres], problems)
        self._check_rules(rules, problems)
        problems.stop()

    def codes(self, dimension: str) -> tuple[str, ...]:
        """The codes of a dimension, without `all`."""
        return {
            "scheme_kind": self.scheme_kinds,
            "support_type": self.support_types,
            "sector": self.sectors,
            "province": tuple(self.provinces),
        }[dimension]

    def code(self, dimension: str, text: str) -> str:
        """The code that a text names, or the text itself; a province in any known way."""
        return (self.province_code(text) or text.strip()) if dimension == "province" else text.strip()

    def nearest_code(self, dimension: str, text: str) -> str:
        """What could have been meant by a text that names no code."""
        return self.nearest_province(text) if dimension == "province" else super().nearest_code(dimension, text)

    def served(self, centre: str) -> tuple[str, ...]:
        """Codes of the provinces that a centre serves."""
        return self._served[self.centres.index(centre)]

    def province_code(self, text: str) -> str | None:
        """The code of a province written in any known way (code, ISO code, variant, without diacritics), or None."""
        return self._province_spellings.get(spelling_key(text))

    def nearest_province(self, text: str) -> str:
        """The province's name most like `text`, for a suggestion; never taken silently."""
        close = nearest(spelling_key(text), self._province_spellings)
        return self.provinces[self._province_spellings[close]].name_vi if close else ""

    def _table(self, folder: Path, name: str, columns: tuple[str, ...], problems: Problems) -> list[Row]:
        path = folder / "vocabulary" / f"{name}.csv"
        rows = read_table(path, ("code", "label_vi", "label_en", *columns), optional=("note",), problems=problems)
        self._labels |= {row["code"]: {"vi": row["label_vi"], "en": row["label_en"]} for row in rows}
        return rows

    def _read_provinces(self, folder: Path, served_columns: list[str], problems: Problems) -> None:
        self.provinces: dict[str, Province] = {}
        self._province_spellings: dict[str, str] = {}
        merger = {
            row["old_gso_code"]: row
            for row in read_table(folder / "province_merger_2025.csv", *_columns(_MERGER), problems=problems)
        }
        rows = read_table(folder / "provinces.csv", *_columns(_PROVINCES), problems=problems)
        for row in rows:
            if problem := row.one_of("gso_code", merger):
                problems.append(problem)
                continue
            new = merger[row["gso_code"]]
            self.provinces[row["gso_code"]] = Province(
                row["gso_code"], row["name_vi"], row["name_en"], new["new_gso_code"], new["new_name_vi"]
            )
            for text in (row["gso_code"], row["iso_3166_2"], row["name_vi"]):
                self._province_spellings[spelling_key(text)] = row["gso_code"]
            self._labels[row["gso_code"]] = {"vi": row["name_vi"], "en": row["name_en"]}
        self._served = [tuple(r["gso_code"] for r in rows if r.cells.get(column) == "true") for column in served_columns]
        for row in read_table(folder / "province_name_variants.csv", *_columns(_VARIANTS), problems=problems):
            if row["use_for_matching"] == "true":
                self._province_spellings.setdefault(spelling_key(row["variant"]), row["gso_code"])

    def _check_rules(self, rules: list[Row], problems: Problems) -> None:
        for row in rules:
            problems += filter(None, [row.one_of("measure", self.measures), row.one_of("dimension", DIMENSIONS)])
            if row["dimension"] in DIMENSIONS:
                valid = self.codes(row["dimension"])
                problems += [
                    row.problem("unknown_code", "parts", found=part, expected=", ".join(valid), near=nearest(part, valid))
                    for part in row.codes("parts")
                    if part not in valid
                ]


_PROVINCES = (
    "gso_code iso_3166_2 name_vi unit_type_vi full_name_vi name_ascii name_en gso_region_code gso_region_vi gso_region_en "
    "moit_promotion_region in_ipc1_28 ipc1_confidence ipc1_evidence"
)
_MERGER = (
    "old_gso_code old_iso_3166_2 old_name_vi new_gso_code new_name_vi new_unit_type_vi_2025_07 change_type n_old_units_in_new "
    "new_code_formerly_meant new_area_km2"
)
_VARIANTS = "gso_code name_vi variant kind use_for_matching source"


def _columns(names: str) -> tuple[tuple[str, ...]]:
    return (tuple(names.split()),)


def spelling_key(text: str) -> str:
    """Text without case, diacritics, unit words (Tỉnh, Thành phố, TP.) and doubled spaces, for matching names."""
    text = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    text = " ".join("".join(c for c in text if not unicodedata.combining(c)).split())
    return _UNIT_WORDS.sub("", text)


@functools.lru_cache(maxsize=4)
def load_vocabulary(folder: Path) -> ProgrammeVocabulary:
    """The vocabulary of a data folder, read once.

    Raises:
        BadInput: A table is missing or unusable.
    """
    return ProgrammeVocabulary(folder)
