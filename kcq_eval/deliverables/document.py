"""The report as a document on paper: chapters, figures, tables and references between them, made once for Word and PDF alike.

The chapters are those that Vietnamese evaluation reports have: context, results, consistency, assessment, recommendations, annexes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kcq_eval import tables
from kcq_eval.deliverables.blocks import Block, Figure, Heading, Items, Line, Outline, Page, Paragraph, Span, Table, plain_line
from kcq_eval.deliverables.contents import AUDIT, Contents
from kcq_eval.deliverables.erratum import erratum_table
from kcq_eval.evaluation import Evaluation
from kcq_eval.numbers import NBSP
from kcq_eval.parameters import FOLDERS
from kcq_eval.statements import mark_key
from kcq_eval.texts import Texts

_BESIDE = {AUDIT: ("conflicts", "explanations"), "province_coverage": ("provinces",)}  # tables that stand in their chapter
_LYING = ("verdicts", "checkability")  # wide tables of the audit, on lying pages of the annex
_NUMERAL = re.compile(r"[+−±≥≤]?\s?\d[\d.,]*(?:(?:[–/]|\s(?:đến|to)\s)[−]?\d[\d.,]*)?(?:\s(?:%|\*|[^\W\d]+))*")
_LETTERS = {False: 80, True: 128}  # letters that a line of a table holds, upright and lying
_WORD = 18  # letters of the longest word that is kept on one line
_BEFORE_WORD = re.compile(NBSP + r"(?![%*])")
_BREAKS = re.compile(r"[ ]|(?<=-)")  # where a line may end
_COMPARED = (  # row of the comparison, before, now, change
    ("schemes", "schemes.baseline", "schemes.current", ""),
    ("funding", "funding.baseline", "funding.current", "funding.growth.nominal"),
    ("funding_cpi", "funding.repriced.cpi", "funding.current", "funding.growth.cpi"),
    ("funding_gdp_deflator", "funding.repriced.gdp_deflator", "funding.current", "funding.growth.gdp_deflator"),
    ("per_facility", "funding.per_facility.baseline.nominal", "funding.per_facility.current", "funding.per_facility.growth.nominal"),
    ("facilities", "facilities.baseline", "facilities.current", "facilities.growth"),
    ("facility_share", "facilities.share.baseline", "facilities.share.current", ""),
    ("mix", "mix.share.baseline.{type}", "mix.share.current.{type}", "mix.change.{type}"),
    ("effective_types", "mix.effective_types.baseline", "mix.effective_types.current", ""),
    ("coverage_63", "coverage.63.baseline", "coverage.63.current", ""),
    ("coverage_34", "coverage.34.baseline", "coverage.34.current", ""),
)


@dataclass(frozen=True)
class Document:
    """The report, laid out but in no format yet.

    Attributes:
        blocks: Headings, paragraphs, lists, figures, tables in reading order.
        footer: The line at the foot of a page, with the holes {page} and {pages}.
        labels: What figures and tables are called, before their number: ("Hình", "Bảng").
    """

    title: str
    subtitle: str
    language: str
    footer: str
    outline: str
    labels: tuple[str, str]
    blocks: tuple[Block, ...]

    def named(self) -> dict[str, str]:
        """The label of every figure and table by its id."""
        return {block.id: block.label for block in self.blocks if isinstance(block, Figure | Table)}


def build_document(contents: Contents, *, letter: str = "") -> Document:
    """The whole report.

    Args:
        letter: Name of the letter that lies beside the report, "" where there is none.
    """
    texts = contents.texts
    labels = tuple(texts(f"report.{what}", number="").strip() for what in ("figure", "table"))
    footer = texts("document.page", page="{page}", pages="{pages}")
    blocks = _Report(contents, letter).blocks()
    return Document(contents.titled("report.title"), texts("report.subtitle"), texts.language, footer, texts("report.contents"), labels, blocks)


def marks_key(evaluation: Evaluation) -> str:
    """Key of what the asterisk stands for, below `report.`; "" where nothing is marked."""
    depends, corrected = bool(evaluation.set_aside), bool(evaluation.ledger.confirmed)
    return mark_key(depends, corrected) if depends or corrected else ""


def shortcoming_key(evaluation: Evaluation) -> str:
    """Key of what is told where the figures as printed cannot all be true, below `report.`; "" where they can."""
    if evaluation.audit.verdict != "contradicted":
        return ""
    return "shortcoming_corrected" if evaluation.corrected.verdict == "consistent" else "shortcoming_audit"


def source_rows(evaluation: Evaluation, texts: Texts) -> list[dict[str, str]]:
    """Every source with its id, title, and publisher and date or number of rows."""
    register = evaluation.register
    own = [] if register is None else [
        {"id": register.source_id, "title": evaluation.titled(texts("report.register"), texts), "about": texts("report.register_rows", count=len(register.facts))}
    ]
    return own + [
        {
            "id": source.source_id,
            "title": source.title(texts.language),
            "about": texts("report.published_on", publisher=source.publisher, date=texts.date(source.published)),
        }
        for source in evaluation.published.sources.values()
    ]


@dataclass
class _Report:
    contents: Contents
    letter: str
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.texts, self.evaluation = self.contents.texts, self.contents.evaluation
        for number, figure in enumerate(self.contents.figures(), start=1):
            label = self.texts("report.figure", number=number)
            alt = f"{figure['alt']}. {figure['caption']}".replace("..", ".")
            self.figures[figure["name"]] = Figure(f"figure-{figure['name']}", label, f"{figure['title']}.", figure["name"], alt)
        self._gather_tables()

    def blocks(self) -> tuple[Block, ...]:
        chapters = (self._summary, self._context, self._results, self._audit, self._assessment, self._recommendations, self._annex)
        return tuple(block for chapter in chapters for block in chapter() if block != Items(()))

    # tables are gathered first, in the order in which they will stand, so that a text can name one that comes later

    def _gather_tables(self) -> None:
        contents, texts = self.contents, self.texts
        beside, upright, lying = [], [], []
        self._notes = {f"{part['chapter']}-{table['name']}": table["note"] for part in contents.parts for table in part["tables"]}
        for part in contents.parts:
            for table in part["tables"]:
                frame = pd.DataFrame(table["rows"], columns=table["columns"], dtype=object)
                chapter = part["chapter"]
                if table["name"] == "numbers":
                    upright.append((f"{chapter}-numbers", texts("document.indicators", chapter=texts(f"chapter.{chapter}.title")), frame))
                elif table["name"] in _BESIDE.get(chapter, ()):
                    beside.append((f"{chapter}-{table['name']}", table["title"], frame))
                elif table["name"] in _LYING:
                    lying.append((f"{chapter}-{table['name']}", table["title"], frame))
                elif table["name"] != "claims":  # all claims stand in one table
                    upright.append((f"{chapter}-{table['name']}", table["title"], frame))
        audit = [table for table in beside if table[0].startswith(AUDIT)]
        compared = ("comparison", contents.titled("document.comparison.title"), self._comparison())
        claims = ("claims", texts("table.claims"), tables.claims_table(self.evaluation.published.claims, self.evaluation, texts))
        erratum = [("erratum", texts("report.erratum"), erratum_table(self.evaluation, texts))] if self.evaluation.ledger else []
        ordered = [*(table for table in beside if table not in audit), compared, *audit, *upright, claims, *lying, *erratum]
        for name, caption, frame in ordered:
            if len(frame):
                label = texts("report.table", number=len(self.tables) + 1)
                lying_page = any(name == other for other, _, _ in (claims, *lying, *erratum))
                self.tables[name] = _table(name, label, caption, frame, texts("not_reported"), landscape=lying_page)
        self._upright = [name for name, _, _ in upright if name in self.tables]
        self._lying = [name for name, _, _ in (claims, *lying, *erratum) if name in self.tables]

    def _comparison(self) -> pd.DataFrame:
        """Both periods side by side; a row of which one is not known says so, one of which neither is known is left out."""
        texts, rows = self.texts, []
        say = lambda key, **values: texts(f"document.comparison.{key}", **values)  # noqa: E731
        for row, before, now, change in _COMPARED:
            for code in self._support_types() if "{type}" in now else [""]:
                ends = [self._number(number_id.replace("{type}", code)) for number_id in (before, now)]
                if any(ends):
                    told = self._number(change.replace("{type}", code), "change") if change and all(ends) else ""
                    name = say(row, type=texts.label(code)) if code else say(row)
                    rows.append((name, *(end or texts("not_reported") for end in ends), told))
        return pd.DataFrame(rows, columns=[say(head) for head in ("indicator", "before", "now", "change")], dtype=object)

    def _support_types(self) -> list[str]:
        return [number_id.rpartition(".")[2] for number_id in self.contents.numbers if number_id.startswith("mix.share.current.")]

    def _number(self, number_id: str, form: str = "") -> str:
        return self.contents.number(number_id, form) if number_id in self.contents.numbers else ""

    # the chapters

    def _summary(self) -> Iterator[Block]:
        yield Outline()
        yield Page()
        yield Heading(1, self.texts("report.findings"), "summary", numbered=False)
        yield _items(finding["text"] for part in self.contents.results for finding in part["findings"])
        audit = [finding["text"] for finding in self._part(AUDIT)["findings"] if finding["main"]]
        if audit:
            yield Paragraph((Span(self._part(AUDIT)["title"], bold=True),))
            yield _items(audit)
        yield from self._marks()

    def _context(self) -> Iterator[Block]:
        yield self._chapter("context")
        yield _paragraph(self.texts("report.context_text_register" if self.evaluation.register else "report.context_text"))
        yield from self._see("document.see_claims", tables=["claims"])
        yield from self._own("context")

    def _results(self) -> Iterator[Block]:
        yield self._chapter("results")
        yield from self._own("results")
        for part in self.contents.results:
            chapter = part["chapter"]
            yield Heading(2, part["title"], chapter)
            yield Paragraph(plain_line(part["question"], italic=True))
            yield from map(_paragraph, (finding["text"] for finding in part["findings"]))
            yield from self._shown(part, [f"{chapter}-{table['name']}" for table in part["tables"]])
            yield from self._own(chapter)
        if "comparison" in self.tables:
            yield Heading(2, self.contents.titled("document.comparison.title"), "comparison-section")
            yield from self._see("document.see_comparison", tables=["comparison"])
            yield self.tables["comparison"]
            yield from self._own("comparison")

    def _audit(self) -> Iterator[Block]:
        part = self._part(AUDIT)
        yield self._chapter("audit")
        yield _paragraph(self.texts("chapter.consistency_audit.method"))
        yield from map(_paragraph, (finding["text"] for finding in part["findings"] if finding["main"]))
        yield from self._shown(part, [f"{AUDIT}-{table['name']}" for table in part["tables"]])
        yield _items(finding["text"] for finding in part["findings"] if not finding["main"])
        if self.evaluation.ledger:
            yield Heading(2, self.texts("report.erratum"), "erratum-section")
            yield _paragraph(self.texts("report.erratum_text"))
            yield from self._see("document.see_tables", tables=["erratum"])
        if self.letter:
            yield _paragraph(self.texts("document.letter", file=self.letter))
        yield from self._own(AUDIT)

    def _assessment(self) -> Iterator[Block]:
        texts = self.texts
        yield self._chapter("assessment")
        yield _paragraph(texts("report.assessment_note"))
        yield from self._own("assessment")
        shortcoming = shortcoming_key(self.evaluation)
        more = {"shortcomings": [texts(f"report.{shortcoming}")] if shortcoming else []}
        for side, section in (("up", "strengths"), ("down", "shortcomings")):
            told = [line for part in self.contents.results for direction, line in part["assessment"] if direction == side] + more.get(section, [])
            yield Heading(2, texts(f"report.{section}"), section)
            if told:
                yield _items(told)
            elif section not in self.contents.commentary:
                yield _paragraph(texts("document.none_decided"))
            yield from self._own(section)
        if "causes" in self.contents.commentary:
            yield Heading(2, texts("document.causes"), "causes")
            yield from self._own("causes")
        yield Heading(2, texts("report.limits"), "limits")
        yield _items(self.contents.limits())
        yield from self._own("limits")

    def _recommendations(self) -> Iterator[Block]:
        yield self._chapter("recommendations")
        if "recommendations" in self.contents.commentary:
            yield from self._own("recommendations")
        else:
            yield Paragraph(plain_line(self.texts("report.recommendations_text"), italic=True))

    def _annex(self) -> Iterator[Block]:
        texts = self.texts
        yield Page()
        yield self._chapter("annex")
        yield Heading(2, texts("report.annex_numbers"), "annex-numbers")
        for name in self._upright:
            yield self.tables[name]
            if self._notes.get(name):
                yield Paragraph(plain_line(self._notes[name], italic=True))
        yield Page(landscape=True)
        yield Heading(2, texts("document.figures_and_verdicts"), "annex-claims")
        yield from (self.tables[name] for name in self._lying)
        yield Page()
        yield Heading(2, texts("report.method"), "method")
        told = [f"chapter.{part['chapter']}.numbers" for part in self.contents.results]
        yield from map(_paragraph, map(texts, [*told, "chapter.funding_growth.split", "report.price_source", "report.map_source"]))
        yield Heading(2, texts("report.sources"), "sources")
        rows = source_rows(self.evaluation, texts)
        yield Items(tuple((Span(row["id"], bold=True), Span(f": {row['title']}. {row['about']}.")) for row in rows))
        yield Heading(2, texts("report.parameters"), "parameters")
        parameters = {name: value for name, value in self.evaluation.parameters.model_dump().items() if name not in FOLDERS}
        yield Items(tuple((Span(f"{name}: ", bold=True), Span(str(value))) for name, value in parameters.items()))

    # pieces of chapters

    def _chapter(self, name: str) -> Heading:
        return Heading(1, self.texts(f"report.{name}"), f"{name}-chapter")

    def _part(self, chapter: str) -> dict[str, Any]:
        return self.contents.part(chapter)

    def _own(self, section: str) -> tuple[Block, ...]:
        return self.contents.commentary.get(section, ())

    def _marks(self) -> Iterator[Block]:
        if key := marks_key(self.evaluation):
            yield Paragraph(plain_line(self.texts(f"report.{key}"), italic=True))

    def _shown(self, part: dict[str, Any], names: list[str]) -> Iterator[Block]:
        """A chapter's figures, the tables that stand beside them, and where its other tables are."""
        beside = [f"{part['chapter']}-{name}" for name in _BESIDE.get(part["chapter"], ())]
        figures, elsewhere = [figure["name"] for figure in part["figures"]], [name for name in names if name in self.tables and name not in beside]
        key = "document.see_both" if figures and elsewhere else "document.see_figures" if figures else "document.see_tables"
        if figures or elsewhere:
            yield from self._see(key, figures=figures, tables=elsewhere)
        for name in figures:
            yield self.figures[name]
            if name == "conflict":
                yield _items(next(figure["alt"] for figure in part["figures"] if figure["name"] == name).split("; "))
        yield from (self.tables[name] for name in beside if name in self.tables)

    def _see(self, key: str, *, figures: Sequence[str] = (), tables: Sequence[str] = ()) -> Iterator[Block]:
        """A sentence that names figures and tables, each as a reference."""
        named = {"figures": [self.figures[name] for name in figures], "tables": [self.tables[name] for name in tables if name in self.tables]}
        if not any(named.values()):
            return
        template = self.texts(key, figures="\0figures\0", tables="\0tables\0")
        line: list[Span] = []
        for piece in template.split("\0"):
            line += self._references(named[piece]) if piece in named else [Span(piece)] if piece else []
        yield Paragraph(tuple(line))

    def _references(self, named: Sequence[Figure | Table]) -> Line:
        line = []
        for at, block in enumerate(named):
            if at:
                line.append(Span(f" {self.texts('and')} " if at == len(named) - 1 else ", "))
            line.append(Span(block.label, target=block.id))
        return tuple(line)


def _paragraph(text: str) -> Paragraph:
    return Paragraph(plain_line(text))


def _items(lines) -> Items:
    return Items(tuple(map(plain_line, lines)))


def _table(name: str, label: str, caption: str, frame: pd.DataFrame, not_reported: str, *, landscape: bool) -> Table:
    rows = tuple(tuple(map(_wrapping, row)) for row in frame.itertuples(index=False))
    columns = tuple(frame.columns)
    cells = list(zip(columns, *rows, strict=True))
    right = tuple(at > 0 and _is_numeric(column[1:], not_reported) for at, column in enumerate(cells))
    return Table(f"table-{name}", label, caption, columns, rows, right, _widths(cells, _LETTERS[landscape]))


def _wrapping(cell: str) -> str:
    """A cell is narrow: a number may stand above its unit's words, but not above its % or asterisk."""
    return _BEFORE_WORD.sub(" ", cell)


def _is_numeric(cells: Sequence[str], not_reported: str) -> bool:
    """Whether the column holds numbers, with or without units, so that setting them to the right puts digit under digit."""
    filled = [cell for cell in cells if cell not in ("", not_reported)]
    return bool(filled) and all(_NUMERAL.fullmatch(cell) for cell in filled)


def _widths(columns: Sequence[Sequence[str]], letters: int) -> tuple[float, ...]:
    """Parts of the width: each column has room for its longest word, and every further letter goes where it shortens the table most."""
    import numpy as np

    lengths = np.array([[len(cell) + 1 for cell in column] for column in columns], dtype=float)
    given = np.array([min(_WORD, max(len(word) for cell in column for word in _BREAKS.split(cell))) + 2.5 for column in columns], dtype=float)

    def height(widths: np.ndarray) -> float:  # rows are as high as their highest cell; a power sum is that, but smooth
        return float((((lengths / widths[:, None]) ** 4).sum(axis=0) ** 0.25).sum())

    more = np.eye(len(columns)) * 2
    while given.sum() < letters:
        given = given + min(more, key=lambda step: height(given + step))
    parts = [round(float(width / given.sum()), 4) for width in given]
    return (*parts[:-1], round(1 - sum(parts[:-1]), 4))
