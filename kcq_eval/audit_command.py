"""`kcq-eval audit`: the consistency audit of an evaluator's own document.

Exit codes: 0 consistent, 1 contradicted, 2 unusable input or output place, 3 undecided, 70 a failure of the program itself, which
is no verdict.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kcq_eval.errors import BadInput

CONSISTENT, CONTRADICTED, UNUSABLE, UNDECIDED, FAILED = 0, 1, 2, 3, 70
_CODES = {"consistent": CONSISTENT, "contradicted": CONTRADICTED, "undecided": UNDECIDED}
_MOST_PROBLEMS = 50
_LANGUAGES = ("vi", "en")


def audit(
    document: Annotated[
        Path | None, typer.Argument(metavar="[TỆP|THƯ MỤC · FILE|FOLDER]", help="Tệp XLSX, CSV hoặc thư mục CSV · an XLSX or CSV file, or a folder of CSV files")
    ] = None,
    number_format: Annotated[
        str, typer.Option("--format", metavar="vi|en", help="Dạng số khi tài liệu không khai báo · number format where none is declared: vi 1.234,5; en 1,234.5")
    ] = "",
    language: Annotated[str, typer.Option("--language", metavar="vi|en", help="Ngôn ngữ kết quả · language of the results")] = "vi",
    out: Annotated[Path | None, typer.Option("--out", help="Ghi vào đúng thư mục này · write into exactly this folder")] = None,
    template: Annotated[
        Path | None, typer.Option("--template", metavar="TỆP.xlsx|THƯ MỤC", help="Tạo mẫu có chú giải · make a commented template: FILE.xlsx or a folder")
    ] = None,
) -> None:
    """Audit a document, or make a template for one."""
    if language not in _LANGUAGES or number_format not in ("", *_LANGUAGES):
        raise typer.BadParameter("vi, en", param_hint="--language" if language not in _LANGUAGES else "--format")
    try:
        if template is not None:
            code = _make_template(template, language)
        elif document is None:
            code = _stopped(_say(language, "audit.nothing_given"))
        else:
            code = _audit(document, number_format, language, out)
    except BadInput as error:
        code = _bad_input(error, language)
    except OSError as error:
        code = _stopped(_say(language, "cli.not_writable", folder=error.filename or out, error=error.strerror))
    except Exception:  # 1 must mean "contradicted" and nothing else
        traceback.print_exc()
        code = _stopped(_say(language, "audit.unexpected"), FAILED)
    raise typer.Exit(code)


def _audit(document: Path, number_format: str, language: str, out: Path | None) -> int:
    from kcq_eval.deliverables.audit_page import PAGE, audit_document, write_audit
    from kcq_eval.documents import read_document

    path = Path(os.path.abspath(document))
    place = Path(os.path.abspath(out if out is not None else Path("outputs") / f"audit-{path.stem if path.is_file() else path.name}"))
    if place.exists() and not _is_ours(place):
        return _stopped(_say(language, "cli.not_ours", folder=place))
    found = audit_document(read_document(path, number_format), language)
    _write_whole(place, lambda folder: write_audit(folder, found))
    typer.echo(found.sentence)
    for finding in found.findings:
        typer.echo(f"  • {finding.text}")
    for note in found.notes:
        typer.echo(f"  · {note}")
    typer.echo("")
    typer.echo(f"{_say(language, 'audit.files')} {place}")
    typer.echo(f"{_say(language, 'cli.open_first')} {place / PAGE}")
    return _CODES[found.verdict]


def _make_template(path: Path, language: str) -> int:
    from kcq_eval.deliverables.audit_template import write_template
    from kcq_eval.runs.places import whole_file

    path = Path(os.path.abspath(path))
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        return _stopped(_say(language, "audit.template_there", path=path))
    if path.suffix.lower() == ".xlsx":
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as written:
            write_template(written, language)
    else:
        _write_whole(path, lambda folder: write_template(folder, language))
    typer.echo(f"{_say(language, 'audit.template_done')} {path}")
    typer.echo(_say(language, "audit.template_next", path=path))
    return 0


def _is_ours(place: Path) -> bool:
    """Whether a folder is empty or holds an earlier audit."""
    from kcq_eval.deliverables.audit_page import RECORD

    if not place.is_dir():
        return False
    try:
        return not any(place.iterdir()) or "verdict" in json.loads((place / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _write_whole(place: Path, write: Callable[[Path], None]) -> None:
    """The whole folder or nothing: written aside, then moved to its place."""
    from kcq_eval.runs.places import move_into_place, working_folder

    with working_folder(place) as work:
        write(work)
        os.chmod(work, 0o755)
        move_into_place(work, place)


def _bad_input(error: BadInput, language: str) -> int:
    from kcq_eval.texts import problem_lines

    lines = [f"  - {line}" for line in problem_lines(error.problems[:_MOST_PROBLEMS], language)]
    if len(error.problems) > _MOST_PROBLEMS:
        lines.append("  " + _say(language, "audit.more_problems", count=len(error.problems) - _MOST_PROBLEMS))
    if any(problem.message == "printed_undeclared_format" for problem in error.problems):
        lines.append(_say(language, "audit.format_hint"))
    return _stopped("\n".join([_say(language, "audit.problems", count=len(error.problems)), *lines]))


def _stopped(message: str, code: int = UNUSABLE) -> int:
    typer.echo(message, err=True)
    return code


def _say(language: str, key: str, **values: Any) -> str:
    from kcq_eval.texts import plain

    return plain(language, key, **values)
