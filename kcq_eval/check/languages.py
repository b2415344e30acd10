"""The same run in both languages, number by number: the tables of numbers, and every document beside its counterpart."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from kcq_eval.check.knowledge import NUMBERS, NUMERALS, Knowledge, rows_of
from kcq_eval.check.matching import DIFFERS, Finding, is_numbering
from kcq_eval.check.numerals import Numeral, numerals
from kcq_eval.check.pieces import Piece
from kcq_eval.check.readers import read_document
from kcq_eval.check.sentences import plain
from kcq_eval.printed import UNITS

_SAME_IN_BOTH = ("value", "lower", "upper", "unit")


def between_languages(indicators: Iterable[dict[str, str]]) -> list[Finding]:
    """Indicators whose two texts do not say the same number."""
    found = []
    for row in indicators:
        vi, en = (numerals(row[f"text_{language}"], language) for language in ("vi", "en"))
        if [said(n) for n in vi] != [said(n) for n in en]:
            found.append(Finding(NUMBERS, (("number", row["id"]),), plain(row["text_vi"]), DIFFERS, (row["id"],), plain(row["text_en"])))
    return found


def differences(vi: Path, en: Path, documents: Iterable[str]) -> list[Finding]:
    """Where two bundles of one run, one in each language, do not say the same.

    Args:
        documents: Names of the documents that both hold; the Vietnamese one's place is told.
    """
    return [*_between_numbers(vi, en), *(finding for name in documents for finding in _between_documents(vi, en, name))]


def _between_numbers(vi: Path, en: Path) -> list[Finding]:
    found = []
    for name in (NUMBERS, NUMERALS):
        tables = [{(row.get("kind", ""), row["id"]): row for row in rows_of(folder / name) if row["value"]} for folder in (vi, en)]
        for key in dict.fromkeys((*tables[0], *tables[1])):
            told = [" ".join(table[key][column] for column in _SAME_IN_BOTH) if key in table else "" for table in tables]
            if told[0] != told[1]:
                found.append(Finding(name, (("number", key[1]),), told[0], DIFFERS, (key[1],), told[1]))
    return found


def _between_documents(vi: Path, en: Path, name: str) -> list[Finding]:
    if not (vi / name).is_file() or not (en / name).is_file():
        missing = next(folder for folder in (vi, en) if not (folder / name).is_file())
        return [] if not (vi / name).is_file() and not (en / name).is_file() else [Finding(name, (), missing.name, DIFFERS)]
    sides = [_signed(folder, name, language) for folder, language in ((vi, "vi"), (en, "en"))]
    keys = [[key for key, _, _ in side] for side in sides]
    found = []
    for kind, start, end, start_en, end_en in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if kind != "equal":
            pairs = max(end - start, end_en - start_en)
            for offset in range(pairs):
                here = sides[0][start + offset] if start + offset < end else None
                there = sides[1][start_en + offset] if start_en + offset < end_en else None
                found.append(_difference(name, here, there))
    return found


def _signed(folder: Path, name: str, language: str) -> list[tuple[tuple, Piece, list[Numeral]]]:
    """The pieces of a document that hold numerals, each with what they say in whatever order."""
    knowledge = Knowledge.of_bundle(folder, language)
    found = []
    for piece in read_document(folder / name, language):
        read = [numeral for numeral in numerals(piece.text, language, knowledge.names) if not is_numbering(piece, numeral)]
        if read:
            key = [one for numeral in read for one in _meant(numeral, knowledge)]
            found.append((tuple(sorted(key, key=repr)), piece, read))
    return found


def _meant(numeral: Numeral, knowledge: Knowledge) -> list[tuple]:
    """What a numeral says; a source's own characters say what the source means, in either language's document."""
    claim = knowledge.as_printed.get(numeral.text)
    known = next((known for known in knowledge.known if known.id == claim and known.kind in ("claim", "correction")), None) if claim else None
    if known is None:
        return said(numeral)
    unit = "" if known.unit in ("count", "index") else known.unit
    return [(known.value * (UNITS[unit].scale if unit else 1), UNITS[unit].family if unit else "")]


def _difference(name: str, here: tuple | None, there: tuple | None) -> Finding:
    """The numerals of one place that the other language does not have there."""
    texts = []
    for side, other in ((here, there), (there, here)):
        beyond = {one for numeral in other[2] for one in said(numeral)} if other else set()
        own = [numeral for numeral in side[2] if not beyond.issuperset(said(numeral))] if side else []
        texts.append("; ".join(plain(numeral.text) for numeral in own or (side[2] if side else ())))
    piece = (here or there)[1]
    return Finding(name, piece.place, texts[0], DIFFERS, (), texts[1], piece.text[:80])


def said(numeral: Numeral) -> list[tuple]:
    """The numbers, dates or names that a numeral says, whatever the language; numbers in base units, and a ratio as its two counts."""
    if numeral.date:
        return [("date", numeral.date.isoformat())]
    if not numeral.amounts:
        return [(numeral.kind, plain(numeral.text))]
    return [(amount.value * (UNITS[amount.unit].scale if amount.unit else 1), UNITS[amount.unit].family if amount.unit else "") for amount in numeral.amounts]
