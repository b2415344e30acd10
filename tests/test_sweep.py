"""`kcq-eval sweep`: grids, what a sweep leaves, what it does when it is killed, and a cluster of separate processes."""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kcq_eval.datafiles import project_root
from kcq_eval.errors import BadInput
from kcq_eval.figures import drawn
from kcq_eval.kept import keep, read_kept
from kcq_eval.parameters import from_here, read_parameters
from kcq_eval.runs import sweep as sweeps
from kcq_eval.runs import tasks
from kcq_eval.runs.bundle import run
from kcq_eval.runs.grid import load_grid
from kcq_eval.runs.index import DIFFERS, SAME, WITHIN, Reported, Row, compare
from kcq_eval.runs.pool import CAN_FORK, Ended, run_each
from kcq_eval.runs.sweep import BUNDLES_DEPTH, MOST, NUMBERS_DEPTH, NoRoom, plan, sweep

FOUR = "fixed: {figure_formats: png}\naxes: {price_basis: [nominal, cpi], share_whole: every}\n"
pytestmark = pytest.mark.skipif(not CAN_FORK, reason="sweeps go through papermill's own kernels here, which takes minutes")


@pytest.fixture
def grid(tmp_path):
    """Reads a grid from text."""

    def read(text, most=1_000):
        path = tmp_path / "grid.yaml"
        path.write_text(text, encoding="utf-8")
        return load_grid(path, most=most, placed=from_here)

    return read


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A sweep of four bundles, made in another process."""
    folder = tmp_path_factory.mktemp("four")
    (folder / "grid.yaml").write_text(FOUR, encoding="utf-8")
    done = command("sweep", folder / "grid.yaml", "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder


def command(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "kcq_eval", *map(str, arguments)], cwd=project_root(), capture_output=True, text=True, env={**os.environ, **environment}
    )


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "log.txt"}


def bundles(folder):
    return sorted(p for p in (folder / "runs").glob("[!.]*") if p.suffix != ".failed")


# ---------------------------------------------------------------- the grid


def test_a_grid_is_every_combination_but_those_excluded(grid):
    read = grid(
        "fixed: {language: en}\n"
        "axes:\n  price_basis: every\n  scheme_kind: every\n  period: {from: 2019-2021, to: 2021-2023}\n  baseline: before\n"
        "  map_vintage, map_extent: [['63', centre], [34, country]]\n"
        "exclude:\n  - {price_basis: [cpi, gdp_deflator], map_extent: country}\n"
    )
    assert read.size == 3 * 3 * 3 * 2
    found = read.parameters()
    assert len(found) == 3 * 3 * (3 * 2 - 2)
    assert {(p.period, p.baseline) for p in found} == {("2019-2021", "2016-2018"), ("2020-2022", "2017-2019"), ("2021-2023", "2018-2020")}
    assert {(p.map_vintage, p.map_extent) for p in found} == {("63", "centre"), ("34", "country")}
    assert {p.scheme_kind for p in found} == {"focal", "standalone", "all"} and {p.language for p in found} == {"en"}


def test_every_explanation_and_source_is_listed_by_the_data(grid):
    assert {p.explanation for p in grid("axes: {explanation: every}").parameters()} >= {"ipc1-2023-12-27/5", "tied"}
    assert {p.sources for p in grid("axes: {sources: every}").parameters()} == {"all", "ipc1-2023-12-27", "baonamdinh-2020-11-05"}


@pytest.mark.parametrize(
    ("text", "column", "found", "near"),
    [
        ("axes: {price_bais: every}", "price_bais", "price_bais", "price_basis"),
        ("axes: {price_basis: [nominl]}", "price_basis", "nominl", "nominal"),
        ("axes: {price_basis: every}\nfixed: {langage: vi}", "langage", "langage", "language"),
        ("axes: {price_basis: every}\nfixd: {language: vi}", "fixd", "fixd", "fixed"),
        ("axes: {price_basis: every}\nexclude: [{language: vn}]", "language", "vn", ""),
        ("axes: {out_dir: [a, b]}", "out_dir", "out_dir", ""),
        ("axes: {register: every}", "register", "every", ""),
        ("axes: {period: {from: 2018-2020, to: 2022}}", "period", "{'from': '2018-2020', 'to': 2022}", ""),
        ("axes: {price_basis: {from: 1, to: 3}}", "price_basis", "{'from': 1, 'to': 3}", ""),
        ("axes: {price_basis: [cpi, cpi]}", "price_basis", "cpi", ""),
        ("axes: {price_basis: []}", "price_basis", "[]", ""),
        ("axes: {language: every}\nfixed: {language: vi}", "language", "", ""),
        ("axes: [language]", "axes", "['language']", ""),
        ("fixed: {language: vi}", "axes", "", ""),
    ],
)
def test_what_a_grid_cannot_mean_is_refused_with_what_was_meant(grid, text, column, found, near):
    with pytest.raises(BadInput) as refused:
        grid(text)
    (problem,) = refused.value.problems
    assert (problem.file, problem.column, problem.found, problem.nearest) == ("grid.yaml", column, found, near)


def test_all_problems_of_a_grid_are_told_at_once(grid):
    with pytest.raises(BadInput) as refused:
        grid("axes: {price_bais: every, language: [vn], share_whole: [al]}\nfixed: {map_vintage: 62}")
    assert {problem.column for problem in refused.value.problems} == {"price_bais", "language", "share_whole", "map_vintage"}


def test_a_grid_of_a_thousand_million_runs_is_refused_without_being_made(tmp_path):
    ten = ", ".join(str(Path(f"d{n}").absolute()) for n in range(1_000))
    (tmp_path / "grid.yaml").write_text(f"axes: {{data_dir: [{ten}], register: [{ten}], criteria: [{ten}]}}", encoding="utf-8")
    started = time.monotonic()
    with pytest.raises(BadInput) as refused:
        load_grid(tmp_path / "grid.yaml", most=MOST[NUMBERS_DEPTH])
    assert time.monotonic() - started < 30
    (problem,) = refused.value.problems
    assert problem.message == "grid_too_large" and problem.found.replace("\xa0", "") == "1000000000"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axes: {period: [2021-2023, 2015-2017]}", "baseline_not_before"),
        ("axes: {period: [2021-2023, 2022-2023]}", "unequal_periods"),
        ("axes: {price_basis: [cpi]}\nexclude: [{price_basis: cpi}]", "grid_empty"),
    ],
)
def test_combinations_that_no_run_can_have_are_refused(grid, text, message):
    with pytest.raises(BadInput) as refused:
        grid(text).parameters()
    assert [problem.message for problem in refused.value.problems] == [message]


def test_what_the_data_do_not_hold_is_refused_before_anything_runs(grid, tmp_path):
    with pytest.raises(BadInput) as refused:
        plan(grid("axes: {sources: [all, ipc1-2023-12-28], explanation: [first, ipc1-2023-12-27/1]}"), NUMBERS_DEPTH, tmp_path / "out")
    assert {problem.message for problem in refused.value.problems} == {"unknown_value", "conflict_remains"}
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- the comparison


def reported(lower, upper, number_id="growth"):
    return [Reported(number_id, lower, lower, upper, "percent")]


def test_numbers_differ_only_where_no_one_value_could_be_true_in_both():
    given = [{"basis": basis, "whole": whole} for basis in ("a", "b") for whole in ("x", "y")]
    for intervals, verdict, moved in (
        (["1 2", "1 2", "1 2", "1 2"], SAME, ()),
        (["1 2", "2 3", "1.5 2.5", "1 3"], WITHIN, ()),
        (["1 2", "1 2", "2.000000000001 3", "1 3"], DIFFERS, ("basis",)),
        (["1 2", "3 4", "1 2", "3 4"], DIFFERS, ("whole",)),
        (["1 2", "2 4", "2 4", "3 4"], DIFFERS, ()),  # only both together
        (["1 ", "2 ", "3 ", "4 "], WITHIN, ()),  # open above
    ):
        made = [Row(str(n), given[n], reported(*interval.split(" "))) for n, interval in enumerate(intervals)]
        (found,) = compare(made, [("basis",), ("whole",)])
        assert (found.verdict, found.moved_by) == (verdict, moved), intervals


def test_a_number_that_some_runs_do_not_report_is_compared_among_the_others():
    made = [Row("1", {"a": 1}, reported("1", "2")), Row("2", {"a": 2}), Row("3", {"a": 3}, reported("5", "6"))]
    (found,) = compare(made, [("a",)])
    assert (found.verdict, found.runs, found.smallest_run, found.largest_run, found.lowest, found.highest) == (DIFFERS, 2, "1", "3", "1", "6")


# ---------------------------------------------------------------- both depths


def test_both_depths_give_the_same_index(four, tmp_path):
    done = command("sweep", four / "grid.yaml", "--numbers", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for name in ("index.csv", "index.parquet", "comparison.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (four / "out" / name).read_bytes(), name


def test_numbers_alone_of_a_register_are_those_of_the_notebooks(four, tmp_path):
    given = {"register": "data/demonstration/register.csv", "count_unit": "facility", "price_basis": "cpi"}
    parameters = read_parameters({"figure_formats": "png", **given})
    bundle = run(parameters, tmp_path / "bundle", drawn=four / "out" / ".kept" / "figures")
    assert tasks.numbers_of(parameters) == tasks.bundle_numbers(bundle.folder)


def test_the_index_names_parameters_and_numbers(four):
    import pyarrow.parquet as pq

    index = rows(four / "out" / "index.csv")
    assert [(row["price_basis"], row["share_whole"]) for row in index] == [("nominal", "all"), ("nominal", "rest"), ("cpi", "all"), ("cpi", "rest")]
    assert {row["status"] for row in index} == {"whole"} and index[0]["funding.growth.nominal:lower"] == "28.008466204023"
    table = pq.read_table(four / "out" / "index.parquet").to_pylist()
    assert [row["facilities.share.current"] for row in table] == pytest.approx([61.4407, 61.4407, 61.4407, 61.4407], abs=100)
    compared = {row["id"]: row for row in rows(four / "out" / "comparison.csv")}
    assert (compared["facilities.share.current"]["verdict"], compared["facilities.share.current"]["moved_by"]) == (DIFFERS, "share_whole")
    assert compared["funding.growth.cpi"]["verdict"] == SAME


def test_a_bundle_of_a_sweep_is_the_one_that_a_run_of_its_own_leaves(four, tmp_path):
    (place,) = [p for p in bundles(four / "out") if '"share_whole": "rest"' in (text := (p / "record.json").read_text()) and '"price_basis": "cpi"' in text]
    alone = run(read_parameters({"figure_formats": "png", "price_basis": "cpi", "share_whole": "rest"}), tmp_path / "bundle")
    assert contents(alone.folder) == contents(place)


def test_figures_that_do_not_depend_on_what_changes_are_drawn_once(four):
    kept = {read_kept(p) for p in (four / "out" / ".kept" / "figures").glob("*.png")}
    figures = [p.read_bytes() for place in bundles(four / "out") for p in (place / "figures").glob("*.png")]
    assert set(figures) <= kept and len(set(figures)) < len(figures) / 2


# ---------------------------------------------------------------- kept figures


def test_a_kept_figure_is_found_only_by_all_that_it_was_drawn_from(tmp_path):
    from kcq_eval import exhibits
    from kcq_eval.evaluation import evaluate
    from kcq_eval.indicators.composition import mix_numbers
    from kcq_eval.texts import Texts

    def key(**given):
        parameters = read_parameters(given)
        evaluation = evaluate(parameters)
        numbers = mix_numbers(evaluation.estimates, parameters)
        texts = Texts(parameters, evaluation.published.vocabulary, numbers)
        return drawn.key_of(exhibits.mix_change(numbers, texts, evaluation).draw), drawn.key_of(exhibits.coverage_map(numbers, texts, evaluation).draw)

    first, again, english, other_map = key(), key(price_basis="cpi", share_whole="rest"), key(language="en"), key(map_vintage="34")
    assert first == again and all(first)
    assert not set(first) & set(english) and other_map[0] == first[0] and other_map[1] != first[1]


def test_the_key_of_a_drawing_tells_values_apart_and_refuses_what_it_cannot_tell(tmp_path):
    import functools

    import pandas as pd

    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("2")
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    values = [1, 1.0, "1", True, None, (1,), [1], [[1]], [1, [2]], [[1], 2], {"a": 1}, {"a": "1"}, frame, frame.assign(x=[1.0, 2.5]), frame.rename(columns={"x": "y"})]
    values += [tmp_path / "a.csv", tmp_path / "b.csv", b"1", float("nan")]
    keys = [drawn.key_of(functools.partial(drawn.key_of, value)) for value in values]
    assert len(set(keys)) == len(values) and all(keys)
    for untold in (object(), iter([1]), tmp_path / "missing.csv", pd.Series([1])):
        assert drawn.key_of(functools.partial(drawn.key_of, untold)) == ""


def test_a_damaged_kept_figure_is_drawn_again(tmp_path):
    keep(tmp_path / "figure", b"drawn")
    assert read_kept(tmp_path / "figure") == b"drawn"
    for damage in (b"", b"x", (tmp_path / "figure").read_bytes()[:-1], (tmp_path / "figure").read_bytes() + b"x"):
        (tmp_path / "figure").write_bytes(damage)
        assert read_kept(tmp_path / "figure") is None


# ---------------------------------------------------------------- going on


def test_a_sweep_goes_on_and_repeats_nothing_whole(four, tmp_path):
    shutil.copytree(four / "out", tmp_path / "out")
    lost, *others = bundles(tmp_path / "out")
    (lost / "numbers.csv").unlink()
    (tmp_path / "out" / "runs" / ".left").mkdir()
    before = {place: place.stat().st_ino for place in others}
    done = command("sweep", four / "grid.yaml", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {place: place.stat().st_ino for place in others} == before
    assert (lost / "numbers.csv").exists() and not (tmp_path / "out" / "runs" / ".left").exists()
    assert (tmp_path / "out" / "index.csv").read_bytes() == (four / "out" / "index.csv").read_bytes()


def test_damaged_numbers_are_computed_again_and_whole_ones_are_not(grid, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "_CHUNK", 1)
    planned = plan(grid(FOUR), NUMBERS_DEPTH, tmp_path / "out")
    first = sweep(planned)
    index = (tmp_path / "out" / "index.parquet").read_bytes()
    assert (first.progress.made, first.progress.found) == (4, 0)
    place = sorted((tmp_path / "out" / ".kept" / "numbers").iterdir())[0]
    place.write_bytes(place.read_bytes()[:-3])
    again = sweep(planned)
    assert (again.progress.made, again.progress.found) == (1, 3)
    assert (tmp_path / "out" / "index.parquet").read_bytes() == index


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "kcq_eval", *map(str, arguments)], cwd=project_root(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env={**os.environ, **environment},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell's background job would have it ignore
    )  # fmt: skip


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def children(pid):
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            if place.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(place.parent.name))
        except OSError:
            continue
    return [*found, *(grandchild for child in found for grandchild in children(child))]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_sweep_that_is_stopped_and_killed_goes_on_where_it_was(four, tmp_path):
    whole = {}
    ways = ((lambda process: os.killpg(process.pid, signal.SIGINT), 130), (lambda process: process.kill(), -signal.SIGKILL))
    for number, (stop, code) in enumerate(ways):
        process = start("sweep", four / "grid.yaml", "--out", tmp_path / "out")
        until(lambda: number or bundles(tmp_path / "out"))
        until(lambda: children(process.pid))
        working = children(process.pid)
        stop(process)  # killed, it tells its children nothing; the system does
        assert process.wait(60) == code
        until(lambda: not any(map(alive, working)), 20)
        now = {place: place.stat().st_ino for place in bundles(tmp_path / "out")}
        assert now and whole.items() <= now.items() and not (tmp_path / "out" / "index.csv").exists()
        assert all((place / "record.json").exists() and (place / "report.html").exists() for place in now)
        whole = now
    done = command("sweep", four / "grid.yaml", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {place: place.stat().st_ino for place in whole} == whole
    assert contents(tmp_path / "out" / "runs") == contents(four / "out" / "runs")
    assert (tmp_path / "out" / "index.parquet").read_bytes() == (four / "out" / "index.parquet").read_bytes()


@pytest.mark.soak
def test_a_sweep_killed_again_and_again_ends_as_if_it_had_not_been(four, tmp_path):
    whole, rounds = {}, 0
    while not (tmp_path / "out" / "index.csv").exists():
        process = start("sweep", four / "grid.yaml", "--out", tmp_path / "out")
        rounds += 1
        try:
            process.wait(2 + rounds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        now = {place: place.stat().st_ino for place in bundles(tmp_path / "out")}
        assert whole.items() <= now.items()
        whole = now
    assert contents(tmp_path / "out" / "runs") == contents(four / "out" / "runs")
    assert (tmp_path / "out" / "index.parquet").read_bytes() == (four / "out" / "index.parquet").read_bytes()


def test_a_failed_run_is_listed_and_the_others_finish(four, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(project_root() / "data", home / "data")
    shutil.copytree(project_root() / "notebooks", home / "notebooks")
    path = home / "notebooks" / "support_type_mix.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("chapter.conclude()", "assert price_basis != 'cpi'; chapter.conclude()"), encoding="utf-8")
    (tmp_path / "grid.yaml").write_text("fixed: {figure_formats: png, language: en}\naxes: {price_basis: [nominal, cpi]}\n")
    done = command("sweep", tmp_path / "grid.yaml", "--out", tmp_path / "out", KCQ_EVAL_HOME=str(home))
    assert done.returncode == 1 and "1 run failed" in done.stderr and "support_type_mix: AssertionError" in done.stderr, done.stderr
    index = rows(tmp_path / "out" / "index.csv")
    assert [row["status"] for row in index] == ["whole", "failed"] and index[1]["error"].startswith("support_type_mix: AssertionError")
    assert index[0]["funding.current"] == "232908" and index[1]["funding.current"] == ""


def test_a_full_disk_stops_the_sweep_and_loses_nothing(grid, tmp_path, monkeypatch):
    planned = plan(grid(FOUR), NUMBERS_DEPTH, tmp_path / "out")

    def full(plan, missing, ended, started):
        tasks.make_numbers([missing[0]], plan.folder, plan.inputs)
        ended(missing[0].run, "")
        ended(missing[1].run, tasks.NO_ROOM)

    with pytest.raises(NoRoom):
        sweep(planned, make=full)
    done = sweep(planned)
    assert (done.progress.found, done.progress.made, done.progress.failed) == (1, 3, {})
    assert tasks.no_room("OSError: [Errno 28] No space left on device: 'a'") == tasks.NO_ROOM and tasks.no_room("KeyError: 28") == ""


def test_a_folder_without_room_or_with_other_things_is_refused(grid, tmp_path, monkeypatch):
    read = grid(FOUR)
    for place in (tmp_path, tmp_path / "grid.yaml"):
        with pytest.raises(BadInput) as refused:
            plan(read, NUMBERS_DEPTH, place)
        assert refused.value.problems[0].message == "folder_taken"
    with pytest.raises(BadInput) as refused:
        plan(read, NUMBERS_DEPTH, tmp_path / "grid.yaml" / "out")
    assert refused.value.problems[0].message == "folder_not_writable"
    planned = plan(read, BUNDLES_DEPTH, tmp_path / "out")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    with pytest.raises(BadInput) as refused:
        sweep(planned)
    assert refused.value.problems[0].message == "no_room" and not bundles(tmp_path / "out")


def test_two_sweeps_do_not_work_in_one_folder(four):
    with sweeps._held(four / "out"):
        done = command("sweep", four / "grid.yaml", "--out", four / "out")
    assert done.returncode == 2 and str(four / "out") in done.stderr


def test_data_that_change_meanwhile_make_no_bundle(four, tmp_path, monkeypatch):
    from kcq_eval.runs import bundle
    from kcq_eval.runs.inputs import InputsChanged

    data = tmp_path / "data"
    shutil.copytree(project_root() / "data", data)
    joined = bundle._join
    monkeypatch.setattr(bundle, "_join", lambda *arguments: (joined(*arguments), os.utime(data / "sources.csv", (1, 1)))[0])
    with pytest.raises(InputsChanged, match="data/sources.csv"):
        run(read_parameters({"figure_formats": "png", "data_dir": str(data)}), tmp_path / "bundle", drawn=four / "out" / ".kept" / "figures")
    assert not (tmp_path / "bundle").exists()


# ---------------------------------------------------------------- the pool


def test_tasks_run_in_fresh_processes_and_a_killed_one_is_told():
    def work(task):
        if task == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "error":
            raise ValueError("no")
        return os.getpid()

    ended = {outcome.task: outcome for outcome in run_each(work, ["one", "killed", "error", "two"], workers=2)}
    assert ended["killed"] == Ended("killed", error=f"exit code {-signal.SIGKILL}") and ended["error"] == Ended("error", error="ValueError: no")
    assert len({ended["one"].value(), ended["two"].value(), os.getpid()}) == 3
    with pytest.raises(RuntimeError, match="ValueError: no"):
        ended["error"].value()


def test_an_interrupt_while_a_process_starts_is_not_lost():
    program = """if True:
        import os, signal, time
        from kcq_eval.runs.pool import run_each
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))
        try:
            print([ended.value() for ended in run_each(lambda task: time.sleep(60), [1], workers=1)])
        except KeyboardInterrupt:
            print("interrupted")
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=project_root(), capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_no_more_run_than_there_are_workers():
    running, most = set(), 0

    def started(task):
        nonlocal most
        running.add(task)
        most = max(most, len(running))

    for outcome in run_each(lambda task: task, range(8), workers=3, on_start=started):
        running.remove(outcome.task)
    assert most == 3 and not running


# ---------------------------------------------------------------- a cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and three workers, each a process of its own: the address, and the workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("cluster")
    address = f"tcp://127.0.0.1:{port}"
    with open(folder / "log", "w") as log:
        dask = [sys.executable, "-m", "dask"]
        scheduler = subprocess.Popen([*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"], stdout=log, stderr=log)
        workers = [worker(address, folder / f"worker{n}", log) for n in range(3)]
        until(lambda: (folder / "log").read_text().count("Registered to:") == 3)
        yield address, workers
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()


def worker(address, folder, log, package=None):
    """A worker with this package, or with the one in another folder."""
    start_in = package or project_root()
    more = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
    return subprocess.Popen([sys.executable, "-m", "dask", "worker", address, *more], stdout=log, stderr=log, cwd=start_in, env={**os.environ, "PYTHONPATH": str(start_in)})


def test_a_cluster_makes_the_same_and_loses_nothing_with_a_worker(cluster, four, tmp_path):
    address, workers = cluster
    process = start("sweep", four / "grid.yaml", "--out", tmp_path / "out", "--scheduler", address)
    until(lambda: [zygote for one in workers for zygote in children(one.pid)])  # they have work
    time.sleep(2)
    workers[0].kill()
    assert process.wait(200) == 0
    assert contents(tmp_path / "out" / "runs") == contents(four / "out" / "runs")
    assert (tmp_path / "out" / "index.parquet").read_bytes() == (four / "out" / "index.parquet").read_bytes()
    done = command("sweep", four / "grid.yaml", "--numbers", "--out", tmp_path / "numbers", "--scheduler", address)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "numbers" / "index.parquet").read_bytes() == (four / "out" / "index.parquet").read_bytes()


def test_a_worker_with_another_version_is_refused_before_work(cluster, four, tmp_path):
    address, _ = cluster
    shutil.copytree(project_root() / "kcq_eval", tmp_path / "other" / "kcq_eval", ignore=shutil.ignore_patterns("__pycache__"))
    with open(tmp_path / "other" / "kcq_eval" / "prices.py", "a") as file:
        file.write("# changed\n")
    with open(tmp_path / "log", "w") as log:
        other = worker(address, tmp_path / "worker", log, tmp_path / "other")
        try:
            until(lambda: "Registered to:" in (tmp_path / "log").read_text())
            done = command("sweep", four / "grid.yaml", "--numbers", "--out", tmp_path / "out", "--scheduler", address)
        finally:
            other.kill()
            other.wait()
    assert done.returncode == 2 and "kcq_eval, code" in done.stderr, done.stderr
    assert not (tmp_path / "out" / "index.csv").exists()


def test_a_scheduler_that_is_not_there_is_told_soon(four, tmp_path):
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        started = time.monotonic()
        done = command("sweep", four / "grid.yaml", "--numbers", "--out", tmp_path / "out", "--scheduler", address)
        assert done.returncode == 2 and address in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert time.monotonic() - started < 40


def test_what_is_shipped_holds_files_that_lie_beside_the_project(tmp_path, monkeypatch):
    from kcq_eval.runs.cluster import _home, _placed

    home = tmp_path / "a" / "home"
    shutil.copytree(project_root() / "data", home / "data")
    shutil.copytree(project_root() / "notebooks", home / "notebooks")
    shutil.copy(project_root() / "data" / "demonstration" / "register.csv", tmp_path / "register.csv")
    monkeypatch.setenv("KCQ_EVAL_HOME", str(home))
    (tmp_path / "grid.yaml").write_text(json.dumps({"fixed": {"register": "../../register.csv"}, "axes": {"count_unit": "every"}}))
    planned = plan(load_grid(tmp_path / "grid.yaml", most=9), NUMBERS_DEPTH, tmp_path / "out")
    place = _placed(_home(planned), tmp_path / "worker")
    assert (place / "../../register.csv").resolve().read_bytes() == (tmp_path / "register.csv").read_bytes()
    assert (place / "data" / "sources.csv").exists() and (place / "notebooks" / "sensitivity.ipynb").exists()
