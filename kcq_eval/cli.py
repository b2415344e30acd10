"""The command line: one function for each command, `kcq-eval run`, `sweep`, `check`, `explore`, …"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from kcq_eval import __version__, audit_command, sweep_command
from kcq_eval.check import command as check_command
from kcq_eval.commentary_command import app as commentary_app
from kcq_eval.errors import BadInput, Problem, Problems
from kcq_eval.explorer import command as explorer
from kcq_eval.register.commands import app as register

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Đánh giá một giai đoạn của chương trình so với giai đoạn trước, và kiểm tra các số liệu công bố có thể cùng đúng không. · "
    "Evaluate a programme's period against the one before, and prove whether its published figures can all be true.",
)  # fmt: skip
app.add_typer(register, name="register")
app.add_typer(commentary_app, name="commentary")


def main() -> None:
    if sys.getfilesystemencoding() != "utf-8":  # where UTF-8 is switched off, no file could have a Vietnamese name
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):  # Windows consoles and the C locale would fail on Vietnamese
        if stream is not None:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kcq_eval {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Phiên bản · version")] = False,
) -> None:
    pass


@app.command(help="Chạy đánh giá và ghi kết quả vào một thư mục · Run the evaluation and write its results into a folder")
def run(
    parameter: Annotated[
        list[str], typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Một tham số, lặp lại được · one parameter, repeatable")
    ] = [],
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Tệp YAML chứa tham số · YAML file of parameters")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Ghi vào đúng thư mục này · write into exactly this folder")] = None,
    template: Annotated[
        str, typer.Option("--template", metavar="FILE.pptx", help="Mẫu trình chiếu của đơn vị · the centre's own slide template")
    ] = "",
    with_names: Annotated[bool, typer.Option("--with-names", help="Ghi tên cơ sở, mã số thuế vào kết quả · write names and tax codes into the results")] = False,
    commentary: Annotated[Path | None, typer.Option("--commentary", help="Tệp lời bình (.md) · the evaluator's own passages (.md)")] = None,
    force: Annotated[bool, typer.Option("--force", help="Chạy lại dù không có gì thay đổi · run even if nothing has changed")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Dùng kernel riêng của papermill · use papermill's own kernels")] = False,
    both: Annotated[bool, typer.Option("--both", help="Chạy cả tiếng Việt và tiếng Anh, rồi đối chiếu từng số · run in both languages, then compare every number")] = False,
) -> None:
    given, language = {}, "vi"
    try:
        given = _given(parameter, file) | ({"with_names": True} if with_names else {}) | ({"template": template} if template else {})
        given |= {"commentary": str(commentary)} if commentary else {}
    except BadInput as error:
        _fail_bad_input(error, language)
    if not both:
        _run(given, file, out, plain=plain, force=force)
        return
    out = out or (Path(given["out_dir"]) if "out_dir" in given else None)
    folders = [_run(given | {"language": code}, file, out and out / code, plain=plain, force=force) for code in ("vi", "en")]
    differences = check_command.compare_bundles(*folders)
    if differences:
        _stop(_say(language, "check.languages_differ"), EXIT_FAILED, *(f"  - {line}" for line in differences))
    typer.echo(_say(language, "check.languages_agree"))


def _run(given: dict[str, Any], file: Path | None, out: Path | None, *, plain: bool, force: bool) -> Path:
    """One run in one language, told on the terminal; the folder of its bundle."""
    from kcq_eval.check.matching import NumbersDiffer
    from kcq_eval.parameters import from_here, read_parameters
    from kcq_eval.runs.bundle import FolderTaken, NotebookFailed, Unfinished
    from kcq_eval.runs.bundle import run as run_bundle
    from kcq_eval.runs.inputs import InputsChanged

    language = "vi"
    try:
        language = given.get("language") if given.get("language") in ("vi", "en") else language
        parameters = read_parameters(from_here(given), file=file.name if file else "parameters")
        if "out_dir" in given and out is None:
            out = Path(parameters.out_dir)
        with _Progress(language) as progress:
            bundle = run_bundle(parameters, out and Path(os.path.abspath(out)), plain=plain, force=force, tell=progress.tell)
    except Unfinished as error:
        _fail_bad_input(error, language, _say(language, "commentary.kept"), f"  {error.kept}")
    except BadInput as error:
        _fail_bad_input(error, language)
    except FolderTaken as error:
        _stop(_say(language, "cli.not_ours", folder=error.args[0]), EXIT_BAD_INPUT)
    except NotebookFailed as error:
        _stop(
            _say(language, "cli.failed", notebook=error.chapter, error=error.error), EXIT_FAILED,
            *((_say(language, "cli.failed_copy"), f"  {error.copy}") if error.copy.exists() else ()),
        )  # fmt: skip
    except NumbersDiffer as error:
        told = check_command.trouble_lines(error.findings, language)
        _stop(_say(language, "check.failed", count=len(error.findings)), EXIT_FAILED, *told, _say(language, "check.failed_copy"), f"  {error.copy}")
    except InputsChanged as error:
        _stop(_say(language, "cli.inputs_changed", file=error.name), EXIT_FAILED)
    except OSError as error:
        _stop(_say(language, "cli.not_writable", folder=error.filename or out, error=error.strerror), EXIT_FAILED)
    _summary(bundle, language)
    if parameters.template:
        _tell_fonts(parameters.template, language)
    return bundle.folder


@app.command(help="Bảng các tham số · The table of parameters")
def parameters() -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from kcq_eval.claims import load_published
    from kcq_eval.datafiles import resolve_folder
    from kcq_eval.parameters import entries

    table = Table(box=box.SIMPLE, show_lines=False, pad_edge=False)
    for column in ("Tham số · Parameter", "Mặc định · Default", "Giá trị · Values", "Ý nghĩa · Meaning"):
        table.add_column(column, overflow="fold")
    published = load_published(resolve_folder("data"))
    codes = {"centre": published.vocabulary.centres, "scheme_kind": (*published.vocabulary.scheme_kinds, "all"), "sources": ("all", *published.sources)}
    for entry in entries():
        choices = " | ".join(entry.choices or codes.get(entry.name, ())) or entry.help.form or "true | false"
        table.add_row(entry.name, str(entry.default).lower() if entry.type == "bool" else entry.default, choices, f"{entry.help.vi}\n{entry.help.en}")
    Console(width=None if sys.stdout.isatty() else 140).print(table)


@app.command(help="Nguồn gốc của một con số: đại lượng, số liệu công bố, dòng trong sổ, quy tắc · Where a number comes from")
def explain(
    number: Annotated[str, typer.Argument(metavar="NUMBER_ID", help="Mã trong numbers.csv · an id of numbers.csv")],
    bundle: Annotated[Path | None, typer.Argument(metavar="[BUNDLE]", help="Thư mục kết quả (mặc định: lượt chạy mới nhất) · a run's folder; the newest if none is named")] = None,
    language: Annotated[str, typer.Option("--language", help="vi | en")] = "vi",
) -> None:
    from kcq_eval.evidence.explain import explain as told

    folder = bundle or _newest(language)
    try:
        for line in told(folder, number, language):
            typer.echo(line)
    except BadInput as error:
        _fail_bad_input(error, language)


@app.command(help="So sánh hai kết quả: số nào đã thay đổi, do đâu · Compare two bundles: which numbers moved, and through what")
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="Thư mục kết quả thứ nhất · the first bundle")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Thư mục kết quả thứ hai · the second bundle")],
    language: Annotated[str, typer.Option("--language", help="vi | en")] = "vi",
) -> None:
    from kcq_eval.evidence.difference import difference, told

    try:
        found = difference(first, second)
    except BadInput as error:
        _fail_bad_input(error, language)
    for line in told(found, language):
        typer.echo(line)
    raise typer.Exit(0 if found.is_none else EXIT_FAILED)


@app.command(help="Kiểm chứng một kết quả: tệp nguyên vẹn, chạy lại ra đúng như cũ · Verify a bundle: files unchanged, run again the same comes out")
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Thư mục kết quả · a run's folder")],
    register: Annotated[Path | None, typer.Option("--register", help="Sổ theo dõi, nếu không còn ở chỗ cũ · the register, if it is not where it was")] = None,
    criteria: Annotated[Path | None, typer.Option("--criteria", help="Tệp tiêu chí · the rules file")] = None,
    commentary: Annotated[Path | None, typer.Option("--commentary", help="Tệp lời bình · the commentary")] = None,
    template: Annotated[Path | None, typer.Option("--template", help="Mẫu trình chiếu · the slide template")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Thư mục số liệu · the data folder")] = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Dựng lại môi trường từ requirements.lock trước · make the environment anew from the lock first")] = False,
    language: Annotated[str, typer.Option("--language", help="vi | en")] = "vi",
) -> None:
    from kcq_eval.check.matching import NumbersDiffer
    from kcq_eval.evidence.verify import told
    from kcq_eval.evidence.verify import verify as verified
    from kcq_eval.runs.bundle import NotebookFailed
    from kcq_eval.runs.inputs import InputsChanged

    files = {"register": register, "criteria": criteria, "commentary": commentary, "template": template, "data_dir": data}
    try:
        found = verified(
            bundle, {name: path for name, path in files.items() if path}, from_scratch=from_scratch,
            tell=lambda step: print(f"- {_say(language, f'verify.step.{step}')}", file=sys.stderr, flush=True),
        )  # fmt: skip
    except BadInput as error:
        _fail_bad_input(error, language, heading="verify.unusable")
    except NotebookFailed as error:
        _stop(_say(language, "cli.failed", notebook=error.chapter, error=error.error), EXIT_FAILED)
    except NumbersDiffer as error:
        _stop(_say(language, "check.failed", count=len(error.findings)), EXIT_FAILED, *check_command.trouble_lines(error.findings, language))
    except InputsChanged as error:
        _stop(_say(language, "cli.inputs_changed", file=error.name), EXIT_FAILED)
    except OSError as error:
        _stop(_say(language, "cli.not_readable", folder=error.filename or bundle, error=error.strerror), EXIT_BAD_INPUT)
    for line in told(found, language):
        typer.echo(line)
    raise typer.Exit(0 if found.holds else EXIT_FAILED)


@app.command(help="Bảng kiểm của người thẩm định (RAP, AEA, Ngân hàng Thế giới), trả lời từ bằng chứng · The reviewer's checklist, answered from what is observed")
def checklist(
    bundle: Annotated[Path | None, typer.Argument(metavar="[BUNDLE]", help="Thư mục kết quả (mặc định: lượt chạy mới nhất) · a run's folder; the newest if none is named")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.html", help="Trang ghi ra · the page to write")] = Path("checklist.html"),
    language: Annotated[str, typer.Option("--language", help="vi | en")] = "vi",
) -> None:
    from kcq_eval.datafiles import project_root
    from kcq_eval.evidence.checklist import write_page

    folder = bundle or _newest(language)
    try:
        counts = write_page(folder, project_root(), out, language)
    except BadInput as error:
        _fail_bad_input(error, language, heading="verify.unusable")
    except OSError as error:
        _stop(_say(language, "cli.not_writable", folder=error.filename or out, error=error.strerror), EXIT_FAILED)
    typer.echo(f"{_say(language, 'checklist.written', **counts)} {out}")


app.command(help="Kiểm tra tính nhất quán số liệu của một tài liệu bất kỳ · Audit the consistency of any document's figures")(audit_command.audit)
app.command(help="Chạy nhiều tổ hợp tham số và so sánh kết quả · Run many combinations of parameters and compare the results")(sweep_command.sweep)
app.command(help="Mở trang khám phá trong trình duyệt · Open the explorer in a browser")(explorer.explore)
app.command(help="Đối chiếu các số trong một tài liệu với kết quả của một lượt chạy · Check a document's numbers against a run's results")(check_command.check)


def _given(assignments: list[str], file: Path | None) -> dict[str, Any]:
    """Parameters of the file, overridden by those of the command line."""
    given: dict[str, Any] = {}
    problems = Problems()
    if file is not None:
        given |= _from_yaml(file, problems)
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            problems.append(Problem("bad_assignment", "parameters", None, "", assignment, "period=2021-2023"))
        given[name.strip()] = value.strip()
    problems.stop()
    return given


def _from_yaml(file: Path, problems: Problems) -> dict[str, Any]:
    import yaml

    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except OSError:
        problems.append(Problem("missing_file", str(file)))
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem("bad_yaml", file.name, mark.line + 1 if mark else None, expected="period: 2021-2023"))
        return {}
    if read is None:
        return {}
    if not isinstance(read, dict) or not all(isinstance(name, str) for name in read):
        problems.append(Problem("bad_yaml", file.name, expected="period: 2021-2023"))
        return {}
    return read


class _Progress:
    """A progress bar that names the step; plain lines where there is no terminal."""

    def __init__(self, language: str):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from kcq_eval.runs.notebooks import CHAPTERS

        self._language, self._running = language, []
        columns = (BarColumn(bar_width=24), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn(), TextColumn("{task.description}"))
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal, auto_refresh=False)
        self._task = self._bar.add_task(_say(language, "cli.checking"), total=len(CHAPTERS) + 2)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, step: str, chapter: str = "") -> None:
        if step == "notebook":
            if not self._running and self._bar.tasks[0].completed == 0:
                self._bar.advance(self._task)
            self._running.append(chapter)
        elif step == "done":
            self._running.remove(chapter)
            self._bar.advance(self._task)
        titles = [_say(self._language, f"chapter.{name}.title") for name in self._running]
        told = _say(self._language, "cli.notebook", title=" · ".join(titles)) if titles else _say(self._language, f"cli.{'report' if step == 'done' else step}")
        self._bar.update(self._task, description=told)
        self._bar.refresh()
        if self._bar.disable and step != "done":
            title = _say(self._language, "cli.notebook", title=_say(self._language, f"chapter.{chapter}.title")) if chapter else told
            print(f"- {title}", file=sys.stderr, flush=True)


def _newest(language: str) -> Path:
    """The folder of the newest run."""
    from kcq_eval.runs.bundle import newest

    folder = newest()
    if folder is None:
        _stop(_say(language, "explain.no_bundle"), EXIT_BAD_INPUT)
    return folder


def _summary(bundle, language: str) -> None:
    typer.echo(_say(language, "cli.findings"))
    for text in bundle.findings():
        typer.echo(f"  • {text}")
    typer.echo("")
    typer.echo(_say(language, "cli.unchanged" if bundle.unchanged else "cli.done") + f" {bundle.folder}")
    typer.echo(_say(language, "cli.open_first") + f" {bundle.report}")


def _tell_fonts(template: str, language: str) -> None:
    """Fonts of a slide template that texts could not be measured with."""
    from kcq_eval.datafiles import resolve_folder
    from kcq_eval.deliverables.slide_template import open_template

    fonts = open_template(resolve_folder(template)).unknown_fonts
    if fonts:
        typer.echo(_say(language, "slides.fonts", fonts=", ".join(fonts)))


def _fail_bad_input(error: BadInput, language: str, *more: str, heading: str = "cli.problems") -> None:
    from kcq_eval.texts import problem_lines

    lines = [f"  - {line}" for line in problem_lines(error.problems, language)]
    _stop(_say(language, heading, count=len(error.problems)), EXIT_BAD_INPUT, *lines, *more)


def _stop(message: str, code: int, *more: str) -> None:
    for line in (message, *more):
        typer.echo(line, err=True)
    raise typer.Exit(code)


def _say(language: str, key: str, **values: Any) -> str:
    from kcq_eval.texts import plain

    return plain(language, key, **values)
