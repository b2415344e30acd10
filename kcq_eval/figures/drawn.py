"""Figures that were drawn already: kept by the hash of everything that their bytes follow from, so that none is drawn twice.

The key of a drawing covers the function, all that it was given, the package's code and fonts, and the versions of what draws.
What cannot be told from its value is drawn anew every time. Kept figures are used where `KCQ_EVAL_DRAWN` names a folder.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from kcq_eval.figures import style
from kcq_eval.kept import keep, read_kept, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "KCQ_EVAL_DRAWN"
_DRAWS_WITH = ("fonttools", "geopandas", "matplotlib", "numpy", "pandas", "pillow", "pyproj", "shapely")


class Untold(Exception):
    """A value whose content cannot be told, so that a figure drawn from it has no key."""


def save(draw: Callable[[], style.Drawing], page: style.Page, folder: Path, name: str, formats: Sequence[str]) -> dict[str, str]:
    """As `style.save` of what is drawn for a page, but kept figures are copied, not drawn; a new one is kept."""
    kept = os.environ.get(FOLDER)
    key = key_of(functools.partial(draw, page)) if kept else ""  # never called: what is drawn, and for what
    if not key:
        return style.save(style.drawn(draw, page), folder, name, formats)
    places = {style.file_ending(page, form): Path(kept) / f"{key}.{form}" for form in formats}
    found = {ending: read_kept(place) for ending, place in places.items()}
    if None not in found.values():
        return {ending: write_whole(folder / f"{name}.{ending}", drawn) for ending, drawn in found.items()}
    hashes = style.save(style.drawn(draw, page), folder, name, formats)
    for ending, place in places.items():
        keep(place, (folder / f"{name}.{ending}").read_bytes())
    return hashes


def key_of(draw: Callable[[], Figure]) -> str:
    """SHA-256 of everything that a drawing follows from; "" where some of it cannot be told."""
    digest = hashlib.sha256(ground())
    try:
        for piece in _told(draw):
            digest.update(f"{len(piece)}:".encode() + piece)
    except Untold:
        return ""
    return digest.hexdigest()


@functools.cache
def ground() -> bytes:
    """Code, fonts and versions: the same for every drawing of a process."""
    from importlib.metadata import PackageNotFoundError, version

    from matplotlib import font_manager, ft2font
    from PIL import features

    package = Path(__file__).resolve().parent.parent
    files = [*package.rglob("*.py"), *package.rglob("*.otf"), *package.rglob("*.yaml")]
    hashes = {p.relative_to(package).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)}
    versions: dict[str, str | None] = {}
    for name in _DRAWS_WITH:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = ""
    versions |= {"python": sys.version, "machine": platform.machine(), "freetype": ft2font.__freetype_version__, "zlib": zlib.ZLIB_RUNTIME_VERSION}
    versions |= {"pillow's zlib": features.version("zlib")}
    spare = Path(font_manager.findfont("DejaVu Sans"))  # letters that our own font has not
    told = {"files": hashes, "versions": versions, "spare font": hashlib.sha256(spare.read_bytes()).hexdigest()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()


@functools.singledispatch
def _told(value: Any) -> Iterator[bytes]:
    """A value as bytes that are alike only for values that draw alike."""
    if is_dataclass(value) and not isinstance(value, type):
        yield _name(type(value))
        for field in fields(value):
            yield field.name.encode()
            yield from _told(getattr(value, field.name))
    elif type(value).__module__.partition(".")[0] in ("pandas", "numpy"):
        yield from _frame_or_number(value)
    else:
        raise Untold(type(value))


@_told.register(type(None))
@_told.register(bool)
@_told.register(int)
@_told.register(str)
@_told.register(bytes)
@_told.register(Fraction)
def _plain(value: Any) -> Iterator[bytes]:
    yield _name(type(value))
    yield value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@_told.register
def _number(value: float) -> Iterator[bytes]:
    yield b"float"
    yield value.hex().encode()


@_told.register
def _file(value: Path) -> Iterator[bytes]:
    """A file counts by its content, wherever it lies."""
    yield b"file"
    try:
        yield hashlib.sha256(value.read_bytes()).digest()
    except OSError as error:
        raise Untold(value) from error


@_told.register(list)
@_told.register(tuple)
def _sequence(value: Sequence[Any]) -> Iterator[bytes]:
    yield from _each(_name(type(value)), value)


@_told.register(frozenset)
@_told.register(set)
def _set(value: Iterable[Any]) -> Iterator[bytes]:
    yield from _each(b"set", sorted(value, key=repr))


@_told.register
def _mapping(value: Mapping) -> Iterator[bytes]:
    yield from _each(b"mapping", [pair for item in value.items() for pair in item])


@_told.register
def _partial(value: functools.partial) -> Iterator[bytes]:
    yield from _each(b"partial", [value.func, value.args, value.keywords])


@_told.register
def _module(value: ModuleType) -> Iterator[bytes]:
    yield b"module"
    yield value.__name__.encode()


@_told.register
def _function(value: FunctionType) -> Iterator[bytes]:
    """A function of this package counts by its place in the code, which is hashed as a whole, and by what it holds."""
    if value.__module__.partition(".")[0] != __package__.partition(".")[0]:
        raise Untold(value)
    yield f"{value.__module__}.{value.__qualname__}:{value.__code__.co_firstlineno}".encode()
    if hasattr(value, "__wrapped__"):  # what a decorator of the package holds is code, not given
        yield from _told(value.__wrapped__)
        return
    yield value.__code__.co_code
    held = [cell.cell_contents for cell in value.__closure__ or ()]
    yield from _each(b"holds", [held, value.__defaults__, value.__kwdefaults__])


def _each(kind: bytes, values: Iterable[Any]) -> Iterator[bytes]:
    values = list(values)
    yield kind + str(len(values)).encode()
    for value in values:
        yield from _told(value)


def _frame_or_number(value: Any) -> Iterator[bytes]:
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        yield b"frame"
        yield from _told([str(kind) for kind in value.dtypes])
        yield from _told([list(value.columns), list(value.index), [list(value[column]) for column in value]])
    elif isinstance(value, np.generic):
        yield _name(type(value))
        yield from _told(value.item())
    else:
        raise Untold(type(value))


def _name(kind: type) -> bytes:
    return f"{kind.__module__}.{kind.__qualname__}".encode()
