"""What a run's results follow from: which files, and whether they are still the same when the run has ended."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kcq_eval.datafiles import project_root, resolve_folder
from kcq_eval.parameters import INPUTS, Parameters
from kcq_eval.register.register import hash_of

_DATA, _PACKAGE = (".csv", ".geojson", ".yaml"), (".py", ".yaml", ".html", ".otf", ".typ")


class InputsChanged(Exception):
    """A file changed while a run read it, so that nobody could say what its results follow from."""

    def __init__(self, name: str):
        self.name = name
        super().__init__(name)


@dataclass(frozen=True)
class Inputs:
    """Data, package, notebooks and locked versions that a run's results follow from, by the names they have in its record.

    The user's own files (register, criteria, …) may be folders.
    """

    data: Path
    files: dict[str, Path]
    own: dict[str, Path]
    seen: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, parameters: Parameters) -> Inputs:
        own = {name: resolve_folder(getattr(parameters, name)) for name in INPUTS if getattr(parameters, name)}
        own = {f"{name}/{place.name}": place for name, place in own.items() if place.exists()}
        data = resolve_folder(parameters.data_dir)
        files = _files(data)
        return cls(data, files, own, _states(files, own))

    @cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 by name."""
        hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(self.files.items())}
        return hashes | {name: hash_of(place) for name, place in self.own.items()}

    def check_unchanged(self) -> None:
        """Raises InputsChanged: A file was changed, added or taken away since these were read."""
        now = _states(_files(self.data), self.own)
        for name in sorted(self.seen.keys() | now.keys()):
            if self.seen.get(name) != now.get(name):
                raise InputsChanged(name)


def package_hashes() -> dict[str, str]:
    """SHA-256 of every file of this package that results follow from."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(_package().items())}


def _package() -> dict[str, Path]:
    package = Path(__file__).resolve().parent.parent
    return {f"kcq_eval/{p.relative_to(package).as_posix()}": p for p in package.rglob("*") if p.suffix in _PACKAGE}


def _files(data: Path) -> dict[str, Path]:
    root = project_root()
    found = {f"data/{p.relative_to(data).as_posix()}": p for p in data.rglob("*") if p.is_file() and p.suffix in _DATA}
    found |= _package()
    found |= {f"notebooks/{p.name}": p for p in (root / "notebooks").glob("*.ipynb")}
    return found | {p.name: p for p in [root / "requirements.lock"] if p.exists()}  # other versions may draw and print otherwise


def _states(files: dict[str, Path], own: dict[str, Path]) -> dict[str, tuple[int, int]]:
    """Size and time of the last change of every file that is there."""
    places = dict(files)
    for name, place in own.items():
        places |= {f"{name}/{p.relative_to(place).as_posix()}": p for p in place.rglob("*") if p.is_file()} if place.is_dir() else {name: place}
    found = {}
    for name, path in places.items():
        try:
            state = path.stat()
        except OSError:
            continue
        found[name] = state.st_size, state.st_mtime_ns
    return found
