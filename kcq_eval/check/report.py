"""Findings told: a table for the terminal, CSV, and what each numeral is in words."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kcq_eval.check.knowledge import Knowledge
from kcq_eval.check.matching import CHANGED, DIGITS, HOLDS, MARK, STRUCTURE, UNIT, UNKNOWN, Finding
from kcq_eval.check.pieces import place_text

Say = Callable[..., str]
COLUMNS = ("document", "place", "text", "verdict", "expected", "ids", "around")
NOT_HOLDING = (CHANGED, MARK, DIGITS, UNIT)


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many numerals hold, do not hold, and are unknown; numbers of headings, figures and pages are not counted."""
    found = Counter(finding.verdict for finding in findings)
    return {"holds": found[HOLDS], "not_holding": sum(found[verdict] for verdict in NOT_HOLDING), "unknown": found[UNKNOWN], "structure": found[STRUCTURE]}


def lines(findings: Sequence[Finding], say: Say, *, most: int = 30) -> list[str]:
    """Findings as sentences: where, what stands there, the verdict, what should stand there."""
    told = [line(finding, say) for finding in findings[:most]]
    return told + ([say("check.more", count=len(findings) - most)] if len(findings) > most else [])


def line(finding: Finding, say: Say) -> str:
    where = ", ".join(filter(None, [finding.document, place_text(finding.place, say)]))
    expected = say("check.expected", expected=finding.expected) if finding.expected else ""
    around = say("check.around", around=" ".join(finding.around.split())) if finding.around and finding.around != finding.text else ""
    return say("check.line", where=where, text=finding.text, verdict=say(f"check.verdict.{finding.verdict}")) + expected + around


def show(findings: Sequence[Finding], knowledge: Knowledge, say: Say) -> None:
    """The table on the terminal."""
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("place", "text", "verdict", "expected", "what"):
        table.add_column(say(f"check.column.{column}"), overflow="fold")
    for finding in findings:
        table.add_row(place_text(finding.place, say), finding.text, say(f"check.verdict.{finding.verdict}"), finding.expected, what(finding, knowledge, say))
    Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False, emoji=False).print(table)


def what(finding: Finding, knowledge: Knowledge, say: Say) -> str:
    """What a numeral is or was, in words: its label, or its kind with its id."""
    if not finding.ids:
        return ""
    number_id = finding.ids[0]
    known = next((known for known in knowledge.known if known.id == number_id), None)
    if known is None:
        return number_id
    return f"{known.label} ({number_id})" if known.label else f"{say(f'check.kind.{known.kind}')} ({number_id})"


def csv_text(findings: Iterable[Finding], say: Say) -> str:
    """Every numeral with its verdict, as a table."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for finding in findings:
        row: tuple[Any, ...] = (
            finding.document, place_text(finding.place, say), finding.text, finding.verdict, finding.expected, ";".join(finding.ids), " ".join(finding.around.split())
        )  # fmt: skip
        writer.writerow(row)
    return buffer.getvalue()
