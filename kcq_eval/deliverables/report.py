"""The report: one self-contained HTML page in the run's language, findings first, made only from what the chapters saved."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from kcq_eval import tables
from kcq_eval.deliverables.blocks import Block, Items, Line
from kcq_eval.deliverables.commentary import SECTIONS
from kcq_eval.deliverables.contents import AUDIT, Contents
from kcq_eval.deliverables.document import marks_key, shortcoming_key, source_rows
from kcq_eval.deliverables.erratum import erratum_table
from kcq_eval.deliverables.pages import template
from kcq_eval.evidence.explain import Story
from kcq_eval.parameters import FOLDERS

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
        lineage_title=contents.titled("report.lineage"),
        basis=texts("report.context_text_register" if evaluation.register else "report.context_text"),
        parts=parts,
        results=[part for part in parts if part["chapter"] in {result["chapter"] for result in contents.results}],
        audit=next(part for part in parts if part["chapter"] == AUDIT),
        sources=source_rows(evaluation, texts),
        claims=Markup(tables.to_html(tables.claims_table(evaluation.published.claims, evaluation, texts))),
        parameters={name: value for name, value in evaluation.parameters.model_dump().items() if name not in FOLDERS},
        limits=contents.limits(),
        marks=marks_key(evaluation),
        shortcoming=shortcoming_key(evaluation),
        own=dict.fromkeys(SECTIONS, "") | own_passages(contents.commentary),
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


def _data_uri(folder: Path, name: str) -> str:
    kind = "svg" if (folder / f"{name}.svg").exists() else "png"
    content = base64.b64encode((folder / f"{name}.{kind}").read_bytes()).decode("ascii")
    return f"data:{_MIME[kind]};base64,{content}"


def _code(path: Path) -> str:
    """The notebook's code cells, as one text."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join("".join(source) for source in cells)


def own_passages(commentary: Mapping[str, Sequence[Block]]) -> dict[str, Markup]:
    """The evaluator's passages by section as markup; every text is escaped."""
    return {section: Markup("\n").join(map(_passage, blocks)) for section, blocks in commentary.items()}


def _passage(block: Block) -> Markup:
    if isinstance(block, Items):
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(line)) for line in block.lines)
        return Markup("<ul>{}</ul>").format(items) if block.start is None else Markup('<ol start="{}">{}</ol>').format(block.start, items)
    return Markup("<p>{}</p>").format(_inline(block.line))


def _inline(line: Line) -> Markup:
    made = Markup("")
    for span in line:
        text = escape(span.text)
        text = Markup('<data value="{}">{}</data>').format(span.number, text) if span.number else text
        text = Markup("<em>{}</em>").format(text) if span.italic else text
        made += Markup("<strong>{}</strong>").format(text) if span.bold else text
    return made
