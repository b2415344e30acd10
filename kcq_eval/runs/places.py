"""Where results are written: into a folder aside, moved to its place when whole, so that whatever happens there are whole results or none."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES if sys.platform == "win32" else errno.EEXIST)
_NEW = 60  # seconds for which a folder may not be marked as in use yet
_AGAIN = 100  # times that another run may move its own folder to the place meanwhile


@contextlib.contextmanager
def working_folder(place: Path) -> Iterator[Path]:
    """An empty folder beside a place, taken away at the end; what runs that were killed have left beside it is taken away first.

    Raises:
        OSError: The folder around the place cannot be made or written to.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    _clear(place)
    work = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    with _held(work):
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def move_into_place(work: Path, place: Path) -> None:
    """Put the finished folder in its place; an earlier one there is taken away only once the new one is whole.

    Where two runs finish at once, the later one stays.

    Raises:
        OSError: The folder cannot be moved; an earlier one is still in its place.
    """
    aside = work.with_name(work.name + ".old")
    for _ in range(_AGAIN):
        try:
            os.rename(work, place)
            break
        except OSError as error:
            if error.errno not in _TAKEN:
                _put_back(aside, place)
                raise
        shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):  # another run has just moved it aside
            os.rename(place, aside)
    else:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(place))
    shutil.rmtree(aside, ignore_errors=True)


def _put_back(aside: Path, place: Path) -> None:
    if aside.exists():
        with contextlib.suppress(OSError):
            os.rename(aside, place)


def _clear(place: Path) -> None:
    """Take away what runs that were killed have left; an earlier result that one of them had just moved aside goes back to its place."""
    begin, left = f".{place.name}.", re.compile(r"[a-z0-9_]{8}(\.old)?")
    with os.scandir(place.parent) as entries:  # of a sweep there may be thousands beside it
        names = [entry.name for entry in entries if entry.name.startswith(begin) and left.fullmatch(entry.name[len(begin) :]) and entry.is_dir(follow_symlinks=False)]
    for folder in map(place.parent.joinpath, names):
        if folder.suffix == ".old" and not place.exists():
            _put_back(folder, place)
        elif not _is_held(folder) and not _is_new(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_new(folder: Path) -> bool:
    try:
        return abs(time.time() - folder.stat().st_mtime) < _NEW
    except FileNotFoundError:  # its run has ended just now
        return True


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Marks a folder as in use. The system takes the mark away when the process ends, however it ends; where there are no such marks, none is set."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _is_held(folder: Path) -> bool:
    """Whether a process uses the folder, or that cannot be known."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def whole_file(place: Path) -> Iterator[Path]:
    """Where to write a file that is to be there whole or not at all; it goes to its place at the end."""
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as folder:
        written = Path(folder) / place.name
        yield written
        os.replace(written, place)
