"""`report.pdf`: the report laid out by typst, as accessible PDF (PDF/UA-1), with the fonts that come along and no others.

Everything that is told reaches the layout as data (JSON), so that no text can be read as typst's own markup or code.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from kcq_eval.deliverables.blocks import Figure, Table
from kcq_eval.deliverables.document import Document
from kcq_eval.figures.style import FONT_FOLDER

LAYOUT = Path(__file__).with_name("report.typ")
_PICTURES = ("svg", "png")  # the first that was drawn
_HYPHEN = re.compile(r"-(?=\w)")
_LOCALES = {"vi": ("vi", "VN"), "en": ("en", "GB")}


def write_pdf(document: Document, path: Path, figures: Path) -> None:
    """Write the report.

    Args:
        figures: Folder of the drawn figures; a scalable one is taken where there is one.
    """
    import typst

    made = typst.compile(
        LAYOUT.read_bytes(), root=str(figures.resolve()), font_paths=[str(FONT_FOLDER)], ignore_system_fonts=True, format="pdf",
        sys_inputs={"report": json.dumps(_told(document, figures), ensure_ascii=False)}, pdf_standards=["ua-1"],
    )  # fmt: skip
    path.write_bytes(made)


def _told(document: Document, figures: Path) -> dict[str, Any]:
    """The document as plain data; every block says its kind."""
    language, region = _LOCALES[document.language]
    blocks = []
    for block in document.blocks:
        told = {"kind": type(block).__name__.lower(), **dataclasses.asdict(block)}
        if isinstance(block, Figure):
            told["file"] = next(f"/{block.name}.{kind}" for kind in _PICTURES if (figures / f"{block.name}.{kind}").exists())
        elif isinstance(block, Table):  # typst ends no line between a hyphen and a digit, as ids need
            told["rows"] = [[_HYPHEN.sub("-\u200b", cell) for cell in row] for row in block.rows]
        blocks.append(told)
    words = {"figure": document.labels[0], "table": document.labels[1]}
    told = {"title": document.title, "subtitle": document.subtitle, "footer": document.footer, "outline": document.outline}
    return told | {"language": language, "region": region, "words": words, "blocks": blocks}
