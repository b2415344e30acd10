"""A process beside a cluster's worker that makes runs for it: the worker has threads and must not fork, this one has none.

It reads requests from its input and answers them one by one; each run is made in a fresh process of its own. It ends with its worker.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from kcq_eval.parameters import Parameters
from kcq_eval.runs.inputs import Inputs
from kcq_eval.runs.pool import run_each
from kcq_eval.runs.tasks import RUNS, Planned, compute_numbers, make_bundle, packed, read_by

_LENGTH = struct.Struct(">Q")


class Zygote:
    """The worker's end: asks, and waits for the answer.

    Args:
        home: The project's folder as it was shipped.
        scratch: Where bundles are made before they are sent.
    """

    def __init__(self, home: Path, scratch: Path):
        environment = os.environ | {"KCQ_EVAL_HOME": str(home)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kcq_eval.runs.zygote", str(scratch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def ask(self, request: Any) -> Any:
        """Raises RuntimeError: The process ended without an answer."""
        try:
            _send(self._process.stdin, request)
            return _receive(self._process.stdout)
        except (EOFError, OSError) as error:
            raise RuntimeError(f"exit code {self._process.wait()}") from error

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)


def bundle_request(planned: Planned) -> Any:
    return "bundle", planned.run, planned.parameters.model_dump()


def numbers_request(chunk: list[Planned]) -> Any:
    return "numbers", [(planned.run, planned.parameters.model_dump()) for planned in chunk]


def serve(source: BinaryIO, sink: BinaryIO, scratch: Path) -> None:
    """Answer requests until there are no more."""
    from kcq_eval.runs.warm import load_everything

    parent, warm = os.getppid(), False

    def with_worker() -> None:
        if os.getppid() != parent:
            os._exit(1)

    while True:
        try:
            kind, *request = _receive(source)
        except EOFError:
            return
        if kind == "bundle" and not warm:
            load_everything()
            warm = True
        answer = _made(*request, scratch, with_worker) if kind == "bundle" else _computed(*request, with_worker)
        _send(sink, answer)


def _made(run: str, given: dict[str, Any], scratch: Path, with_worker: Any) -> tuple[bytes, str]:
    """A bundle as an archive, or the error."""
    planned, inputs, error = _agreed(run, given)
    if error:
        return b"", error
    _work_out(planned.parameters)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        work = functools.partial(make_bundle, folder=Path(folder), inputs=inputs, drawn=scratch / "figures")
        (Path(folder) / RUNS).mkdir()
        (ended,) = run_each(work, [planned], workers=1, on_wait=with_worker)
        error = ended.error or ended.result
        return (b"", error) if error else (pack(Path(folder) / RUNS / run), "")


def _computed(requested: list[tuple[str, dict[str, Any]]], with_worker: Any) -> tuple[tuple[str, bytes], dict[str, str]]:
    """Numbers, ready to be written down by who asked, and the errors."""
    agreed = [_agreed(run, given) for run, given in requested]
    errors = {planned.run: error for planned, _, error in agreed if error}
    chunk = [planned for planned, _, error in agreed if not error]
    if chunk:
        _work_out(chunk[0].parameters)
    (ended,) = run_each(compute_numbers, [chunk], workers=1, on_wait=with_worker)
    found, more = ({}, {run: ended.error for run, _ in requested}) if ended.error else ended.result
    return packed(found), errors | more


def _agreed(run: str, given: dict[str, Any]) -> tuple[Planned, dict[str, Inputs], str]:
    """The run, and whether code and data here are those that it was planned with: its id says so."""
    from kcq_eval.runs.bundle import run_id_of

    parameters = Parameters(**given)
    inputs = _inputs(read_by(parameters), parameters)
    error = "" if run_id_of(parameters, inputs) == run else "the worker has other data or another version"
    return Planned(run, parameters), {read_by(parameters): inputs}, error


_SEEN: dict[str, Inputs] = {}


def _inputs(read: str, parameters: Parameters) -> Inputs:
    """What runs read that was shipped once and does not change."""
    if read not in _SEEN:
        _SEEN[read] = Inputs.of(parameters)
    return _SEEN[read]


def _work_out(parameters: Parameters) -> None:
    import contextlib

    from kcq_eval.runs.warm import work_out

    with contextlib.suppress(Exception):  # the run itself says what is wrong
        work_out(parameters)


def pack(folder: Path) -> bytes:
    """A folder as an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)


def _send(sink: BinaryIO, content: Any) -> None:
    told = pickle.dumps(content)
    sink.write(_LENGTH.pack(len(told)) + told)
    sink.flush()


def _receive(source: BinaryIO) -> Any:
    """Raises EOFError: Nothing, or not all, came."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    told = source.read(length)
    if len(told) < length:
        raise EOFError
    return pickle.loads(told)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    serve(sys.stdin.buffer, answers, Path(sys.argv[1]))
