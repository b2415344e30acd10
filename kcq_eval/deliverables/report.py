"""The report: one self-contained HTML page in the run's language, findings first, made only from what the chapters saved."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kcq_eval import tables
from kcq_eval.deliverables.contents import AUDIT, Contents
from kcq_eval.deliverables.erratum import erratum_table
from kcq_eval.deliverables.pages import template
from kcq_eval.evaluation import Evaluation
from kcq_eval.evidence.explain import Story
from kcq_eval.parameters import FOLDERS
from kcq_eval.statements import mark_key
from kcq_eval.texts import Texts

_MIME = {"svg": "image/svg+xml", "png": "image/png"}


def write_report(contents: Contents, path: Path, *, letter: str = "") -> None:
    """Write the page, with the finished figures and the notebooks' code in it.

    Args:
        letter: Name of the letter that lies beside the page, "" where there is none.
    """
    evaluation, texts = contents.evaluation, contents.texts
    parts = [_with_files(part, contents.folder) for part in contents.parts]
    for number, figure in enumerate((figure for part in parts for figure in part["figures"]), start=1):
        figure["number"] = number
    page = template("report.html").render(
        t=texts,
        language=texts.language,
        title=contents.titled("report.title"),
        basis=texts("report.context_text_register" if evaluation.register else "report.context_text"),
        parts=parts,
        results=[part for part in parts if part["chapter"] != AUDIT and part["findings"]],
        audit=next(part for part in parts if part["chapter"] == AUDIT),
        sources=told_sources(evaluation, texts),
        claims=Markup(tables.to_html(tables.claims_table(evaluation.published.claims, evaluation, texts))),
        parameters={name: value for name, value in evaluation.parameters.model_dump().items() if name not in FOLDERS},
        marks=marks_key(evaluation),
        shortcoming=_shortcoming(evaluation),
        erratum=Markup(tables.to_html(erratum_table(evaluation, texts))) if evaluation.ledger else "",
        letter=letter,
        lineage=_lineage(contents),
    )
    path.write_text(page, encoding="utf-8", newline="\n")


def _with_files(part: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A chapter with its figures' pictures, its tables as markup and its notebook's code."""
    figures = [figure | {"data": _data_uri(folder / "figures", figure["name"])} for figure in part["figures"]]
    shown = [table | {"html": _linked(table)} for table in part["tables"]]
    return part | {"figures": figures, "tables": shown, "code": _code(folder / "notebooks" / f"{part['chapter']}.ipynb")}


def _linked(table: dict[str, Any]) -> Markup:
    """A table as markup, each number's label leading to where it comes from."""
    if "ids" not in table:
        return Markup(table["html"])  # made by tables.to_html, which escapes every cell
    import pandas as pd

    links = [f"#from-{number_id}" for number_id in table["ids"]]
    return Markup(tables.to_html(pd.DataFrame(table["rows"], columns=table["columns"]), table["note"], links))


def _lineage(contents: Contents) -> list[dict[str, Any]]:
    """For each number its line and what is behind it."""
    story = Story(contents.lineage, contents.numbers, contents.texts.language)
    told = [(number["id"], list(story.lines(number))) for number in contents.lineage["numbers"]]
    return [{"id": number_id, "title": lines[0], "lines": "\n".join(lines[1:])} for number_id, lines in told]


def marks_key(evaluation: Evaluation) -> str:
    """Key of what the asterisk stands for; "" where nothing is marked."""
    depends, corrected = bool(evaluation.set_aside), bool(evaluation.ledger.confirmed)
    return mark_key(depends, corrected) if depends or corrected else ""


def _shortcoming(evaluation: Evaluation) -> str:
    """Key of what is told where the figures as printed cannot all be true; "" where they can."""
    if evaluation.audit.verdict != "contradicted":
        return ""
    return "shortcoming_corrected" if evaluation.corrected.verdict == "consistent" else "shortcoming_audit"


def _data_uri(folder: Path, name: str) -> str:
    kind = "svg" if (folder / f"{name}.svg").exists() else "png"
    content = base64.b64encode((folder / f"{name}.{kind}").read_bytes()).decode("ascii")
    return f"data:{_MIME[kind]};base64,{content}"


def _code(path: Path) -> str:
    """The notebook's code cells, as one text."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join("".join(source) for source in cells)


def told_sources(evaluation: Evaluation, texts: Texts) -> list[dict[str, str]]:
    """Register and documents, each with its id, its title and what else is told about it."""
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
