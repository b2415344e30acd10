"""Tasks side by side, each in a fresh process: forked where that is safe, so that a child has everything loaded and shares nothing.

Children die with their parent, however it ends, and leave an interrupt to it: nothing goes on working for nobody.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

CAN_FORK = sys.platform == "linux"  # macOS forks unsafely, Windows not at all
_TICK_S = 0.5
_PR_SET_PDEATHSIG = 1

Task, Result = TypeVar("Task"), TypeVar("Result")


@dataclass(frozen=True)
class Ended(Generic[Task, Result]):
    """How a task ended: with a result; or with the error that it raised, or the exit code of its killed process."""

    task: Task
    result: Result | None = None
    error: str = ""

    def value(self) -> Result:
        """Raises RuntimeError where the task failed."""
        if self.error:
            raise RuntimeError(self.error)
        return self.result


def can_fork() -> bool:
    """Whether this process may fork now: a thread would be lost in the child, and what it holds would never be let go."""
    return CAN_FORK and threading.active_count() == 1


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_each(
    work: Callable[[Task], Result], tasks: Iterable[Task], *, workers: int, fork: bool | None = None,
    on_start: Callable[[Task], None] = lambda task: None, on_wait: Callable[[], None] = lambda: None,
) -> Iterator[Ended[Task, Result]]:  # fmt: skip
    """Do `work(task)` for each task, at most `workers` at a time; tasks are taken one by one, as they are needed.

    Args:
        work: Without fork, it and the tasks must be picklable.
        fork: Whether to fork; where that is safe when None.
        on_start, on_wait: Told in this process when a task starts, and at least twice a second while it waits.
    """
    fork = can_fork() if fork is None else fork
    context = multiprocessing.get_context("fork" if fork else "spawn")
    running: dict[Connection, tuple[Task, Any]] = {}
    waiting, more = iter(tasks), True
    try:
        while more or running:
            while more and len(running) < workers:
                try:
                    task = next(waiting)
                except StopIteration:
                    more = False
                    break
                on_start(task)
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(work, task, sender, os.getpid()))
                with _interrupted_later():
                    _start(process)
                    running[receiver] = task, process
                sender.close()
            for receiver in wait(list(running), timeout=_TICK_S) if running else ():
                task, process = running.pop(receiver)
                yield _ended(task, receiver, process)
            on_wait()
    finally:
        _stop([process for _, process in running.values()])


def _start(process: Any) -> None:
    with warnings.catch_warnings():  # newer Pythons also count native threads; those of numpy and pyarrow know what a fork is
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()


@contextlib.contextmanager
def _interrupted_later() -> Iterator[None]:
    """Holds an interrupt back until a process is started and noted, so that it is stopped too.

    During a fork it would be raised in what Python runs after forks, which ignores errors, and so be lost.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ended(task: Task, receiver: Connection, process: Any) -> Ended[Task, Result]:
    try:
        ended = receiver.recv()
    except (EOFError, OSError):  # killed, or out of memory
        process.join()
        return Ended(task, error=f"exit code {process.exitcode}")
    finally:
        receiver.close()
    process.join()
    return Ended(task, *ended)


def _stop(processes: list[Any]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()


def _child(work: Callable[[Task], Result], task: Task, sender: Connection, parent: int) -> None:
    gc.freeze()  # a forked child would copy every page that its collector looks through
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with(parent)
    try:
        sender.send((work(task), ""))
    except Exception as error:
        sender.send((None, f"{type(error).__name__}: {error}"))
    sender.close()


def die_with(parent: int) -> None:
    """Have the system kill this process when its parent is gone; Linux only, elsewhere nothing happens."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # gone before it was told
        os.kill(os.getpid(), signal.SIGKILL)
