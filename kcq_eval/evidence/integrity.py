"""Whether a bundle's files are those that the run left: every byte of every file is covered, and what differs is named.

`SHA256SUMS` holds all files but itself and the log, and ends with the hash of its own lines; so does the log. `sha256sum -c SHA256SUMS`
checks the same without this package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

RECORD, LOG, SUMS = "record.json", "log.txt", "SHA256SUMS"
_OWN = "# sha256 "  # begins the last line: the hash of the lines above
_HASH = 65  # that hash and the end of its line


@dataclass(frozen=True)
class Damage:
    """What is not as the run left it, as names of files.

    Attributes:
        changed: Files with other bytes, or no plain files.
        missing: Files that are not there.
        extra: Files that the run did not leave.
        renamed: Missing files that lie there under another name, each with that name.
    """

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def is_none(self) -> bool:
        return not (self.changed or self.missing or self.extra or self.renamed)

    @property
    def names(self) -> set[str]:
        """The files of the bundle that are not as they were."""
        return {*self.changed, *self.missing, *(name for name, _ in self.renamed)}


def seal(work: Path, log: str) -> None:
    """Write the log and `SHA256SUMS`, the last files of a bundle."""
    (work / LOG).write_bytes(_closed(log.encode()))
    (work / SUMS).write_bytes(_closed(_lines(hashes(work))))


def hashes(folder: Path, names: Iterable[str] = ()) -> dict[str, str]:
    """SHA-256 of every file of a folder, or of some, by name, in the order of names; "" for what is no plain file: links are not followed."""
    found = {}
    for path in map(folder.joinpath, names) if names else folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            plain = path.is_file() and not path.is_symlink()
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
    return dict(sorted(found.items()))


def damage(folder: Path) -> Damage:
    """What of a bundle's files is not as the run left it.

    Raises:
        OSError: A file cannot be read.
    """
    found = hashes(folder)
    sums = (folder / SUMS).read_bytes() if found.get(SUMS) else b""
    changed = {LOG} if found.get(LOG) is not None and not (found[LOG] and _is_closed((folder / LOG).read_bytes())) else set()
    lines, listed = _lines(found), _covered(found)
    if sums != _closed(lines):
        listed = _read(sums)
        if not _is_closed(sums):
            changed |= {SUMS} & set(found)
            if lines and (sums.startswith(lines) or sums.endswith(_closed(lines)[-_HASH:])):
                listed = _covered(found)  # only the list is not as it was: it agrees with the files in its lines or in its hash
            else:
                listed, disagreeing = _of_both(found, listed, _recorded(folder))
                changed |= disagreeing
    return _told(found, {**dict.fromkeys((RECORD, SUMS, LOG)), **listed}, changed)


def _of_both(found: Mapping[str, str], listed: Mapping[str, str], recorded: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """What should be there where the list cannot be trusted: what it says of files that are so, what the record says of others; and the
    record, if it disagrees with both a file and the list.
    """
    agreeing = {name: digest for name, digest in listed.items() if found.get(name) == digest}
    disagreeing = {RECORD} if any(recorded.get(name, digest) != digest for name, digest in agreeing.items()) else set()
    return {**recorded, **agreeing}, disagreeing


def _told(found: Mapping[str, str], listed: Mapping[str, str | None], changed: set[str]) -> Damage:
    """The difference between what is there and what should be; None stands for a file that is checked otherwise."""
    changed |= {name for name, expected in listed.items() if expected is not None and name in found and found[name] != expected}
    missing, extra = [name for name in listed if name not in found], [name for name in found if name not in listed]
    renamed = []
    for name in missing:
        there = next((other for other in extra if listed[name] and found[other] == listed[name]), None)
        if there is not None:
            renamed.append((name, there))
            extra.remove(there)
    gone = {name for name, _ in renamed}
    return Damage(tuple(sorted(changed)), tuple(sorted(set(missing) - gone)), tuple(sorted(extra)), tuple(sorted(renamed)))


def _covered(found: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in found.items() if name not in (SUMS, LOG)}


def _lines(found: Mapping[str, str]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in _covered(found).items()).encode()


def _read(body: bytes) -> dict[str, str]:
    lines = (line.partition("  ") for line in body.decode("utf-8", "replace").splitlines())
    return {name: digest for digest, _, name in lines if name and len(digest) == 64}


def _closed(body: bytes) -> bytes:
    return body + f"{_OWN}{hashlib.sha256(body).hexdigest()}\n".encode()


def _is_closed(content: bytes) -> bool:
    body, mark, _ = content.rpartition(_OWN.encode())
    return bool(mark) and content == _closed(body)


def _recorded(folder: Path) -> dict[str, str]:
    """The outputs that the record names, as far as it can be read."""
    try:
        outputs = json.loads((folder / RECORD).read_text(encoding="utf-8"))["outputs"]
        return {name: digest for name, digest in outputs.items() if isinstance(digest, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
