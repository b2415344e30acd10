"""What a notebook works with: it opens a chapter, shows its steps, and saves its numbers, findings, figures and tables.

A notebook's cells read `chapter.tell(…)`, `chapter.report(numbers)`, `chapter.draw(exhibit)`, `chapter.save()`. The same
cells run in JupyterLab, under papermill and nbval, and inside `kcq-eval run`.
"""

from __future__ import annotations

import codecs
import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, Image, Markdown, display

from kcq_eval import tables
from kcq_eval.datafiles import resolve_folder
from kcq_eval.evaluation import Evaluation, evaluate
from kcq_eval.evidence.lineage import grounds
from kcq_eval.exhibits import Exhibit
from kcq_eval.figures import drawn, style
from kcq_eval.findings import Finding, assessment, findings
from kcq_eval.numbers import FORMS, Numbers
from kcq_eval.parameters import entries, read_parameters
from kcq_eval.rounding import rounding_shows_in, shown
from kcq_eval.texts import Texts, markdown

PARTS = "parts"  # below the output folder: what each chapter saved, joined by the run


class Chapter:
    """One question of the evaluation, told in the run's language.

    Args:
        name: The notebook's name; its texts stand under `chapter.<name>`.
        namespace: The notebook's `globals()`; the parameters are taken from it by name.

    Raises:
        BadInput: A parameter or the data are unusable.
    """

    def __init__(self, name: str, namespace: Mapping[str, Any]):
        self.name = name
        self.parameters = read_parameters(_given(namespace))
        self.evaluation: Evaluation = evaluate(self.parameters)
        self.numbers = Numbers()
        self.texts = Texts(self.parameters, self.evaluation.published.vocabulary)
        self._folder = resolve_folder(self.parameters.out_dir)
        self._findings: list[Finding] = []
        self._figures: list[dict[str, Any]] = []
        self._tables: list[dict[str, Any]] = []

    def tell(self, step: str, *, heading: str = "", **values: Any) -> None:
        """Show a step's sentence, below a heading if one is named."""
        title = f"## {self._titled(f'chapter.{self.name}.{heading}')}\n\n" if heading else ""
        display(Markdown(title + self.texts(f"chapter.{self.name}.{step}", **values)))

    def report(self, numbers: Numbers) -> HTML:
        """Keep the numbers, so that texts and figures can name them, and show them as a table."""
        self.numbers = self.numbers + numbers
        self.texts = Texts(self.parameters, self.evaluation.published.vocabulary, self.numbers)
        note = self.texts("rounding_note") if rounding_shows_in({number.id: shown(number) for number in numbers}) else ""
        table = self.show("numbers", tables.numbers_table(numbers, self.texts), note)
        self._tables[-1]["ids"] = [number.id for number in numbers]
        return table

    def show_claims(self, *measures: str) -> HTML:
        """The published figures about some measures, as printed and computed."""
        claims = [] if self.evaluation.selection else self.evaluation.claims(*measures)  # what is published is of all rows
        return self.show("claims", tables.claims_table(claims, self.evaluation, self.texts))

    def show(self, name: str, table: pd.DataFrame, note: str = "") -> HTML:
        """Save a table and show it; `name` is the key of its title, `note` a sentence below it."""
        path = self._folder / "tables" / f"{self.name}.{name}.csv"
        safe = table.map(lambda cell: tables.harmless(cell) if isinstance(cell, str) else cell)
        _write(path, codecs.BOM_UTF8.decode() + safe.to_csv(index=False, lineterminator="\n"))  # for Excel, see deliverables/datasets
        title = self._titled(f"table.{name}")
        cells = {"columns": list(table.columns), "rows": table.to_numpy().tolist()}
        self._tables.append({"name": name, "title": title, "note": note, "html": tables.to_html(table, note), **cells})
        return HTML(f"<h4>{title}</h4>{self._tables[-1]['html']}")

    def _titled(self, key: str) -> str:
        return self.evaluation.titled(self.texts(key), self.texts)

    def draw(self, *exhibits: Exhibit | None) -> None:
        """Draw each figure for the screen and for print, save it once per format, and show the screen's PNG with its caption."""
        for exhibit in exhibits:
            self._draw(exhibit)

    def _draw(self, exhibit: Exhibit | None) -> None:
        if exhibit is None:
            display(Markdown(f"*{self.texts('not_reported')}*"))
            return
        folder = self._folder / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        hashes: dict[str, str] = {}
        for page in style.PAGES:
            hashes |= drawn.save(exhibit.draw, page, folder, exhibit.name, self.parameters.formats)
        words = exhibit.words
        self._figures.append(
            {
                "name": exhibit.name, "title": words.title, "subtitle": words.subtitle, "caption": words.source_line, "alt": words.alt,
                "axis": words.axis, "kicker": words.kicker, "terms": dict(words.terms), "rows": exhibit.rows.to_dict("records"), "sources": list(exhibit.sources),
                "numbers": list(words.numbers), "sha256": hashes,
            }
        )  # fmt: skip
        display(Image(filename=str(folder / f"{exhibit.name}.png"), width=960, alt=words.alt))
        display(Markdown(f"**{words.title}.** {words.source_line}"))

    def conclude(self, found: list[Finding] | None = None) -> Markdown:
        """Keep and show the chapter's findings: those its numbers make, unless others are given."""
        self._findings = findings(self.name, self.texts, self.parameters) if found is None else found
        return Markdown("\n".join(f"- {markdown(finding.text)}" for finding in self._findings))

    def save(self) -> None:
        """Write what the run joins: numbers in both languages, findings, figures and tables with their words."""
        vocabulary = self.evaluation.published.vocabulary
        both = [Texts(self.parameters.model_copy(update={"language": language}), vocabulary) for language in ("vi", "en")]
        part = {
            "chapter": self.name,
            "title": self._titled(f"chapter.{self.name}.title"),
            "question": self.texts(f"chapter.{self.name}.question"),
            "numbers": tables.number_rows(self.numbers, both, self.evaluation.ledger),
            "forms": {number.id: {form: self.texts.number(number, form) for form in FORMS} for number in self.numbers},
            "lineage": [grounds(number) for number in self.numbers],
            "findings": [asdict(finding) for finding in self._findings],
            "assessment": assessment(self.name, self.texts),
            "figures": self._figures,
            "tables": self._tables,
        }
        _write(self._folder / PARTS / f"{self.name}.json", json.dumps(part, ensure_ascii=False, indent=1) + "\n")


def open_chapter(name: str, namespace: Mapping[str, Any]) -> Chapter:
    """Open a chapter with the parameters of the calling notebook and show its question."""
    chapter = Chapter(name, namespace)
    chapter.tell("question", heading="title")
    return chapter


def _given(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The namespace's parameters, and what looks like a mistyped one: papermill alone would run with the default."""
    names = [entry.name for entry in entries()]
    plain = [name for name, value in namespace.items() if isinstance(value, str | bool | int | float) and not name.startswith("_")]
    mistyped = [name for name in plain if name not in names and difflib.get_close_matches(name, names, n=1, cutoff=0.8)]
    return {name: namespace[name] for name in (*names, *mistyped) if name in namespace}


def _write(path: Path, text: str) -> None:
    """The whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)
