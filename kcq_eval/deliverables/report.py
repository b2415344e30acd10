"""The report: one self-contained HTML page in the run's language, findings first, made only from what the chapters saved."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from kcq_eval import tables
from kcq_eval.deliverables.erratum import erratum_table
from kcq_eval.deliverables.pages import template
from kcq_eval.evaluation import Evaluation
from kcq_eval.parameters import FOLDERS
from kcq_eval.statements import mark_key
from kcq_eval.texts import Texts

_MIME = {"svg": "image/svg+xml", "png": "image/png"}
AUDIT = "consistency_audit"


def write_report(
    path: Path, parts: list[dict[str, Any]], evaluation: Evaluation, texts: Texts, *, figures: Path, notebooks: Path, letter: str = ""
) -> None:
    """Write the page.

    Args:
        parts: What each chapter saved, in reading order.
        figures, notebooks: Folders of the finished figures and the executed notebooks, which are put into the page.
        letter: Name of the letter that lies beside the page, "" where there is none.
    """
    for number, figure in enumerate((figure for part in parts for figure in part["figures"]), start=1):
        figure["number"] = number
        figure["data"] = _data_uri(figures, figure["name"])
    for part in parts:
        part["code"] = _code(notebooks / f"{part['chapter']}.ipynb")
        for table in part["tables"]:
            table["html"] = Markup(table["html"])  # made by tables.to_html, which escapes every cell
    page = template("report.html").render(
        t=texts,
        language=texts.language,
        title=evaluation.titled(texts("report.title"), texts),
        basis=texts("report.context_text_register" if evaluation.register else "report.context_text"),
        parts=parts,
        results=[part for part in parts if part["chapter"] != AUDIT and part["findings"]],
        audit=next(part for part in parts if part["chapter"] == AUDIT),
        sources=_sources(evaluation, texts),
        claims=Markup(tables.to_html(tables.claims_table(evaluation.published.claims, evaluation, texts))),
        parameters={name: value for name, value in evaluation.parameters.model_dump().items() if name not in FOLDERS},
        marks=_marks(evaluation),
        shortcoming=_shortcoming(evaluation),
        erratum=Markup(tables.to_html(erratum_table(evaluation, texts))) if evaluation.ledger else "",
        letter=letter,
    )
    path.write_text(page, encoding="utf-8", newline="\n")


def _marks(evaluation: Evaluation) -> str:
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


def _sources(evaluation: Evaluation, texts: Texts) -> list[dict[str, str]]:
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
