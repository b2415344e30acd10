"""Runs on a Dask cluster that exists already: the same tasks as on one machine, shipped with the data that they read.

A worker needs this package and the locked versions; data, notebooks and the user's own files are sent to it, and what it makes is
sent back. Every worker says before the work what it has installed, and every run's id is computed again where it is made.
"""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kcq_eval import __version__
from kcq_eval.datafiles import project_root, resolve_folder
from kcq_eval.runs.inputs import package_hashes
from kcq_eval.runs.sweep import BUNDLES_DEPTH, Maker, Plan, chunks
from kcq_eval.runs.tasks import RUNS, Planned, keep_numbers
from kcq_eval.runs.zygote import Zygote, bundle_request, numbers_request, unpack

if TYPE_CHECKING:
    from distributed import Client, Future

_REACH_S, _WORKERS_S, _TICK_S = 5, 30, 0.5
_AHEAD = 3  # tasks for every thread of the cluster that are sent before the first is done
_MOST_SHIPPED = 200_000_000


class ClusterUnusable(Exception):
    """A cluster on which nothing can be made; `key` names the sentence that says why, `told` what stands in it."""

    def __init__(self, key: str, **told: Any):
        self.key, self.told = key, told
        super().__init__(f"{key} {told}")


def make_on_cluster(address: str, planned: Plan) -> Maker:
    """Runs are made by the workers of a scheduler.

    Raises:
        ClusterUnusable: The scheduler cannot be reached, has no workers, or a worker has another version; nothing was sent.
    """
    client = _connected(address)
    try:
        _check_workers(client)
        home = _home(planned)
    except BaseException:
        client.close()
        raise
    return functools.partial(_make, client=client, home=home)


def _connected(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterUnusable("not_installed") from error
    try:
        _check_address(address)
        return Client(address, timeout=_REACH_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterUnusable("unreachable", address=address) from error


def _check_address(address: str) -> None:
    """Raises OSError or ValueError: It is none, or nobody listens there; a client would try for long, and complain when it ends."""
    parts = urlsplit(address)
    if not parts.scheme or not parts.hostname or not parts.port:
        raise ValueError(address)
    if parts.scheme in ("tcp", "tls"):
        socket.create_connection((parts.hostname, parts.port), timeout=_REACH_S).close()


def _check_workers(client: Client) -> None:
    """Every worker must have what is installed here."""
    try:
        client.wait_for_workers(1, timeout=_WORKERS_S)
    except TimeoutError as error:
        raise ClusterUnusable("no_workers") from error
    names = _dependencies()
    here = describe(names)
    try:
        there = client.run(describe, names)
    except Exception as error:  # a worker without this package, or with one that knows no clusters
        raise ClusterUnusable("other_version", worker="", differs=f"{type(error).__name__}: {error}") from error
    for worker, found in sorted(there.items()):
        differs = [f"{name} {found.get(name) or '–'} ({here[name] or '–'})" for name in here if found.get(name) != here[name]]
        if differs:
            raise ClusterUnusable("other_version", worker=worker, differs=", ".join(differs[:5]))


def describe(names: Sequence[str]) -> dict[str, str]:
    """What is installed in this process: Python, this package and its code, and the versions of others ("" where there is none)."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": ".".join(map(str, sys.version_info[:3])), "kcq_eval": __version__}
    found["kcq_eval, code"] = hashlib.sha256(repr(sorted(package_hashes().items())).encode()).hexdigest()[:12]
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _dependencies() -> list[str]:
    """Every distribution that this package needs, and what those need, as far as they are installed here."""
    from importlib.metadata import PackageNotFoundError, requires

    found: set[str] = set()
    waiting = ["kcq_eval"]
    while waiting:
        name = waiting.pop()
        try:
            needed = [need for need in requires(name) or [] if "extra ==" not in need]
        except PackageNotFoundError:  # for another system
            continue
        names = {re.split(r"[^\w.-]", need, maxsplit=1)[0].lower() for need in needed}
        waiting += sorted(names - found)
        found |= names
    return sorted(found)


def _home(planned: Plan) -> bytes:
    """The project's data and notebooks as an archive, and the user's own files where their relative paths will find them.

    A path that leaves the project ("../register.xlsx") leads out of a folder that lies deep enough in the archive.
    """
    root, places = project_root(), {}
    for inputs in planned.inputs.values():
        for path in [path for name, path in inputs.files.items() if not name.startswith("kcq_eval/")]:
            places[path] = path
        for place in inputs.own.values():
            places |= {path: path for path in ([place] if place.is_file() else sorted(place.rglob("*"))) if path.is_file()}
    given = {getattr(run.parameters, name) for run in planned.runs for name in ("data_dir", *_inputs_names())}
    absolute = [resolve_folder(path) for path in given if path and Path(path).is_absolute()]
    shipped = [path for path in places if not any(path.is_relative_to(place) for place in absolute)]
    size = sum(path.stat().st_size for path in shipped)
    if size > _MOST_SHIPPED:
        raise ClusterUnusable("too_much", size=size // 1_000_000, most=_MOST_SHIPPED // 1_000_000)
    up = max((os.path.relpath(path, root).split(os.sep).count("..") for path in shipped), default=0)
    deep = Path(*[f"up{n}" for n in range(up)])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("root", (deep / "home").as_posix())
        for path in sorted(shipped):
            inside = os.path.normpath(deep / "home" / os.path.relpath(path, root))
            archive.writestr(zipfile.ZipInfo(Path("files", inside).as_posix()), path.read_bytes())
    return buffer.getvalue()


def _inputs_names() -> tuple[str, ...]:
    from kcq_eval.parameters import INPUTS

    return INPUTS


def _make(
    planned: Plan, missing: Sequence[Planned], ended: Callable[[str, str], None], started: Callable[[Iterable[str]], None], *, client: Client, home: bytes,
) -> None:  # fmt: skip
    """Send the tasks, a few ahead of the workers, and put what comes back into its place."""
    digest = hashlib.sha256(home).hexdigest()
    shipped = client.submit(_same, home, key=f"kcq-home-{digest}")  # a task like others: made again should its worker die
    tasks = _tasks(planned, missing, client)
    sent: dict[Future, list[str]] = {}
    try:
        idle_since = time.monotonic()
        while True:
            threads = sum(client.nthreads().values())
            for name, request, runs in itertools.islice(tasks, max(0, _AHEAD * max(threads, 1) - len(sent))):
                sent[client.submit(do_task, shipped, digest, request, key=f"kcq-{digest[:8]}-{name}")] = runs
            if not sent:
                return
            started(run for runs in sent.values() for run in runs)
            for future in _done(sent, client):
                _arrived(future, sent.pop(future), planned, ended)
            idle_since = time.monotonic() if threads else idle_since
            if time.monotonic() - idle_since > _WORKERS_S:
                raise ClusterUnusable("no_workers")
    finally:
        client.cancel([*sent, shipped])
        client.close()


def _tasks(planned: Plan, missing: Sequence[Planned], client: Client) -> Iterator[tuple[str, Any, list[str]]]:
    """Name, request and runs of each task."""
    if planned.depth == BUNDLES_DEPTH:
        for run in missing:
            yield run.run, bundle_request(run), [run.run]
    else:
        for chunk in chunks(missing, max(1, sum(client.nthreads().values()))):
            yield f"{chunk[0].run}-{len(chunk)}", numbers_request(chunk), [run.run for run in chunk]


def _done(sent: Iterable[Future], client: Client) -> list[Future]:
    from distributed import wait

    try:
        with client.as_current():
            return list(wait(list(sent), timeout=_TICK_S, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


def _arrived(future: Future, runs: list[str], planned: Plan, ended: Callable[[str, str], None]) -> None:
    """Put what was made into its place, whole; a bundle that is there already stays."""
    from kcq_eval.runs.bundle import is_there, move_into_place

    if future.status in ("cancelled", "lost"):
        raise ClusterUnusable("gone")
    if future.status == "error":
        error = future.exception()
        for run in runs:
            ended(run, f"{type(error).__name__}: {error}")
        return
    made, error = future.result()
    if planned.depth != BUNDLES_DEPTH:
        keep_numbers(planned.folder, *made)
        for run in runs:
            ended(run, error.get(run, ""))
        return
    (run,) = runs
    place = planned.folder / RUNS / run
    if not error and not is_there(place, run):
        work = Path(tempfile.mkdtemp(prefix=f".{run}.", dir=place.parent))
        try:
            unpack(made, work)
            os.chmod(work, 0o755)
            move_into_place(work, place)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    ended(run, error)


# ---------------------------------------------------------------- on the worker


def _same(content: bytes) -> bytes:
    return content


_idle: dict[str, list[Zygote]] = {}
_idle_lock = threading.Lock()


def do_task(home: bytes, digest: str, request: Any) -> Any:
    """On a worker: make a bundle or numbers with what was shipped, in a process that may fork."""
    from distributed import get_worker

    folder = Path(get_worker().local_directory) / f"kcq-eval-{digest[:16]}"
    with _idle_lock:
        root = _placed(home, folder)
        idle = _idle.setdefault(digest, [])
        zygote = idle.pop() if idle else None
    zygote = zygote or Zygote(root, folder)
    answer = zygote.ask(request)
    with _idle_lock:
        idle.append(zygote)
    return answer


def _placed(home: bytes, folder: Path) -> Path:
    """Lay out what was shipped, once for a worker; the project's folder in it."""
    if not folder.exists():
        aside = Path(tempfile.mkdtemp(dir=folder.parent))
        unpack(home, aside)
        os.rename(aside, folder)
    return folder / "files" / (folder / "root").read_text()
