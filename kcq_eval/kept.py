"""Files that are whole or not there, and kept bytes that are told from damaged ones."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

_HASH_LENGTH = 64


def write_whole(path: Path, content: bytes) -> str:
    """Write a file whole or not at all; its SHA-256."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return hashlib.sha256(content).hexdigest()


def keep(place: Path, content: bytes) -> None:
    """Keep bytes with their hash before them; two that do so at once leave the same file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, hashlib.sha256(content).hexdigest().encode() + content)


def read_kept(place: Path) -> bytes | None:
    """Kept bytes; None where there are none, or where they are not those that were kept."""
    try:
        found = place.read_bytes()
    except OSError:
        return None
    told, content = found[:_HASH_LENGTH], found[_HASH_LENGTH:]
    return content if hashlib.sha256(content).hexdigest().encode() == told else None
