"""The columns of a register, the words they and their codes go by, and the legal ceilings that a row is compared with."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from kcq_eval.datafiles import read_table
from kcq_eval.errors import Problem, Problems
from kcq_eval.vocabulary import Vocabulary

STATUSES = ("planned", "accepted", "cancelled")
DONE = "accepted"  # only what was accepted counts as carried out
MONEY = ("state_funding", "counterpart_funding")
CODED = ("scheme_kind", "centre", "sector", "province", "support_type", "status")
PRIVATE = ("facility", "tax_code")
COLUMNS = (
    "year", "date", "scheme_id", "scheme_name", "scheme_kind", "centre", "sector", "province", "facility", "tax_code", "support_type",
    "state_funding", "counterpart_funding", "status",
)  # fmt: skip
OPTIONAL = ("date", "scheme_name", "tax_code")
REQUIRED = tuple(column for column in COLUMNS if column not in OPTIONAL)
DEMONSTRATION = "DEMO-"  # how every scheme id of the demonstration register starts
_WORDS = ("field", "code", "word")
_CEILINGS = (
    "ceiling_id", "support_type", "limits", "applies_to", "value", "unit", "valid_from", "valid_to", "instrument", "article", "verified",
    "source_read",
)  # fmt: skip


@dataclass(frozen=True)
class Ceiling:
    """The most that the state may give, by a verified rule: `state_funding` in million VND, or `state_share` in % of all funding."""

    ceiling_id: str
    support_type: str
    limits: str
    applies_to: str
    value: Fraction
    valid_from: date
    valid_to: date
    instrument: str


class RegisterWords:
    """What column heads and codes are called in real workbooks."""

    def __init__(self, folder: Path, vocabulary: Vocabulary):
        problems = Problems()
        self.headers: dict[str, str] = {}
        self.written: dict[str, list[str]] = {field: [] for field in COLUMNS}  # heads as they are spelt, the Vietnamese first
        self._codes: dict[str, dict[str, str]] = {field: {} for field in CODED}
        rows = read_table(folder / "vocabulary" / "register_words.csv", _WORDS, problems=problems)
        valid = {field: codes_of(field, vocabulary) for field in CODED}
        for row in rows:
            field, code, word = (row[column] for column in _WORDS)
            if problem := row.one_of("field", COLUMNS):
                problems.append(problem)
            elif not code:
                self.headers[word_key(word)] = field
                self.written[field].append(word)
            elif code not in valid.get(field, ()):
                problems.append(row.problem("unknown_code", "code", expected=", ".join(valid.get(field, ()))))
            else:
                self._codes[field][word_key(word)] = code
        for field in COLUMNS:
            self.headers.setdefault(word_key(field), field)
            self.written[field].append(field)
        for field in CODED:
            for code in valid[field]:
                self._codes[field][word_key(code)] = code
                names = [vocabulary.label(name, language) for name in (code, f"{code}.short") if name in vocabulary for language in ("vi", "en")]
                for name in names:
                    self._codes[field].setdefault(word_key(name), code)
        problems.stop()

    def code(self, field: str, text: str) -> str | None:
        """The code that a cell of a coded column means, or None; provinces are resolved elsewhere, as they depend on the date."""
        return self._codes[field].get(word_key(text))

    def known(self, field: str) -> dict[str, str]:
        """Every spelling of a field's codes by its key."""
        return self._codes[field]


def codes_of(field: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The valid codes of a coded column."""
    if field == "status":
        return STATUSES
    return vocabulary.centres if field == "centre" else vocabulary.codes(field)


def word_key(text: str) -> str:
    """Text without case, diacritics, marks and doubled spaces: NFC, NFD and unaccented typing are one."""
    return " ".join(unicodedata.normalize("NFD", text.casefold().replace("đ", "d")).translate(_LETTERS).split())


class _Letters(dict):
    """What becomes of a character, looked up once: marks above and below go, all that is no letter and no digit parts words."""

    def __missing__(self, code: int) -> int | str | None:
        letter = chr(code)
        self[code] = None if unicodedata.combining(letter) else code if letter.isalnum() else " "
        return self[code]


_LETTERS = _Letters()


@functools.lru_cache(maxsize=4)
def load_words(folder: Path, vocabulary: Vocabulary) -> RegisterWords:
    """The words of a data folder, read once. Raises BadInput."""
    return RegisterWords(folder, vocabulary)


@functools.lru_cache(maxsize=4)
def load_ceilings(folder: Path) -> tuple[Ceiling, ...]:
    """The verified legal ceilings. Raises BadInput: the table is missing or a cell unusable."""
    problems = Problems()
    found = []
    for row in read_table(folder / "reference" / "support_ceilings.csv", _CEILINGS, problems=problems):
        wrong: list[Problem] = [row.problem("bad_form", "value", expected="300")] if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", row["value"]) else []
        days = []
        for column, otherwise in (("valid_from", date.min), ("valid_to", date.max)):
            try:
                days.append(date.fromisoformat(row[column]) if row[column] else otherwise)
            except ValueError:
                wrong.append(row.problem("bad_form", column, expected="2018-05-11"))
        wrong += filter(None, [row.one_of("limits", ("state_funding", "state_share"))])
        problems += wrong
        if not wrong:
            found.append(
                Ceiling(row["ceiling_id"], row["support_type"], row["limits"], row["applies_to"], Fraction(row["value"]), *days, row["instrument"])
            )
    problems.stop()
    return tuple(found)
