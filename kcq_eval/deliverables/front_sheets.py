"""The workbook's first sheets: what is where, how to read it, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcq_eval.deliverables.contents import Contents
from kcq_eval.deliverables.sheets import DASH, Sheet
from kcq_eval.texts import templates

_ALWAYS = ("digits", "ranges", "bounds", "separators", "percent", "growth", "points", "none", "basis", "claims", "cells", "data")


def front_sheets(contents: Contents, others: Sequence[Sheet]) -> tuple[Sheet, Sheet, Sheet]:
    """Contents, notes and sources; the contents list the two others first, then `others`."""
    texts = contents.texts
    notes, sources = _notes(contents), _sources(contents)
    rows = tuple((texts(f"workbook.sheet.{sheet.name}"), sheet.title) for sheet in (notes, sources, *others))
    told = (texts("report.subtitle"), texts("workbook.contents_note"))
    heads = _heads(contents, "sheet", "content")
    return Sheet("contents", contents.titled("workbook.title.contents"), heads, rows, told), notes, sources


def _notes(contents: Contents) -> Sheet:
    rows = tuple(_note_rows(contents))
    return Sheet("notes", contents.titled("workbook.title.notes"), _heads(contents, "about", "note"), rows)


def _note_rows(contents: Contents) -> Iterator[tuple[str, str]]:
    texts, evaluation = contents.texts, contents.evaluation
    known = templates(texts.language)
    for name in _ALWAYS:
        yield texts(f"workbook.about.{name}"), texts(f"workbook.note.{name}")
    if evaluation.set_aside or evaluation.ledger.confirmed:
        yield texts("workbook.about.star"), texts("workbook.note.star")
    yield texts("workbook.about.context"), texts("report.context_text_register" if evaluation.register else "report.context_text")
    for line in contents.limits():
        yield known["report.limits"], line


def _sources(contents: Contents) -> Sheet:
    evaluation, texts = contents.evaluation, contents.texts
    rows = []
    if evaluation.register is not None:
        title = evaluation.titled(texts("report.register"), texts)
        rows.append((evaluation.register.source_id, title, texts("report.register_rows", count=len(evaluation.register.facts))))
    for source in evaluation.published.sources.values():
        about = texts("report.published_on", publisher=source.publisher, date=texts.date(source.published))
        rows.append((source.source_id, source.title(texts.language), about))
    rows += [(texts(f"workbook.source.{name}"), texts(f"report.{name}_source"), DASH) for name in ("price", "map")]
    return Sheet("sources", contents.titled("workbook.title.sources"), _heads(contents, "source", "title", "publisher"), tuple(rows))


def _heads(contents: Contents, *columns: str) -> tuple[str, ...]:
    return tuple(contents.texts(f"workbook.column.{column}") for column in columns)
