"""`kcq-eval sweep`: many runs, shown as they go.

Exit codes: 0 all runs are whole, 1 some failed or the disk ran full, 2 unusable input, 130 interrupted. After 1 and 130 the same
command goes on from where it stopped.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kcq_eval.errors import BadInput

if TYPE_CHECKING:
    from kcq_eval.runs.sweep import Maker, Progress, Sweep

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130
_SHOWN_PROBLEMS, _SHOWN_RUNS, _SHOWN_NUMBERS = 30, 10, 20


def sweep(
    grid: Annotated[Path, typer.Argument(metavar="GRID.yaml", help="Tệp nêu các tham số thay đổi · file that names the parameters that change")],
    numbers: Annotated[
        bool, typer.Option("--numbers/--bundles", help="Chỉ tính chỉ tiêu, hay đủ mọi kết quả · indicators only, or everything")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Ghi vào đúng thư mục này · write into exactly this folder")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Số tiến trình cùng lúc · processes at a time")] = None,
    scheduler: Annotated[str, typer.Option("--scheduler", metavar="tcp://…", help="Chạy trên cụm Dask · run on a Dask cluster")] = "",
) -> None:
    """Run a grid."""
    from kcq_eval.parameters import from_here
    from kcq_eval.runs.cluster import ClusterUnusable, make_on_cluster
    from kcq_eval.runs.sweep import BUNDLES_DEPTH, MOST, NUMBERS_DEPTH, Held, NoRoom, make_in_pool, plan
    from kcq_eval.runs.sweep import sweep as run_sweep

    depth, language = NUMBERS_DEPTH if numbers else BUNDLES_DEPTH, "vi"
    shown = None
    try:
        from kcq_eval.runs.grid import load_grid

        language = _language(grid)
        read = load_grid(grid, most=MOST[depth], placed=from_here)
        print(_say(language, "sweep.checking", count=read.size), file=sys.stderr, flush=True)
        planned = plan(read, depth, _folder(grid, out))
        make: Maker = make_in_pool(workers or 0)
        if scheduler:
            make = make_on_cluster(scheduler, planned)
        with _Shown(language) as shown:
            done = run_sweep(planned, make=make, tell=shown.tell)
    except BadInput as error:
        _bad_input(error, language)
    except ClusterUnusable as error:
        _stop(EXIT_FAILED if shown else EXIT_BAD_INPUT, _say(language, f"sweep.cluster.{error.key}", **error.told), *_so_far(shown, language))
    except NoRoom:
        _stop(EXIT_FAILED, _say(language, "sweep.no_room"), *_so_far(shown, language))
    except Held as error:
        _stop(EXIT_BAD_INPUT, _say(language, "sweep.held", folder=error.args[0]))
    except KeyboardInterrupt:
        _stop(EXIT_INTERRUPTED, _say(language, "sweep.stopped"), *_so_far(shown, language))
    except OSError as error:
        _stop(EXIT_FAILED, _say(language, "cli.not_writable", folder=error.filename or out or grid, error=error.strerror or error))
    else:
        _summary(done, language)


def _folder(grid: Path, out: Path | None) -> Path:
    from kcq_eval.datafiles import project_root

    return Path(os.path.abspath(out)) if out is not None else project_root() / "outputs" / f"sweep-{grid.stem}"


def _language(grid: Path) -> str:
    """The language the grid fixes, as far as it can be read; the loader says what is wrong with it."""
    import yaml

    try:
        read = yaml.safe_load(grid.read_text(encoding="utf-8-sig"))
        language = read["fixed"]["language"]
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError):
        return "vi"
    return language if language in ("vi", "en") else "vi"


class _Shown:
    """A live table of how far the runs are; a line now and then where there is no terminal."""

    def __init__(self, language: str):
        from rich.console import Console
        from rich.live import Live

        self._say: Callable[..., str] = lambda key, **values: _say(language, f"sweep.{key}", **values)
        self._started, self._last_line = time.monotonic(), 0.0
        self.progress: Progress | None = None
        console = Console(stderr=True)
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None  # its own thread would not survive a fork

    def __enter__(self) -> _Shown:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def tell(self, progress: Progress) -> None:
        self.progress = progress
        now = time.monotonic()
        if self._live:
            if now - self._last_line > 0.1 or not progress.left:
                self._last_line = now
                self._live.update(self._table(progress), refresh=True)
        elif now - self._last_line > 10:
            self._last_line = now
            told = self._say("line", whole=progress.found + progress.made, size=progress.size, failed=len(progress.failed))
            print(told, file=sys.stderr, flush=True)

    def _table(self, progress: Progress) -> Any:
        from rich import box
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        seconds = time.monotonic() - self._started
        rate = progress.made / seconds if seconds > 1 else 0.0
        table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
        table.add_row(self._say("whole"), f"{progress.found + progress.made}/{progress.size}", ProgressBar(progress.size, progress.size - progress.left, width=30))
        if progress.found:
            table.add_row(self._say("found"), str(progress.found), "")
        table.add_row(self._say("failed"), str(len(progress.failed)), "\n".join(f"{run}: {error[:60]}" for run, error in list(progress.failed.items())[-3:]))
        running = progress.running[:4]
        table.add_row(self._say("running"), str(len(progress.running)), "\n".join([*running, "…"] if len(progress.running) > 4 else running))
        if rate:
            left = time.strftime("%H:%M:%S", time.gmtime(progress.left / rate))
            table.add_row(self._say("pace"), f"{rate * 60:.0f}", self._say("time_left", left=left))
        return table


def _so_far(shown: _Shown | None, language: str) -> list[str]:
    if shown is None or shown.progress is None:
        return []
    progress = shown.progress
    return [_say(language, "sweep.line", whole=progress.found + progress.made, size=progress.size, failed=len(progress.failed))]


def _summary(done: Sweep, language: str) -> None:
    from kcq_eval.runs.index import COMPARISON, CSV, DIFFERS, PARQUET, SAME, WITHIN

    verdicts = [one.verdict for one in done.compared]
    counts = {name: verdicts.count(name) for name in (DIFFERS, WITHIN, SAME)}
    typer.echo(_say(language, "sweep.done", whole=len(done.runs) - len(done.progress.failed), size=len(done.runs), found=done.progress.found))
    typer.echo(_say(language, "sweep.compared", all=len(verdicts), **counts))
    differing = [one for one in done.compared if one.verdict == DIFFERS]
    for one in differing[:_SHOWN_NUMBERS]:
        key = "moved" if one.moved_by else "moved_together"
        told = {"id": one.id, "lowest": _read(one.lowest, language), "highest": _read(one.highest, language), "axes": "; ".join(one.moved_by)}
        typer.echo("  • " + _say(language, f"sweep.{key}", **told))
    if len(differing) > _SHOWN_NUMBERS:
        typer.echo("  • …")
    typer.echo(_say(language, "sweep.index", folder=done.folder, files=", ".join((CSV, PARQUET, COMPARISON))))
    if done.progress.failed:
        failed = [f"  - {run}: {error}" for run, error in done.progress.failed.items()]
        more = ["  - …"] if len(failed) > _SHOWN_RUNS else []
        _stop(EXIT_FAILED, _say(language, "sweep.failed_runs", count=len(failed)), *failed[:_SHOWN_RUNS], *more)


def _read(end: str, language: str) -> str:
    """An end of an interval as it is read; the files have all decimals."""
    from fractions import Fraction

    from kcq_eval.printed import format_number

    return format_number(Fraction(end), decimals=min(2, len(end.partition(".")[2])), number_format=language) if end else "∞"


def _bad_input(error: BadInput, language: str) -> None:
    from kcq_eval.texts import problem_lines

    lines = [f"  - {line}" for line in problem_lines(error.problems, language)]
    more = ["  - …"] if len(lines) > _SHOWN_PROBLEMS else []
    _stop(EXIT_BAD_INPUT, _say(language, "cli.problems", count=len(lines)), *lines[:_SHOWN_PROBLEMS], *more)


def _stop(code: int, *lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(code)


def _say(language: str, key: str, **values: Any) -> str:
    from kcq_eval.texts import plain

    return plain(language, key, **values)
