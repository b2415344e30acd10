"""`kcq-eval check`: a document that people have edited since, against the bundle it was made from; and both languages of one run.

Exit codes: 0 every number holds, 1 some do not, 2 unusable input or output place, 3 some are unknown to the bundle and all others
hold, 70 a failure of the program itself, which is no verdict.
"""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kcq_eval.errors import BadInput, Problem

if TYPE_CHECKING:
    from kcq_eval.check.matching import Finding

HOLDS, NOT_HOLDING, UNUSABLE, UNKNOWN, FAILED = 0, 1, 2, 3, 70
_LANGUAGES = ("vi", "en")


def check(
    draft: Annotated[Path, typer.Argument(metavar="TỆP · FILE", help="Tệp DOCX, PPTX, XLSX, HTML, MD hoặc TXT · a DOCX, PPTX, XLSX, HTML, MD or TXT file")],
    against: Annotated[Path, typer.Option("--against", metavar="THƯ MỤC · FOLDER", help="Thư mục kết quả của một lượt chạy · the bundle of a run")],
    language: Annotated[str, typer.Option("--language", metavar="vi|en", help="Ngôn ngữ của tài liệu (mặc định: của lượt chạy) · the document's language (the run's)")] = "",
    every: Annotated[bool, typer.Option("--all", help="Liệt kê cả các số còn khớp · list the numbers that hold, too")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Ghi mọi số vào tệp CSV · write every number into a CSV file")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="TỆP.docx", help="Ghi một bản sao đã đánh dấu (chỉ DOCX) · write a marked copy (DOCX only)")] = None,
) -> None:
    """Which numbers of a document still hold, which do not and what they should be, and which the bundle does not know."""
    if language not in ("", *_LANGUAGES):
        raise typer.BadParameter("vi, en", param_hint="--language")
    told_in = language or "vi"
    try:
        bundle = read_bundle(against)
        told_in = language or bundle.language
        code = _check(draft, bundle, told_in, every, csv, out)
    except BadInput as error:
        code = _bad_input(error, told_in)
    except OSError as error:
        code = _stopped(_say(told_in, "cli.not_writable", folder=error.filename or out or csv, error=error.strerror))
    except Exception:  # 1 must mean "some do not hold" and nothing else
        traceback.print_exc()
        code = _stopped(_say(told_in, "audit.unexpected"), FAILED)
    raise typer.Exit(code)


@dataclass(frozen=True)
class BundleRead:
    """A finished bundle: its folder and the language of its documents."""

    folder: Path
    language: str


def read_bundle(folder: Path) -> BundleRead:
    """A folder that a run left, whole and unchanged in its numbers.

    Raises:
        BadInput: It is none, was made before documents were checked, or its numbers were changed since.
    """
    from kcq_eval.check.knowledge import NUMBERS, NUMERALS
    from kcq_eval.runs.bundle import RECORD

    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        language, outputs = record["parameters"]["language"], record["outputs"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput([Problem("not_a_bundle", str(folder), expected=f"{RECORD}, {NUMBERS}, {NUMERALS}")]) from None
    problems = []
    for name in (NUMBERS, NUMERALS):
        try:
            content = (folder / name).read_bytes()
        except OSError:
            problems.append(Problem("bundle_without", str(folder), found=name))
            continue
        if outputs.get(name) != hashlib.sha256(content).hexdigest():
            problems.append(Problem("bundle_changed", str(folder / name)))
    if problems:
        raise BadInput(problems)
    return BundleRead(folder, language if language in _LANGUAGES else "vi")


def _check(draft: Path, bundle: BundleRead, language: str, every: bool, csv: Path | None, out: Path | None) -> int:
    from kcq_eval.check import report
    from kcq_eval.check.bank import Bank
    from kcq_eval.check.knowledge import Knowledge
    from kcq_eval.check.matching import Checker
    from kcq_eval.check.readers import read_document
    from kcq_eval.check.run_check import deliverables

    def say(key: str, **values: Any) -> str:
        return _say(language, key, **values)

    for place in filter(None, (csv, out)):
        _not_over(place, draft)
    if out is not None and (draft.suffix.lower() != ".docx" or out.suffix.lower() != ".docx"):
        raise BadInput([Problem("marked_docx_only", str(out), expected=".docx")])
    pieces = read_document(draft, language)
    knowledge = Knowledge.of_bundle(bundle.folder, language)
    bank = Bank(knowledge)
    bank.add_labelled()
    for sentence in knowledge.sentences:
        bank.add(sentence)
    if bundle.language == language:
        for path in deliverables(bundle.folder):
            bank.add_pieces(read_document(path, language))
    found = Checker(knowledge, bank, strict=False).check("", pieces)
    shown = [finding for finding in found if every or finding.is_trouble]
    counted = report.counts(found)
    if not found:
        typer.echo(say("check.no_numbers"))
    elif shown:
        report.show(shown, knowledge, say)
    if found:
        typer.echo(say("check.summary", **counted))
    if csv is not None:
        csv.write_text(report.csv_text(found, say), encoding="utf-8-sig", newline="\n")
        typer.echo(f"{say('check.csv_written')} {csv}")
    if out is not None:
        from kcq_eval.check.marked import write_marked

        trouble = [(pieces[finding.piece].text, finding) for finding in found if finding.is_trouble]
        marked = write_marked(draft, out, trouble, lambda finding: _comment(finding, say))
        typer.echo(f"{say('check.marked_written', count=marked, all=len(trouble))} {out}")
    return NOT_HOLDING if counted["not_holding"] else UNKNOWN if counted["unknown"] else HOLDS


def _comment(finding: Finding, say: Callable[..., str]) -> str:
    told = say(f"check.verdict.{finding.verdict}")
    return told + (say("check.expected", expected=finding.expected) if finding.expected else "")


def _not_over(place: Path, draft: Path) -> None:
    """Nothing is written over the draft or any other file."""
    if place.exists() or os.path.abspath(place) == os.path.abspath(draft):
        raise BadInput([Problem("file_there", str(place))])


def trouble_lines(findings: Sequence[Finding], language: str) -> list[str]:
    """Where a run's documents print what it does not know, a line for each place."""
    from kcq_eval.check import report

    return [f"  - {line}" for line in report.lines(findings, lambda key, **values: _say(language, key, **values))]


def compare_bundles(vi: Path, en: Path) -> list[str]:
    """Where two bundles of one run, one in each language, do not say the same: a sentence for each place, in Vietnamese."""
    from kcq_eval.check import report
    from kcq_eval.check.languages import differences
    from kcq_eval.check.run_check import deliverables

    names = dict.fromkeys(path.relative_to(folder).as_posix() for folder in (vi, en) for path in deliverables(folder))
    return report.lines(differences(vi, en, names), lambda key, **values: _say("vi", key, **values))


def _bad_input(error: BadInput, language: str) -> int:
    from kcq_eval.texts import problem_lines

    return _stopped("\n".join([_say(language, "check.problems", count=len(error.problems)), *(f"  - {line}" for line in problem_lines(error.problems, language))]))


def _stopped(message: str, code: int = UNUSABLE) -> int:
    typer.echo(message, err=True)
    return code


def _say(language: str, key: str, **values: Any) -> str:
    from kcq_eval.texts import plain

    return plain(language, key, **values)
