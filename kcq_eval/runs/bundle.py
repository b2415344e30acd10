"""One run and the bundle it leaves: checked before anything runs, written aside, moved to its place when whole."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kcq_eval import __version__
from kcq_eval.datafiles import project_root, resolve_folder
from kcq_eval.errors import BadInput, Problem, Problems
from kcq_eval.evidence.explain import LINEAGE
from kcq_eval.evidence.integrity import LOG, RECORD, SUMS, seal
from kcq_eval.evidence.record import PARAMETERS, write_record
from kcq_eval.parameters import FOLDERS, Parameters
from kcq_eval.runs.inputs import Inputs
from kcq_eval.runs.places import move_into_place, working_folder
from kcq_eval.runs.pool import can_fork, cores, run_each

if TYPE_CHECKING:
    from kcq_eval.deliverables.commentary import Commentary
    from kcq_eval.deliverables.contents import Contents
    from kcq_eval.evaluation import Evaluation

REPORT, DOCX, PDF = "report.html", "report.docx", "report.pdf"
_FONTS = ("KCQSans-Bold.otf", "KCQSans-Regular.otf")  # without them figures and PDF would be set in whatever there is


@dataclass(frozen=True)
class Bundle:
    """A finished run: its folder, and whether it was there already."""

    folder: Path
    run_id: str
    unchanged: bool

    @property
    def report(self) -> Path:
        return self.folder / REPORT

    def findings(self) -> list[str]:
        """The main findings."""
        with open(self.folder / "findings.csv", encoding="utf-8", newline="") as file:
            return [row["text"] for row in csv.DictReader(file) if row["main"] == "true"]


class FolderTaken(Exception):
    """The folder asked for holds things that no run left there."""


class NotebookFailed(Exception):
    """A notebook ended with an error; `copy` is the executed notebook with it."""

    def __init__(self, chapter: str, error: str, copy: Path):
        self.chapter, self.error, self.copy = chapter, error, copy
        super().__init__(f"{chapter}: {error}")


class Unfinished(BadInput):
    """What the run was given turned out to be unusable once its numbers were known; `kept` is the folder with what was done."""

    def __init__(self, problems: Iterable[Problem], kept: Path):
        super().__init__(problems)
        self.kept = kept


def run(
    parameters: Parameters, out: Path | None = None, *, plain: bool = False, force: bool = False,
    tell: Callable[..., None] = lambda step, **_: None, inputs: Inputs | None = None, workers: int | None = None, drawn: Path | None = None,
) -> Bundle:  # fmt: skip
    """Make the bundle of one run, or find it.

    Args:
        out: Exactly this folder; `outputs/<run id>` of the project when None.
        plain: Run the notebooks in papermill's own kernels.
        force: Run even if the bundle is there.
        tell: Called with each step's name, for a progress bar.
        inputs: What the run reads, where that is known already.
        workers: Processes at a time; as many as there are cores when None.
        drawn: Where figures are kept that were drawn already, see `figures.drawn`.

    Raises:
        BadInput: Parameters, data or commentary are unusable; nothing was run.
        Unfinished: The commentary names unknown numbers; figures, tables and notebooks are kept, no bundle appears.
        FolderTaken: `out` holds something else.
        NotebookFailed: Its executed copy is kept; no bundle appears.
        InputsChanged: Somebody changed the data while they were read; no bundle appears.
        NumbersDiffer: A finished document prints what the run does not know; the unfinished bundle is kept, no bundle appears.
    """
    inputs = inputs or Inputs.of(parameters)
    run_id = run_id_of(parameters, inputs)
    place = out if out is not None else project_root() / "outputs" / run_id
    if not force and is_there(place, run_id):
        return Bundle(place, run_id, unchanged=True)
    if place.exists() and _recorded_id(place) is None and (not place.is_dir() or any(place.iterdir())):
        raise FolderTaken(place)

    tell("checking")
    evaluation, commentary = checked(parameters)
    with working_folder(place) as work:
        workers = workers or cores()
        seconds = _notebooks(work, place, parameters, tell, plain=plain, workers=workers, drawn=drawn)
        tell("report")
        contents = _join(work, evaluation, commentary, place, workers)
        _write_parameters(work / PARAMETERS, parameters)
        _write_evidence(contents, run_id, inputs.hashes, seconds)
        os.chmod(work, 0o755)
        inputs.check_unchanged()
        move_into_place(work, place)
    return Bundle(place, run_id, unchanged=False)


def newest() -> Path | None:
    """The bundle that was made last in the project's own folder."""
    made = [path.parent for path in (project_root() / "outputs").glob(f"*/{RECORD}")]
    return max(made, key=lambda folder: (folder / RECORD).stat().st_mtime, default=None)


def input_hashes(parameters: Parameters) -> dict[str, str]:
    """SHA-256 of every file that a run's results follow from: data, package, notebooks."""
    return Inputs.of(parameters).hashes


def run_id_of(parameters: Parameters, inputs: Inputs) -> str:
    """Period, language and a hash of parameters, inputs and package version."""
    told = {"parameters": _told(parameters), "inputs": inputs.hashes, "version": __version__}
    digest = _sha256(json.dumps(told, sort_keys=True).encode())
    return f"{parameters.period}-{parameters.language}-{digest[:10]}"


def is_there(place: Path, run_id: str) -> bool:
    """Whether the whole bundle of this very run lies in a folder."""
    return _recorded_id(place) == run_id and _is_whole(place)


def _told(parameters: Parameters) -> dict[str, Any]:
    """The parameters that change results."""
    return {name: value for name, value in parameters.model_dump().items() if name not in FOLDERS}


def _recorded_id(folder: Path) -> str | None:
    """The id of the run that left a folder, None if none did."""
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))["run_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_whole(folder: Path) -> bool:
    """Whether every file that the record names is still there."""
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return all((folder / name).is_file() for name in record["outputs"])


def checked(parameters: Parameters) -> tuple[Evaluation, Commentary]:
    """What can be checked before anything runs; all problems at once."""
    from kcq_eval.deliverables.commentary import Commentary, read_commentary
    from kcq_eval.evaluation import evaluate
    from kcq_eval.figures import style

    problems, commentary, evaluation = Problems(), Commentary(), None
    if parameters.template:
        from kcq_eval.deliverables.slide_template import template_problems

        problems += template_problems(resolve_folder(parameters.template))
    try:
        evaluation = evaluate(parameters)
    except BadInput as error:
        problems += error.problems
    try:
        commentary = read_commentary(resolve_folder(parameters.commentary)) if parameters.commentary else commentary
    except BadInput as error:
        problems += error.problems
    problems += [Problem("missing_font", name, expected=style.FONT_FOLDER.name) for name in _FONTS if not (style.FONT_FOLDER / name).is_file()]
    problems.stop()
    return evaluation, commentary


def _notebooks(work: Path, place: Path, parameters: Parameters, tell: Callable[..., None], **how: Any) -> list[tuple[str, float]]:
    from kcq_eval.runs.notebooks import execute_chapters

    given = parameters.model_dump() | {"out_dir": "."}
    done = execute_chapters(
        work, given, **how, on_start=lambda chapter: tell("notebook", chapter=chapter), on_end=lambda e: tell("done", chapter=e.chapter)
    )
    failed = [executed for executed in done if executed.error]
    if failed:
        copy = _kept(work / "notebooks", place)  # of a notebook whose process was killed there is none
        raise NotebookFailed(failed[0].chapter, failed[0].error, copy / f"{failed[0].chapter}.ipynb")
    return [(executed.chapter, executed.seconds) for executed in done]


def _kept(work: Path, place: Path) -> Path:
    """Where what was done is kept when the bundle cannot be made; nothing is, where there is no space for it."""
    copy = place.parent / f"{place.name}.failed"
    shutil.rmtree(copy, ignore_errors=True)
    try:
        shutil.copytree(work, copy, ignore=shutil.ignore_patterns("parts"))
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)
    return copy


def _join(work: Path, evaluation: Evaluation, commentary: Commentary, place: Path, workers: int) -> Contents:
    """Numbers and findings of all chapters as one table each, the audit's tables, and what is made from them, read back and checked."""
    from kcq_eval.check.matching import NumbersDiffer
    from kcq_eval.check.run_check import check_contents
    from kcq_eval.deliverables.contents import Contents
    from kcq_eval.runs.notebooks import CHAPTERS
    from kcq_eval.texts import Texts

    parts = tuple(json.loads((work / "parts" / f"{chapter}.json").read_text(encoding="utf-8")) for chapter in CHAPTERS)
    _write_tables(work, parts, evaluation)
    texts = Texts(evaluation.parameters, evaluation.published.vocabulary)
    contents = Contents(parts, evaluation, texts, work, _lineage(parts, evaluation))
    try:
        passages = commentary.filled(contents.numbers, contents.number)
    except BadInput as error:
        raise Unfinished(error.problems, _kept(work, place)) from None
    contents = replace(contents, commentary=passages)
    _deliver(contents, workers)
    shutil.rmtree(work / "parts")
    try:
        places = check_contents(contents)
    except NumbersDiffer as error:
        error.copy = _kept(work, place)
        raise
    told = json.dumps(contents.lineage | {"places": places}, ensure_ascii=False, indent=1)
    (work / LINEAGE).write_text(told + "\n", encoding="utf-8", newline="\n")
    return contents


def _lineage(parts: Iterable[dict[str, Any]], evaluation) -> dict[str, Any]:
    """What is behind each number."""
    from kcq_eval.evidence.lineage import lineage
    from kcq_eval.texts import LANGUAGES, Texts

    texts = {
        language: Texts(evaluation.parameters.model_copy(update={"language": language}), evaluation.published.vocabulary) for language in LANGUAGES
    }
    return lineage([number for part in parts for number in part["lineage"]], evaluation, texts)


def _write_tables(work: Path, parts: Iterable[dict[str, Any]], evaluation) -> None:
    from kcq_eval import tables
    from kcq_eval.deliverables import datasets
    from kcq_eval.findings import COLUMNS as FINDING_COLUMNS
    from kcq_eval.findings import DEMONSTRATION
    from kcq_eval.numbers import COLUMNS as NUMBER_COLUMNS

    numbers = [row for part in parts for row in part["numbers"]]
    twice = sorted({row["id"] for row in numbers if sum(other["id"] == row["id"] for other in numbers) > 1})
    if twice:
        raise ValueError(f"two chapters report the numbers {', '.join(twice)}")
    _write_table(work / "numbers.csv", NUMBER_COLUMNS, numbers)
    findings = [
        {
            "id": f["id"], "chapter": f["chapter"], "text": f["text"], "depends_on_explanation": "true" if f["depends"] else "false",
            "sources": ";".join(f["sources"]), "corrections": ";".join(f["corrections"]),
            "main": "true" if f["main"] else "false",
        }
        for part in parts
        for f in part["findings"]
    ]  # fmt: skip
    findings.sort(key=lambda finding: finding["id"] != DEMONSTRATION)
    _write_table(work / "findings.csv", FINDING_COLUMNS, findings)
    for name, frame in (
        ("checkability", tables.checkability_rows(evaluation)),
        ("verdicts", tables.verdict_rows(evaluation)),
        ("explanations", tables.explanation_rows(evaluation)),
        ("estimates", tables.estimate_rows(evaluation)),
        ("published", datasets.published_rows(evaluation)),
        ("coverage", datasets.coverage_rows(evaluation)),
        ("comparison", datasets.comparison_rows(evaluation)),
    ):
        frame.to_csv(work / f"{name}.csv", index=False, lineterminator="\n")


def _deliver(contents: Contents, workers: int) -> None:
    """What people open. No piece reads another, so that they are made side by side."""
    pieces = (_letters_and_reports, _slides, _workbook)
    if workers > 1 and len(pieces) > 1 and can_fork():
        for ended in run_each(lambda piece: piece(contents), pieces, workers=workers):
            ended.value()
    else:
        for piece in pieces:
            piece(contents)


def _letters_and_reports(contents: Contents) -> None:
    from kcq_eval.deliverables.document import build_document
    from kcq_eval.deliverables.letter import HTML, write_letters
    from kcq_eval.deliverables.report import write_report
    from kcq_eval.deliverables.report_docx import write_docx
    from kcq_eval.deliverables.report_pdf import write_pdf

    letter = HTML if write_letters(contents.folder, contents.evaluation, contents.texts) else ""
    write_report(contents, contents.folder / REPORT, letter=letter)
    document, figures = build_document(contents, letter=letter), contents.folder / "figures"
    write_docx(document, contents.folder / DOCX, figures)
    write_pdf(document, contents.folder / PDF, figures)


def _slides(contents: Contents) -> None:
    from kcq_eval.deliverables.slides import FILE, write_slides

    write_slides(contents, contents.folder / FILE)


def _workbook(contents: Contents) -> None:
    from kcq_eval.deliverables.workbook import WORKBOOK, write_workbook

    write_workbook(contents, contents.folder / WORKBOOK)


def _write_table(path: Path, columns: Iterable[str], rows: Iterable[dict[str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="\n")


def _write_parameters(path: Path, parameters: Parameters) -> None:
    """The file that repeats the run: `kcq-eval run -f parameters.yaml`."""
    import yaml

    given = {name: value for name, value in parameters.model_dump().items() if name != "out_dir"}
    path.write_text(yaml.safe_dump(given, allow_unicode=True, sort_keys=False), encoding="utf-8", newline="\n")


def _write_evidence(contents: Contents, run_id: str, inputs: dict[str, str], seconds: Iterable[tuple[str, float]]) -> None:
    """The crate, the record, and what seals them all; `seconds` go into the log."""
    from kcq_eval.evidence.crate import write_crate

    write_crate(contents, inputs, later=(RECORD, SUMS, LOG))
    write_record(contents.folder, run_id, _told(contents.evaluation.parameters), inputs, contents.evaluation)
    seal(contents.folder, "".join(f"{name}\t{s:.2f} s\n" for name, s in seconds))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
