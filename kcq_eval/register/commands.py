"""The command line of the register: `kcq-eval register template`, `check`, `demo`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from kcq_eval.errors import BadInput, Problem, Problems

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2
_SHOWN = 50  # problems on the terminal; the marked copy has all
Language = Annotated[Literal["vi", "en"], typer.Option("--language", help="Ngôn ngữ · language")]
Force = Annotated[bool, typer.Option("--force", help="Ghi đè tệp đã có · overwrite an existing file")]
Data = Annotated[str, typer.Option("--data-dir", help="Thư mục số liệu · data folder")]

app = typer.Typer(no_args_is_help=True, help="Sổ theo dõi cơ sở được hỗ trợ · The register of facilities supported")


@app.command(help="Ghi một sổ trống có danh mục chọn, ghi chú và ví dụ · Write an empty register with lists, notes and an example")
def template(
    file: Annotated[Path, typer.Argument(help="Tệp .xlsx sẽ ghi · .xlsx file to write")] = Path("so-theo-doi.xlsx"),
    language: Language = "vi", force: Force = False, data_dir: Data = "data",
) -> None:  # fmt: skip
    from kcq_eval.register import workbooks
    from kcq_eval.register.columns import load_words

    folder, vocabulary = _vocabulary(data_dir, language)
    _free(file, force, language)
    _written(lambda to: workbooks.template(to, load_words(folder, vocabulary), vocabulary, language), file, language)


@app.command(help="Kiểm tra một sổ, ghi bản sao có đánh dấu các ô cần xem · Check a register and write a copy with the cells marked")
def check(
    file: Annotated[Path, typer.Argument(help="Sổ theo dõi · the register")],
    marked: Annotated[Path | None, typer.Option("--marked", help="Nơi ghi bản sao · where the copy goes")] = None,
    period: Annotated[str, typer.Option("--period", help="Giai đoạn đánh giá · period evaluated")] = "2021-2023",
    baseline: Annotated[str, typer.Option("--baseline", help="Kỳ so sánh · period compared with")] = "2018-2020",
    numbers: Annotated[
        Literal["auto", "vi", "en"],
        typer.Option("--numbers", help="Dạng số viết bằng chữ: vi 1.234,5; en 1,234.5 · format of numbers that stand as text"),
    ] = "auto",
    language: Language = "vi", data_dir: Data = "data",
) -> None:  # fmt: skip
    from kcq_eval.parameters import Period
    from kcq_eval.register.register import check_register

    folder, _ = _vocabulary(data_dir, language)
    problems = Problems()
    periods = []
    for name, text in (("period", period), ("baseline", baseline)):
        try:
            periods.append(Period.parse(text))
        except ValueError:
            problems.append(Problem("bad_period", "parameters", None, name, text, "YYYY-YYYY"))
    if problems:
        _stop(problems, language)
    register, pieces = check_register(file, folder, problems, number_format=numbers)
    remarks = [remark for coded in pieces for remark in coded.notes]
    if register is not None:
        remarks = [*register.remarks, *(remark for when in periods for remark in register.twice_supported(when))]
        counts = {"rows": len(register.facts), "facilities": register.facts.loc[register.facts["facility"] >= 0, "facility"].nunique()}
        typer.echo(_say(language, "register.checked", file=file.name, schemes=register.facts["scheme"].nunique(), **counts))
    _show(list(problems), _say(language, "register.errors", count=len(problems)), language)
    _show([remark.problem for remark in remarks], _say(language, "register.warnings", count=len(remarks)), language)
    if (problems or remarks) and pieces and not any(coded.raw.frame.empty for coded in pieces):
        _mark(file, marked, pieces, problems, remarks, language)
    if problems:
        raise typer.Exit(EXIT_BAD_INPUT)


@app.command(help="Ghi sổ minh họa (hư cấu) có tổng đúng bằng số liệu công bố · Write the demonstration register (invented), with the published totals")
def demo(
    file: Annotated[Path, typer.Argument(help="Tệp .xlsx, .csv hoặc .parquet · file to write")] = Path("so-minh-hoa.xlsx"),
    seed: Annotated[int, typer.Option("--seed", help="Số gốc của dãy ngẫu nhiên · seed of the random numbers")] = 1,
    language: Language = "vi", force: Force = False, data_dir: Data = "data",
) -> None:  # fmt: skip
    from kcq_eval.register.demonstration import write_demonstration

    folder, vocabulary = _vocabulary(data_dir, language)
    _free(file, force, language)
    _written(lambda to: write_demonstration(to, folder, vocabulary, seed=seed, language=language), file, language)


@app.command(help="Ghi tệp tiêu chí đề án điểm để điền ngưỡng · Write a rules file of a focal scheme's criteria, to be filled in")
def criteria(
    file: Annotated[Path, typer.Argument(help="Tệp .csv sẽ ghi · .csv file to write")] = Path("tieu-chi.csv"),
    language: Language = "vi", force: Force = False,
) -> None:  # fmt: skip
    from kcq_eval.register.criteria import empty_criteria

    _free(file, force, language)
    _written(lambda to: to.write_text(empty_criteria(), encoding="utf-8-sig", newline=""), file, language)


def _mark(file: Path, marked: Path | None, pieces: list, problems: Problems, remarks: list, language: str) -> None:
    from kcq_eval.register import workbooks

    place = marked or file.with_name(f"{file.stem}.marked.xlsx")
    if place.resolve() == file.resolve():
        _stop([Problem("bad_form", "parameters", None, "--marked", str(marked), "≠ " + file.name)], language)
    marks = [workbooks.Mark(problem, problem.row, False) for problem in problems if problem.row]
    marks += [workbooks.Mark(remark.problem, row, True) for remark in remarks for row in remark.rows]
    _written(lambda to: workbooks.marked_copy(file, pieces, marks, to, language), place, language, "register.marked")


def _show(problems: list[Problem], title: str, language: str) -> None:
    """A table of problems: place, what, found, expected, nearest."""
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not problems:
        return
    typer.echo(title)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("place", "what", "found", "expected", "nearest"):
        table.add_column(_say(language, f"register.{column}"), overflow="fold")
    for problem in problems[:_SHOWN]:
        where = [problem.file] if problem.file != "parameters" else []
        where += [_say(language, "problem.where_row", row=problem.row)] if problem.row else []
        where += [problem.column] if problem.column else []
        expected = "" if language == "vi" and problem.message.startswith("printed_") else problem.expected  # which are in English
        told = (", ".join(where), _say(language, f"problem.{problem.message}"), problem.found[:200], expected[:200], problem.nearest)
        table.add_row(*map(Text, told))
    Console(width=None if sys.stdout.isatty() else 160, force_terminal=sys.stdout.isatty()).print(table)
    if len(problems) > _SHOWN:
        typer.echo(_say(language, "register.more", count=len(problems) - _SHOWN))


def _vocabulary(data_dir: str, language: str):
    from kcq_eval.datafiles import resolve_folder
    from kcq_eval.vocabulary import load_vocabulary

    folder = Path(os.path.abspath(data_dir)) if Path(data_dir).is_dir() else resolve_folder(data_dir)
    try:
        return folder, load_vocabulary(folder)
    except BadInput as error:
        _stop(error.problems, language)


def _free(file: Path, force: bool, language: str) -> None:
    if file.exists() and not force:
        typer.echo(_say(language, "register.taken", file=file), err=True)
        raise typer.Exit(EXIT_BAD_INPUT)


def _written(write, place: Path, language: str, key: str = "register.written") -> None:
    from kcq_eval.runs.places import whole_file

    try:
        with whole_file(place) as to:
            write(to)
    except OSError as error:
        typer.echo(_say(language, "cli.not_writable", folder=error.filename or place, error=error.strerror), err=True)
        raise typer.Exit(EXIT_FAILED) from None
    typer.echo(f"{_say(language, key)} {place}")


def _stop(problems, language: str) -> None:
    from kcq_eval.texts import problem_lines

    for line in problem_lines(problems, language):
        typer.echo(f"  - {line}", err=True)
    raise typer.Exit(EXIT_BAD_INPUT)


def _say(language: str, key: str, **values: Any) -> str:
    from kcq_eval.texts import plain

    return plain(language, key, **values)
