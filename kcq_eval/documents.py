"""An evaluator's own document: claims with measures, units, categories and rules of its own, read from a workbook, a folder or one CSV file.

Nothing is assumed about what adds up that the document does not say, but for two things: no quantity is negative, and a part of
things that are counted is no more than their whole. Averages, rates and balances have no part-whole rule at all.
"""

from __future__ import annotations

import datetime
import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from kcq_eval import spellings
from kcq_eval.claims import RELATIONS, Published, read_claims
from kcq_eval.datafiles import Row, read_lines, table_rows
from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.printed import NUMBER_FORMATS, SIZE_WORDS, UNITS, Unit, own_unit
from kcq_eval.sources import Source, read_trust
from kcq_eval.vocabulary import ALL, UNSTATED, Measure, Partition, Vocabulary
from kcq_eval.workbooks import read_workbook, without_value

MAX_CLAIMS = 1_000
MAX_CELL = 500  # characters of one cell
_MAX_COLUMNS = 500
RATE, TOTAL = "rate", "total"
_CENTRE = "own"
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_TEXTS = (".doc", ".docx", ".odt", ".rtf", ".pdf", ".ppt", ".pptx", ".html", ".htm")  # documents to read, whatever is in them
_REQUIRED = {
    "claims": ("measure", "period", "printed", "unit"),
    "rules": ("dimension",),
    "measures": ("code",),
    "categories": ("dimension", "category"),
    "sources": ("source_id",),
}
_NO_UNIT = own_unit("").code  # of a measure that only shares and growths speak of
_LOOKS_ALIKE = str.maketrans({"/": "∕", "+": "＋", "?": "？", ";": "；"})  # marks that mean something in a code
_PER = re.compile(r"\s*/.*|\s+(per|mỗi|một|trên|of)\s.*", re.IGNORECASE)
_SIZES = {spellings.key(word): size for size, words in SIZE_WORDS.items() for word in words}
_MONEY = {1: "vnd", 10**3: "thousand_vnd", 10**6: "million_vnd", 10**9: "billion_vnd"}
_UNIT_CODES = spellings.codes_by_key(spellings.UNITS)
_SPELLED = {spellings.key(word): word for languages in spellings.UNITS.values() for words in languages for word in words}
_SIZE_SPELLED = {spellings.key(word): word for words in SIZE_WORDS.values() for word in words}
_ALL = spellings.codes_by_key(spellings.ALL_WORDS)
_RELATIONS = tuple(name for name in RELATIONS if name != "duration")  # a duration has a rule of the programme's own


@dataclass(frozen=True)
class Note:
    """Something worth knowing about how the document was read: a key of `audit.note` and its values."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class OwnDocument:
    """A document that can be audited.

    Attributes:
        name: Of the file or folder.
        published: Its claims, sources and words.
        notes: What the reader had to decide.
        rows: The row of every claim in its table, by claim id.
    """

    name: str
    published: Published
    notes: tuple[Note, ...]
    rows: Mapping[str, int]

    @property
    def vocabulary(self) -> OwnVocabulary:
        return self.published.vocabulary


class OwnVocabulary(Vocabulary):
    """A document's own words.

    Attributes:
        rates: Measures for which no part-whole rule holds.
        rule_labels: What a rule says, in the document's words.
    """

    def __init__(
        self, *, dimensions: Mapping[str, str], measures: Mapping[str, Measure], categories: Mapping[str, Mapping[str, str]],
        partitions: Sequence[Partition], labels: Mapping[str, Mapping[str, str]], units: Mapping[str, Sequence[str]],
        rates: Iterable[str], rule_labels: Mapping[str, str],
    ):  # fmt: skip
        self.dimensions = tuple(dimensions)
        self.measures, self.partitions, self.centres = dict(measures), tuple(partitions), (_CENTRE,)
        self.rates, self.rule_labels = frozenset(rates), dict(rule_labels)
        self._dimension_names, self._units = dict(dimensions), dict(units)
        self._codes = {dimension: tuple(codes.values()) for dimension, codes in categories.items()}
        self._labels = dict(labels)

    def codes(self, dimension: str) -> tuple[str, ...]:
        return self._codes[dimension]

    def dimension_name(self, dimension: str) -> str:
        return self._dimension_names[dimension]

    def units(self, measure: str, family: str = "") -> list[str]:
        if family:
            return [code for code, unit in UNITS.items() if unit.family == family]
        return list(self._units.get(measure, ()))


@dataclass(frozen=True)
class _Table:
    """The lines of one table; `numbers` are the places that held a number of a spreadsheet."""

    file: str
    lines: list[list[str]]
    numbers: frozenset[tuple[int, int]] = frozenset()
    merged_rows: frozenset[int] = frozenset()
    sheet: str = ""


def read_document(path: Path, number_format: str = "") -> OwnDocument:
    """Read a document.

    Args:
        path: A workbook, a folder with `claims.csv` and perhaps `rules.csv`, `measures.csv`, `categories.csv`, `sources.csv`, or one
            CSV file of claims.
        number_format: `vi` or `en`, for the sources that declare none.

    Raises:
        BadInput: Anything unusable, all problems at once.
    """
    path = Path(path)
    problems, notes = Problems(), []
    tables = _tables(path, problems, notes)
    problems.stop()
    document = _Reader(path, tables, number_format, problems, notes).document()
    merged = {(table.file, row) for table in tables.values() for row in table.merged_rows}
    problems[:] = [replace(p, message="merged_cell") if p.message == "empty_cell" and (p.file, p.row) in merged else p for p in problems]
    _tell_formulas(path, tables.values(), problems)
    files = list(dict.fromkeys(table.file for table in tables.values()))
    problems.sort(key=lambda problem: (files.index(problem.file), problem.row or 0))
    problems.stop()
    return document


def _tell_formulas(path: Path, tables: Iterable[_Table], problems: Problems) -> None:
    """An empty cell in a row with formulas that have no stored value, or with errors, is told as that."""
    for table in tables:
        rows = [p.row for p in problems if p.message == "empty_cell" and p.file == table.file and p.row]
        if table.sheet and rows:
            why = {row: told for (row, _), told in without_value(path, table.sheet, max(rows)).items()}
            problems[:] = [
                replace(p, message=why[p.row][0], found=why[p.row][1]) if p.message == "empty_cell" and p.file == table.file and p.row in why else p
                for p in problems
            ]


# --- tables


def _tables(path: Path, problems: Problems, notes: list[Note]) -> dict[str, _Table]:
    if path.is_dir():
        return _from_folder(path, problems, notes)
    if not path.is_file():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        problems.append(Problem("missing_file", path.name, expected="XLSX, CSV", nearest=nearest(path.name, sorted(beside))))
        return {}
    if path.suffix.lower() in _TEXTS or _starts_with(path, b"%PDF"):
        problems.append(Problem("no_table_file", path.name, found=path.suffix, expected="XLSX, CSV"))
        return {}
    if path.suffix.lower() in _WORKBOOKS or _starts_with(path, b"PK\x03\x04"):
        return _from_workbook(path, problems, notes)
    lines = read_lines(path, _REQUIRED["claims"], problems, most=MAX_CLAIMS + 1)
    return {} if lines is None else {"claims": _cleaned(path.name, lines, frozenset(), problems)}


def _from_folder(folder: Path, problems: Problems, notes: list[Note]) -> dict[str, _Table]:
    found: dict[str, _Table] = {}
    names, files = spellings.codes_by_key(spellings.TABLES), sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv" and p.is_file())
    for path in files:
        name = names.get(spellings.key(path.stem.replace("-", " ")))
        if name in _REQUIRED and name not in found:
            lines = read_lines(path, _REQUIRED[name], problems, most=MAX_CLAIMS + 1)
            if lines is not None:
                found[name] = _cleaned(path.name, lines, frozenset(), problems)
            else:
                found[name] = _Table(path.name, [])
        elif name != "guide":
            _not_read(path.name, path.stem, problems, notes)
    if "claims" not in found:
        near = nearest("claims.csv", [p.name for p in sorted(folder.iterdir())])
        problems.append(Problem("missing_file", folder.name, expected=f"{folder.name}/claims.csv", nearest=near))
    return found


def _from_workbook(path: Path, problems: Problems, notes: list[Note]) -> dict[str, _Table]:
    sheets = read_workbook(path, problems)
    if sheets is None:
        return {}
    names = spellings.codes_by_key(spellings.TABLES)
    found: dict[str, _Table] = {}
    filled = [sheet for sheet in sheets if sheet.lines]
    for sheet in filled:
        name = names.get(spellings.key(sheet.name))
        if len(filled) == 1 and name not in _REQUIRED:
            name = "claims"
        if name in _REQUIRED and name not in found:
            table = _cleaned(f"{path.name} [{sheet.name}]", sheet.lines, sheet.numbers, problems)
            found[name] = replace(table, merged_rows=sheet.merged_rows, sheet=sheet.name)
        elif name != "guide":
            _not_read(f"{path.name} [{sheet.name}]", sheet.name, problems, notes)
    if not filled:
        problems.append(Problem("empty_file", path.name, expected=", ".join(_REQUIRED["claims"])))
    elif "claims" not in found:
        near = nearest("claims", [sheet.name for sheet in filled])
        problems.append(Problem("missing_sheet", path.name, found=", ".join(s.name for s in filled), expected=_words(spellings.TABLES, "claims"), nearest=near))
    return found


def _not_read(file: str, name: str, problems: Problems, notes: list[Note]) -> None:
    """A table of another name is left alone, unless it is one of ours misspelt."""
    known = {spellings.key(word) for words in spellings.TABLES.values() for language in words for word in language}
    if near := nearest(spellings.key(name), sorted(known)):
        problems.append(Problem("unknown_table", file, found=name, expected=", ".join(_REQUIRED), nearest=near))
    else:
        notes.append(Note("not_read", {"table": name}))


def _cleaned(file: str, lines: list[list[str]], numbers: frozenset[tuple[int, int]], problems: Problems) -> _Table:
    """The table without what a text never means: control characters, doubled spaces, columns with nothing in them."""
    while lines and not any(cell.strip() for cell in lines[-1]):
        lines.pop()
    if len(lines) > MAX_CLAIMS + 1 or max(map(len, lines), default=0) > _MAX_COLUMNS:
        found = f"≥ {len(lines) - 1} × {max(map(len, lines))}"
        problems.append(Problem("table_too_large", file, found=found, expected=f"≤ {MAX_CLAIMS} × {_MAX_COLUMNS}"))
        return _Table(file, [])
    cleaned = [[_clean(cell) if len(cell) <= 10 * MAX_CELL else cell for cell in line] for line in lines]
    for number, line in enumerate(cleaned, start=1):
        for cell in line:
            if len(cell) > MAX_CELL:
                problems.append(Problem("cell_too_long", file, number, found=f"{cell[:60]}…", expected=f"≤ {MAX_CELL}"))
                return _Table(file, [])
    widest = max((len(line) for line in cleaned), default=0)
    kept = [i for i in range(widest) if any(i < len(line) and line[i] for line in cleaned)]
    if not cleaned or not any(cleaned[0]):
        problems.append(Problem("empty_file", file, expected=", ".join(_REQUIRED["claims"])))
        return _Table(file, [])
    place = {old: new for new, old in enumerate(kept)}
    table = [[line[i] for i in kept if i < len(line)] for line in cleaned]
    return _Table(file, table, frozenset((r, place[c]) for r, c in numbers if c in place))


def _clean(text: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") and c != "\u200d" else c for c in text)


def _starts_with(path: Path, start: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False


def _words(words: spellings.Words, code: str) -> str:
    return " / ".join(dict.fromkeys((*words[code][0][:1], *words[code][1][:1], code)))


# --- from tables to a document


class _Reader:
    """Reads the tables of one document; every step adds what is wrong to `problems`."""

    def __init__(self, path: Path, tables: Mapping[str, _Table], number_format: str, problems: Problems, notes: list[Note]):
        self.name, self.number_format, self.problems, self.notes = path.name, number_format, problems, notes
        self.stem = _clean(path.stem if path.suffix and not path.is_dir() else path.name).replace("/", "-") or "document"
        self.tables = tables
        self.dimensions: dict[str, str] = {}  # field: name
        self.rows = {name: self._rows(name) for name in ("claims", "rules", "measures", "categories", "sources")}
        self.measure_codes: dict[str, str] = {}  # by name key
        self.categories: dict[str, dict[str, str]] = {d: {} for d in self.dimensions}
        self.labels: dict[str, dict[str, str]] = {}

    def document(self) -> OwnDocument | None:
        claims = self.rows["claims"]
        if not claims:
            if not self.problems:
                self.problems.append(Problem("no_rows", self.tables["claims"].file, expected="≥ 1"))
            return None
        sources = self._sources()
        self._learn_names()
        measures, units, unit_of_row = self._measures()
        partitions, rule_labels, adding = self._partitions(measures)
        for code, dimensions in adding.items():
            found = measures[code]
            measures[code] = replace(found, adds_up_over=found.adds_up_over | dimensions, nested_over=found.nested_over | dimensions)
        vocabulary = OwnVocabulary(
            dimensions=self.dimensions, measures=measures, categories=self.categories, partitions=partitions, labels=self.labels,
            units=units, rates=self.rates, rule_labels=rule_labels,
        )  # fmt: skip
        pairs = [self._canonical(row, sources, unit_of_row) for row in claims]
        read = Problems()
        found = list(read_claims([pair for pair in pairs if pair], vocabulary, read))
        told = {(p.file, p.row, p.column) for p in self.problems}
        self.problems += [p for p in read if (p.file, p.row, p.column) not in told]
        order = list(sources)
        rows = {f"{source.source_id}/{row['claim_id']}": row.number for row, source in filter(None, pairs)}
        found.sort(key=lambda claim: (order.index(claim.source_id), claim.sort_key))
        self._note_numbers()
        self._note_names_alike()
        return OwnDocument(self.name, Published(vocabulary, sources, tuple(found)), tuple(self.notes), rows)

    def _rows(self, name: str) -> list[Row]:
        if name not in self.tables or not self.tables[name].lines:
            return []
        table, headers = self.tables[name], spellings.HEADERS[name]
        codes = spellings.codes_by_key(headers)

        def read_header(text: str) -> str:
            words = text.replace("_", " ").strip()
            mark = next((mark for mark in spellings.DIMENSION_MARKS if words.casefold().startswith(mark)), "")
            if name == "claims" and mark and words[len(mark) :].strip():
                return self._dimension(words[len(mark) :].strip(), new=True)
            return codes.get(spellings.key(text), text)

        required = _REQUIRED[name]
        optional = tuple(code for code in headers if code not in required)
        also = self.dimensions.__contains__
        return list(table_rows(table.file, table.lines, required, optional, self.problems, read_header=read_header, also=also))

    def _dimension(self, name: str, *, new: bool = False) -> str:
        """The field of a dimension, "" where there is none of this name."""
        for mark in spellings.DIMENSION_MARKS:
            if not new and name.casefold().startswith(mark):
                name = name[len(mark) :]
        wanted = spellings.name_key(name)
        for found, known in self.dimensions.items():
            if spellings.name_key(known) == wanted:
                return found
        if not new:
            return ""
        made = f"by_{len(self.dimensions) + 1}"
        self.dimensions[made] = name
        return made

    def _wrong(self, row: Row, message: str, column: str, **told: str) -> None:
        self.problems.append(row.problem(message, column, **told))

    # names

    def _learn_names(self) -> None:
        """Every measure and category that the document speaks of."""
        for row in self.rows["measures"]:
            if not row["code"]:
                self._wrong(row, "empty_cell", "code")
            elif spellings.name_key(row["code"]) in self.measure_codes:
                self._wrong(row, "id_twice", "code")
            else:
                code = self._measure(row["code"], new=True)
                self.labels[code] = {"vi": row["label_vi"] or row["label_en"] or row["code"], "en": row["label_en"] or row["label_vi"] or row["code"]}
        for row in self.rows["claims"]:
            if row["measure"]:
                self._measure(row["measure"], new=True)
        for row in self.rows["categories"]:
            dimension = self._dimension(row["dimension"])
            if not dimension:
                self._unknown_dimension(row)
            elif not row["category"]:
                self._wrong(row, "empty_cell", "category")
            else:
                self._category(dimension, row["category"])
        unions = []
        for row in self.rows["claims"]:
            for dimension in self.dimensions:
                text = row[dimension]
                if "+" in text:
                    unions.append((dimension, text))
                elif text and spellings.key(text) not in _ALL:
                    self._category(dimension, text)
        for dimension, text in unions:
            for part in self._union(dimension, text):
                self._category(dimension, part)
        listed = {self._measure(row["code"]): self._dimension(row["list_of"]) for row in self.rows["measures"] if row["code"] and row["list_of"]}
        for row in self.rows["claims"]:
            if dimension := listed.get(self._measure(row["measure"])):
                for name in row.codes("items"):
                    self._category(dimension, name)

    def _measure(self, name: str, *, new: bool = False) -> str:
        wanted = spellings.name_key(name)
        if new and wanted not in self.measure_codes:
            code = name.translate(_LOOKS_ALIKE)
            self.measure_codes[wanted] = code
            self.labels.setdefault(code, {"vi": name, "en": name})
        return self.measure_codes.get(wanted, "")

    def _category(self, dimension: str, name: str) -> str:
        wanted = spellings.name_key(name)
        code = self.categories[dimension].setdefault(wanted, name.translate(_LOOKS_ALIKE))
        self.labels.setdefault(code, {"vi": name, "en": name})
        return code

    def _union(self, dimension: str, text: str) -> list[str]:
        """The categories that a text joins by "+", which may also belong to a name: "65+", "R+D"."""
        parts = [part.strip() for part in text.split(" + " if " + " in text else "+")]
        joined = all(parts) and (" + " in text or all(spellings.name_key(part) in self.categories[dimension] for part in parts))
        return parts if joined else [text]

    def _codes(self, dimension: str, text: str) -> str:
        """A cell of a dimension as a code, `all` or a union; "" where a category is not known."""
        if not text or spellings.key(text) in _ALL:
            return ALL
        codes = [self.categories[dimension].get(spellings.name_key(part), "") for part in self._union(dimension, text)]
        return "+".join(codes) if all(codes) else ""

    def _category_names(self, dimension: str) -> list[str]:
        return [self.labels[code]["vi"] for code in self.categories[dimension].values()]

    def _measure_names(self) -> list[str]:
        return [code for code in self.measure_codes.values()]

    def _unknown_dimension(self, row: Row) -> None:
        if not row["dimension"]:
            self._wrong(row, "empty_cell", "dimension", expected=", ".join(self.dimensions.values()))
            return
        names = list(self.dimensions.values())
        self._wrong(row, "unknown_code", "dimension", expected=", ".join(names), near=nearest(row["dimension"], names))

    # sources

    def _sources(self) -> dict[str, Source]:
        found: dict[str, tuple[datetime.date | None, Source]] = {}
        formats, trusts = spellings.codes_by_key(spellings.FORMATS), spellings.codes_by_key(spellings.TRUST)
        for row in self.rows["sources"]:
            source_id = row["source_id"]
            if not source_id or "/" in source_id or len(source_id) > 60:
                self._wrong(row, "bad_form", "source_id", expected="1–60, ≠ /")
                continue
            if source_id in found:
                self._wrong(row, "id_twice", "source_id")
                continue
            declared = formats.get(spellings.key(row["number_format"]), row["number_format"])
            if declared not in ("", *NUMBER_FORMATS):
                near = nearest(declared, NUMBER_FORMATS)
                self._wrong(row, "unknown_code", "number_format", expected="vi (1.234,5), en (1,234.5)", near=near)
                declared = ""
            published = _date(row["published"])
            if row["published"] and published is None:
                self._wrong(row, "bad_form", "published", expected="YYYY-MM-DD")
            read = row.read_as({"trust": _trust_text(row["trust"], trusts)})
            trust = read_trust(read, Fraction(1), self.problems)
            found[source_id] = published, _source(source_id, row["title"] or source_id, declared or self.number_format, published, trust)
        if not self.rows["sources"]:
            named = dict.fromkeys(row["source"] for row in self.rows["claims"] if row["source"])
            for source_id in named or [self.stem[:60]]:
                if "/" in source_id or len(source_id) > 60:
                    row = next(row for row in self.rows["claims"] if row["source"] == source_id)
                    self._wrong(row, "bad_form", "source", expected="1–60, ≠ /")
                found[source_id] = None, _source(source_id, source_id, self.number_format, None, Fraction(1))
        newest_first = sorted(found.values(), key=lambda pair: -(pair[0] or datetime.date.min).toordinal())
        return {source.source_id: source for _, source in newest_first}

    # measures and their units

    def _measures(self) -> tuple[dict[str, Measure], dict[str, list[str]], dict[int, str]]:
        """The measures, the units each is printed in, and the unit of every row of claims."""
        relations = spellings.codes_by_key(spellings.RELATIONS)
        units: dict[str, list[str]] = {code: [] for code in self.measure_codes.values()}
        unit_of_row: dict[int, str] = {}
        stated: dict[str, list[tuple[Row, Unit]]] = {code: [] for code in units}
        averages: dict[str, list[tuple[Row, Unit]]] = {code: [] for code in units}
        for row in self.rows["claims"]:
            relation, measure = relations.get(spellings.key(row["relation"]), "value" if not row["relation"] else ""), self._measure(row["measure"])
            if not row["unit"] or not measure or relation in ("list", "qualitative"):
                continue
            text = _PER.sub("", row["unit"]) or row["unit"] if relation == "average" else row["unit"]
            unit, near = _unit(text)
            if unit is None:
                self._wrong(row, "unknown_unit", "unit", expected=_UNIT_FORMS, near=near)
                continue
            unit_of_row[row.number] = unit.code
            if relation == "ratio" and unit.family != "count":  # its two numbers are exact
                self._wrong(row, "unit_unfit", "unit", expected="count, count …")
            elif relation in ("value", "difference", "ratio"):
                stated[measure].append((row, unit))
            elif relation == "average":
                averages[measure].append((row, unit))
        for code in units:
            self._one_kind_of_unit(code, stated[code], averages[code], units, unit_of_row)
        return self._declared(units), units, unit_of_row

    def _one_kind_of_unit(
        self, code: str, stated: list[tuple[Row, Unit]], averages: list[tuple[Row, Unit]], units: dict[str, list[str]], unit_of_row: dict[int, str]
    ) -> None:
        """All claims of a measure are printed in units that can be added; other units are problems."""
        kinds = Counter(_kind(unit) for _, unit in stated or averages)
        words = {word for family, word in kinds if family == "count" and word}
        if len(words) == 1 and ("count", "") in kinds:  # "count" beside "count người"
            kinds["count", *words] += kinds.pop(("count", ""))
        if not kinds:
            return
        agreed = max(kinds, key=lambda kind: kinds[kind])
        example = next(row["unit"] for row, unit in stated or averages if _same(unit, agreed))
        for row, unit, averaged in [*((*pair, False) for pair in stated), *((*pair, True) for pair in averages)]:
            if agreed[0] == "count" and unit.family in ("count", "amount") and (_same(unit, agreed) or averaged):
                unit = own_unit(agreed[1], size=unit.scale, family="count") if agreed[1] else UNITS["count"]
            if agreed[0] == "percent" and unit.family == "percentage_point":  # a difference of rates
                unit = UNITS["percent"]
            if _kind(unit) != agreed:
                self._wrong(row, "units_differ", "unit", expected=example, near=example)
                continue
            unit_of_row[row.number] = unit.code
            if unit.code not in units[code]:
                units[code].append(unit.code)

    def _declared(self, units: Mapping[str, Sequence[str]]) -> dict[str, Measure]:
        kinds = spellings.codes_by_key(spellings.KINDS)
        declared = {self._measure(row["code"]): row for row in self.rows["measures"] if row["code"]}
        self.rates: set[str] = set()
        self.kinds: dict[str, str] = {}
        found = {}
        for code in self.measure_codes.values():
            row = declared.get(code)
            kind = kinds.get(spellings.key(row["kind"]), "") if row else ""
            if row and row["kind"] and not kind:
                words = [word for languages in spellings.KINDS.values() for language in languages for word in language]
                self._wrong(row, "unknown_code", "kind", expected=f"{TOTAL}, {RATE}", near=nearest(row["kind"], words))
            family = UNITS[units[code][0]].family if units[code] else "amount"
            is_share = family in ("percent", "percentage_point")
            if is_share and kind == TOTAL:
                self._wrong(row, "share_is_no_total", "kind", expected=RATE)
            if is_share or kind == RATE:
                self.rates.add(code)
            adds_up_over, nested_over = (self._listed(row, column) if row else frozenset() for column in ("adds_up_over", "nested_over"))
            if code in self.rates and (adds_up_over or nested_over):
                self._wrong(row, "rate_adds_up", "adds_up_over" if adds_up_over else "nested_over", expected='""')
            counted = family == "count" and code not in self.rates
            if kind == TOTAL or counted:
                nested_over |= frozenset(self.dimensions)
            self.kinds[code] = RATE if code in self.rates else kind or ("count" if counted else "")
            list_of = self._list_of(row) if row and row["list_of"] else ""
            found[code] = Measure(code, units[code][0] if units[code] else _NO_UNIT, adds_up_over, nested_over | adds_up_over, list_of)
            if list_of and not units[code]:
                found[code] = replace(found[code], unit="count")
        return found

    def _listed(self, row: Row, column: str) -> frozenset[str]:
        """The dimensions, and `period`, that a cell names."""
        found = set()
        for name in row.codes(column):
            dimension = "period" if spellings.key(name) in spellings.codes_by_key(spellings.PERIODS) else self._dimension(name)
            if dimension:
                found.add(dimension)
            else:
                names = [*self.dimensions.values(), "period"]
                self._wrong(row, "unknown_code", column, found=name, expected=", ".join(names), near=nearest(name, names))
        return frozenset(found)

    def _list_of(self, row: Row) -> str:
        dimension = self._dimension(row["list_of"])
        if not dimension:
            names = list(self.dimensions.values())
            self._wrong(row, "unknown_code", "list_of", expected=", ".join(names), near=nearest(row["list_of"], names))
        return dimension

    # rules

    def _partitions(self, measures: Mapping[str, Measure]) -> tuple[list[Partition], dict[str, str], dict[str, frozenset[str]]]:
        """The declared partitions, what each says, and what rules about years say adds up."""
        found: list[Partition] = []
        labels: dict[str, str] = {}
        adding: dict[str, frozenset[str]] = {}
        for row in self.rows["rules"]:
            rule_id = (row["rule_id"] or str(row.number - 1)).translate(_LOOKS_ALIKE)
            if rule_id in labels:
                self._wrong(row, "id_twice", "rule_id")
                continue
            labels[rule_id] = row["label"]
            dimension = "period" if spellings.key(row["dimension"]) in spellings.codes_by_key(spellings.PERIODS) else self._dimension(row["dimension"])
            if not dimension:
                self._unknown_dimension(row)
                continue
            if dimension == "period":
                for column in ("whole", "parts"):
                    if row[column]:
                        self._wrong(row, "cell_not_empty", column, expected='""')
                for code in self._bound(row, dimension, measures):
                    adding[code] = adding.get(code, frozenset()) | {dimension}
                continue
            whole, parts = self._codes(dimension, row["whole"]), self._parts(row, dimension)
            if not whole:
                self._unknown_category(row, "whole", row["whole"], dimension)
            elif whole in parts:
                self._wrong(row, "whole_is_part", "whole")
            for code in self._bound(row, dimension, measures):
                if dimension in measures[code].adds_up_over:
                    self._wrong(row, "rule_and_adds_up", "dimension")
                found.append(Partition(rule_id, code, dimension, whole or ALL, parts))
        return [*found, *self._of_unions(found)], labels, adding

    def _parts(self, row: Row, dimension: str) -> tuple[str, ...]:
        parts: list[str] = []
        texts = row.codes("parts")
        if len(texts) < 2:
            self._wrong(row, "too_few_parts", "parts", expected="… ; …")
        for text in texts:
            code = self.categories[dimension].get(spellings.name_key(text), "")
            if not code:
                self._unknown_category(row, "parts", text, dimension)
            elif code in parts:
                self._wrong(row, "item_twice", "parts", found=text, expected="1 ×")
            else:
                parts.append(code)
        return tuple(parts)

    def _unknown_category(self, row: Row, column: str, text: str, dimension: str) -> None:
        names = self._category_names(dimension)
        self._wrong(row, "unknown_category", column, found=text, expected=", ".join(names), near=nearest(text, names))

    def _bound(self, row: Row, dimension: str, measures: Mapping[str, Measure]) -> list[str]:
        """The measures that a rule binds: the one it names; or every one that speaks of the dimension and is no rate."""
        if row["measure"]:
            code = self._measure(row["measure"])
            if not code:
                names = self._measure_names()
                self._wrong(row, "unknown_code", "measure", expected=", ".join(names), near=nearest(row["measure"], names))
                return []
            if code in self.rates:
                self._wrong(row, "rate_adds_up", "measure")
                return []
            return [code]
        speaking = []
        for claim in self.rows["claims"]:
            code = self._measure(claim["measure"])
            speaks = dimension == "period" or self._codes(dimension, claim[dimension]) != ALL
            if code and speaks and code not in speaking and code not in self.rates:
                speaking.append(code)
        unclear = [code for code in speaking if not self.kinds[code]]
        if unclear and len(speaking) > 1:
            self._wrong(row, "rule_needs_measure", "measure", expected=", ".join(speaking))
            return []
        return speaking

    def _of_unions(self, partitions: Sequence[Partition]) -> Iterator[Partition]:
        """A union of some parts of a partition is the sum of these."""
        spoken = {(d, code) for row in self.rows["claims"] for d in self.dimensions if "+" in (code := self._codes(d, row[d]))}
        for dimension, union in sorted(spoken):
            pieces = set(union.split("+"))
            for partition in partitions:
                if partition.dimension == dimension and pieces < set(partition.parts):
                    ordered = tuple(code for code in self.categories[dimension].values() if code in pieces)
                    yield replace(partition, whole="+".join(ordered), parts=ordered)

    # claims

    def _canonical(self, row: Row, sources: Mapping[str, Source], unit_of_row: Mapping[int, str]) -> tuple[Row, Source] | None:
        """A row with codes where words were typed, and its source; None where the source is not known."""
        cells = {dimension: self._codes(dimension, row[dimension]) for dimension in self.dimensions}
        cells |= {"centre": _CENTRE, "claim_id": row["claim_id"], "locator": row["locator"] or str(row.number)}
        if "claim_id" not in self._headers:
            cells["claim_id"] = str(row.number - 1)
        for column, words, valid in (
            ("relation", spellings.RELATIONS, _RELATIONS), ("direction", spellings.DIRECTIONS, None), ("hedge", spellings.HEDGES, None),
            ("rounding", spellings.ROUNDINGS, None),
        ):  # fmt: skip
            cells[column] = self._code_of(row, column, words, valid or tuple(words))
        if not row["relation"] and "relation" not in self._headers:
            cells["relation"] = "value"
        cells["measure"] = self._measure(row["measure"])
        if not row["measure"]:
            self._wrong(row, "empty_cell", "measure")
        if row["unit"] and row.number in unit_of_row:
            cells["unit"] = unit_of_row[row.number]
        cells["trust"] = _trust_text(row["trust"], spellings.codes_by_key(spellings.TRUST))
        if row["whole"]:
            cells["whole"] = self._whole(row, cells)
        if row["items"] and cells["measure"]:
            cells["items"] = self._items(row, cells["measure"])
        source = self._source_of(row, sources)
        if source is None:
            return None
        if self._is_number(row, "printed"):
            source = replace(source, number_format="en")  # a number of a spreadsheet is written with a decimal point here
        return row.read_as(cells), source

    @property
    def _headers(self) -> set[str]:
        """The columns that the claims table has."""
        codes = spellings.codes_by_key(spellings.HEADERS["claims"])
        return {codes.get(spellings.key(text), "") for text in self.tables["claims"].lines[0]}

    def _code_of(self, row: Row, column: str, words: spellings.Words, valid: tuple[str, ...]) -> str:
        text = row[column]
        code = spellings.codes_by_key(words).get(spellings.key(text), "")
        if text and code not in valid:
            known = [word for languages in words.values() for language in languages for word in language]
            self._wrong(row, "unknown_code", column, expected=", ".join(_words(words, code) for code in valid), near=nearest(text, [*valid, *known]))
            return text
        if not text and column == "relation" and column in self._headers:
            self._wrong(row, "empty_cell", column, expected=", ".join(_words(words, code) for code in valid))
        return code

    def _whole(self, row: Row, cells: Mapping[str, str]) -> str:
        """What a share is of, as `dimension=code`, `measure=code` or `?…`."""
        text = row["whole"]
        if text.startswith(UNSTATED):
            return text
        name, equals, value = (part.strip() for part in text.partition("="))
        if equals:
            if spellings.codes_by_key(spellings.HEADERS["claims"]).get(spellings.key(name)) == "measure":
                return self._whole_measure(row, value)
            dimension = self._dimension(name)
            if not dimension:
                names = ["measure", *self.dimensions.values()]
                self._wrong(row, "bad_form", "whole", expected=", ".join(f"{n}=…" for n in names), near=nearest(name, names))
                return ""
            code = self._codes(dimension, value)
            if not code:
                self._unknown_category(row, "whole", value, dimension)
            return f"{dimension}={code}" if code else ""
        broken_down = [dimension for dimension in self.dimensions if cells[dimension] != ALL]
        if spellings.key(text) in _ALL and len(broken_down) == 1:
            return f"{broken_down[0]}={ALL}"
        meant = [f"measure={code}" for code in [self._measure(text)] if code]
        meant += [f"{d}={code}" for d in self.dimensions if (code := self.categories[d].get(spellings.name_key(text)))]
        if len(meant) == 1:
            return meant[0]
        forms = ["measure=…", *(f"{name}=…" for name in self.dimensions.values()), "?", "?…"]
        names = [*self._measure_names(), *(name for d in self.dimensions for name in self._category_names(d))]
        self._wrong(row, "bad_form", "whole", expected=", ".join(forms), near=nearest(text, names))
        return ""

    def _whole_measure(self, row: Row, name: str) -> str:
        code = self._measure(name)
        if not code:
            names = self._measure_names()
            self._wrong(row, "unknown_code", "whole", found=name, expected=", ".join(names), near=nearest(name, names))
        return f"measure={code}" if code else ""

    def _items(self, row: Row, measure: str) -> str:
        declared = next((r for r in self.rows["measures"] if r["code"] and self._measure(r["code"]) == measure), None)
        dimension = self._dimension(declared["list_of"]) if declared else ""
        if not dimension:
            self._wrong(row, "list_of_what", "items", expected="list_of")
            return ""
        return ";".join(self._category(dimension, name) for name in row.codes("items"))

    def _source_of(self, row: Row, sources: Mapping[str, Source]) -> Source | None:
        if not row["source"] and len(sources) == 1:
            return next(iter(sources.values()))
        if row["source"] in sources:
            return sources[row["source"]]
        message = "unknown_code" if row["source"] else "empty_cell"
        self._wrong(row, message, "source", expected=", ".join(sources), near=nearest(row["source"], sources))
        return None

    def _is_number(self, row: Row, column: str) -> bool:
        table = self.tables["claims"]
        header = row.typed[column][0]
        return (row.number - 1, table.lines[0].index(header)) in table.numbers

    def _note_numbers(self) -> None:
        numbers = [row.number for row in self.rows["claims"] if self._is_number(row, "printed")]
        if numbers:
            told = ", ".join(map(str, numbers[:12])) + (", …" if len(numbers) > 12 else "")
            self.notes.append(Note("numbers", {"rows": told}))

    def _note_names_alike(self) -> None:
        """Two names that may be one, mistyped; names that differ by a number are not."""
        for codes in (self.measure_codes, *self.categories.values()):
            names = sorted(self.labels[code]["vi"] for code in codes.values())
            for place, name in enumerate(names[:_MOST_COMPARED]):
                for other in names[place + 1 : _MOST_COMPARED]:
                    if _are_alike(name, other):
                        self.notes.append(Note("alike", {"first": name, "second": other}))


_MOST_COMPARED = 200
_UNIT_FORMS = "%, count, triệu đồng, million VND, kWh, nghìn tấn, million EUR, …"


def _unit(text: str) -> tuple[Unit | None, str]:
    """The unit that a cell names; where it cannot be read, None and what it may have meant."""
    wanted = spellings.key(text)
    if wanted in _UNIT_CODES:
        return UNITS[_UNIT_CODES[wanted]], ""
    for mark in ("count", "so dem"):
        if wanted.startswith(mark + " "):
            rest = text.split(" ", len(mark.split()))[-1]
            size, word = _sized(rest)
            return (own_unit(word, size=size, family="count"), "") if _is_word(word) else (None, "count")
    size, word = _sized(text)
    if size > 1 and spellings.key(word) in ("dong", "vnd", "d"):
        return UNITS[_MONEY[size]], ""
    if size == 1:
        if near := _near(wanted, _UNIT_CODES):
            return None, _SPELLED.get(near, near)
        first, space, rest = text.partition(" ")
        if space and (near := _near(spellings.key(first), _SIZES)):
            return None, f"{_SIZE_SPELLED[near]} {rest}"
    elif near := _near(spellings.key(word), ("dong", "vnd")):
        return None, spellings.template_word(spellings.UNITS, _MONEY[size], "vi" if near == "dong" else "en")
    return (own_unit(word, size=size), "") if _is_word(word) else (None, "")


def _sized(text: str) -> tuple[int, str]:
    first, _, rest = text.partition(" ")
    size = _SIZES.get(spellings.key(first), 1)
    return (size, rest.strip()) if size > 1 else (1, text)


def _are_alike(first: str, second: str) -> bool:
    """Whether the names differ in diacritics only, in the order of letters, or by one letter that is missing."""
    shorter, longer = sorted((spellings.key(first), spellings.key(second)), key=len)
    if len(shorter) < 4 or re.sub("[^0-9]", "", shorter) != re.sub("[^0-9]", "", longer):
        return False
    if len(shorter) == len(longer):
        return sorted(shorter) == sorted(longer)
    return len(longer) == len(shorter) + 1 and any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def _near(wanted: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(wanted, sorted(known), n=1, cutoff=0.8)), "") if len(wanted) > 2 else ""


def _is_word(word: str) -> bool:
    return 0 < len(word) <= 40 and any(c.isalpha() for c in word) and spellings.key(word) not in _SIZES


def _kind(unit: Unit) -> tuple[str, str]:
    return unit.family, unit.word


def _same(unit: Unit, kind: tuple[str, str]) -> bool:
    return _kind(unit) == kind or (kind[0] == "count" and _kind(unit) == ("count", ""))


def _source(source_id: str, title: str, number_format: str, published: datetime.date | None, trust: Fraction | None) -> Source:
    return Source(source_id, title, title, "", published or datetime.date.min, number_format, "", "", "", trust)


def _date(text: str) -> datetime.date | None:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    return None


def _trust_text(text: str, words: Mapping[str, str]) -> str:
    return words.get(spellings.key(text), text.replace(",", "."))
