"""The catalogue of published documents: `data/sources.csv`, one row per document."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kcq_eval.datafiles import Row, read_table
from kcq_eval.errors import Problems, nearest
from kcq_eval.printed import NUMBER_FORMATS

COLUMNS = (
    "source_id", "title_vi", "title_en", "publisher", "published", "language", "number_format", "licence", "sha256", "access_note",
)  # fmt: skip
_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
FIXED = "fixed"  # trust of a figure that is known to be right
_TRUST = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_SHA256 = re.compile(r"([0-9a-f]{64})?")


@dataclass(frozen=True)
class Source:
    """A published document. `number_format` is declared here, "" where none is: then only plain digits can be read.

    `trust` is what its claims have where they give none of their own, see `read_trust`.
    """

    source_id: str
    title_vi: str
    title_en: str
    publisher: str
    published: datetime.date
    number_format: str
    licence: str
    sha256: str
    access_note: str
    trust: Fraction | None = Fraction(1)

    def title(self, language: str) -> str:
        return self.title_vi if language == "vi" else self.title_en


def load_sources(folder: Path, problems: Problems) -> dict[str, Source]:
    """The documents by id, the newest first. What is wrong goes into `problems`; a wrong row still stands for its document, so
    that its claims are read and their problems told too.
    """
    sources: dict[str, Source] = {}
    for row in read_table(folder / "sources.csv", COLUMNS, optional=("trust",), problems=problems):
        wrong = [row.one_of("language", ("vi", "en")), row.one_of("number_format", (*NUMBER_FORMATS, ""))]
        if not _ID.fullmatch(row["source_id"]):
            wrong.append(row.problem("bad_form", "source_id", expected="a-z 0-9 . -"))
        elif row["source_id"] in sources:
            wrong.append(row.problem("id_twice", "source_id"))
        if not _SHA256.fullmatch(row["sha256"]):
            wrong.append(row.problem("bad_form", "sha256", expected="64 × 0-9 a-f"))
        for column in ("title_vi", "title_en", "publisher", "licence"):
            if not row[column]:
                wrong.append(row.problem("empty_cell", column))
        published = _date(row["published"])
        if published is None:
            wrong.append(row.problem("bad_form", "published", expected="YYYY-MM-DD"))
        trust = read_trust(row, Fraction(1), problems)
        problems += filter(None, wrong)
        if not _ID.fullmatch(row["source_id"]) or row["source_id"] in sources:
            continue
        sources[row["source_id"]] = Source(
            row["source_id"], row["title_vi"], row["title_en"], row["publisher"], published or datetime.date.min, row["number_format"], row["licence"],
            row["sha256"], row["access_note"], trust,
        )  # fmt: skip
    newest_first = sorted(sources.values(), key=lambda source: (-source.published.toordinal(), source.source_id))
    return {source.source_id: source for source in newest_first}


def read_trust(row: Row, otherwise: Fraction | None, problems: Problems) -> Fraction | None:
    """How much a figure is trusted against others: a positive number, or None for `fixed`, which is never a suspect.

    An empty cell is `otherwise`; what is neither goes into `problems`.
    """
    text = row["trust"]
    if not text:
        return otherwise
    if text == FIXED:
        return None
    if not _TRUST.fullmatch(text) or not Fraction(text):
        problems.append(row.problem("bad_form", "trust", expected=f"1, 2, 0.5, …, {FIXED}", near=nearest(text, [FIXED])))
        return otherwise
    return Fraction(text)


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None
