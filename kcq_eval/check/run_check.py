"""The check that every run ends with: its finished documents are read back, and a numeral that nothing accounts for stops it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path

from kcq_eval.check.admissible import COLUMNS, admissible_rows, named_numbers
from kcq_eval.check.bank import Bank
from kcq_eval.check.knowledge import NUMERALS, Knowledge
from kcq_eval.check.languages import between_languages
from kcq_eval.check.matching import Checker, Finding, NumbersDiffer
from kcq_eval.check.pieces import place_text
from kcq_eval.check.readers import read_document, tidied
from kcq_eval.check.sentences import plain
from kcq_eval.deliverables.contents import Contents

# What a run makes that people read; where one is not made, it is not checked.
DELIVERABLES = ("report.html", "letter.html", "letter.md", "report.docx", "slides.pptx", "tables.xlsx")
FIGURES = "figures"


def check_contents(contents: Contents) -> dict[str, list[str]]:
    """Write `numerals.csv`, then check everything that people open.

    Returns:
        For each number the places that show it, as read back; a numeral that is the same for several numbers counts for each.

    Raises:
        NumbersDiffer: A document prints a number that nothing accounts for, a stale copy, or another language's marks.
    """
    texts = contents.texts
    rows = admissible_rows(contents.evaluation, texts)
    _write(contents.folder / NUMERALS, rows)
    indicators = list(contents.numbers.values())
    knowledge = Knowledge(indicators, rows, texts.language)
    checker = Checker(knowledge, run_bank(contents, knowledge), strict=True)
    found = [*between_languages(indicators)]
    for path in deliverables(contents.folder):
        name = path.relative_to(contents.folder).as_posix()
        found += checker.check(name, read_document(path, texts.language))
    trouble = [finding for finding in found if finding.is_trouble]
    if trouble:
        raise NumbersDiffer(trouble)
    return {number_id: places for number_id in contents.numbers if (places := _places(found, number_id, texts))}


def _places(found: Iterable[Finding], number_id: str, say: Callable[..., str]) -> list[str]:
    told = (", ".join(filter(None, [finding.document, place_text(finding.place, say)])) for finding in found if number_id in finding.ids)
    return list(dict.fromkeys(told))


def deliverables(folder: Path) -> list[Path]:
    """The documents and figures of a bundle that are read back; of a figure its SVG where there is one."""
    found = [folder / name for name in DELIVERABLES if (folder / name).is_file()]
    figures = sorted((folder / FIGURES).glob("*.png"))
    return found + [svg if (svg := figure.with_suffix(".svg")).is_file() else figure for figure in figures]


def run_bank(contents: Contents, knowledge: Knowledge) -> Bank:
    """The sentences and tables of a run, and every text whose numbers are named by id."""
    language = contents.texts.language
    bank = Bank(knowledge)
    bank.add_labelled()
    for part in contents.parts:
        for finding in part["findings"]:
            bank.add(tidied(finding["text"]))
        for _, line in part["assessment"]:
            bank.add(tidied(line))
        for figure in part["figures"]:
            for told in (figure["title"], figure["subtitle"], figure["caption"], figure["alt"]):
                bank.add(tidied(told))
        for table in part["tables"]:
            bank.add_table(table["columns"], table["rows"])
    for sentence in knowledge.sentences:
        bank.add(sentence)
    forms: dict[str, dict[str, str]] = {row["id"]: {"": row[f"text_{language}"]} for row in contents.numbers.values()}
    for part in contents.parts:
        forms |= part.get("forms", {})
    for sentence, ids in named_numbers(contents.texts, forms, contents.evaluation.parameters.price_basis):
        bank.add(sentence, {plain(text): number_id for text, number_id in ids.items()})
    return bank


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="\n")
