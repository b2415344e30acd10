"""A visitor's own register: kept in a temporary folder as long as the visit, and deleted."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import unicodedata
from pathlib import Path

from kcq_eval.errors import BadInput, Problem
from kcq_eval.register.files import SUFFIXES

MAX_BYTES = 20_000_000  # far above any centre's register; more would stop the page for every visitor
FOLDER = "KCQ_EVAL_UPLOADS"  # environment variable: where the server wants the temporary folders, which it deletes when it ends
_NAME = re.compile(r"[^\w.() -]+")


class Uploads:
    """The one file of a visit; the next one takes its place."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self.name = ""
        atexit.register(self.discard)

    def keep(self, name: str, content: bytes) -> Path:
        """Write the file and say where it is.

        Raises:
            BadInput: Too large, or of a kind that is no register. What stands in it is checked when it is read.
        """
        plain = _plain(name)
        if len(content) > MAX_BYTES:
            raise BadInput([Problem("too_large", plain, found=f"{len(content) / 1e6:.0f} MB", expected=f"≤ {MAX_BYTES / 1e6:.0f} MB")])
        if Path(plain).suffix.lower() not in SUFFIXES:
            raise BadInput([Problem("unknown_value", plain, found=Path(plain).suffix or plain, expected=", ".join(SUFFIXES))])
        self.discard()
        self._folder = Path(tempfile.mkdtemp(prefix="kcq-", dir=os.environ.get(FOLDER) or None))
        path = self._folder / plain
        path.write_bytes(content)
        self.name = plain
        return path

    def discard(self) -> None:
        """Delete the file."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self.name = None, ""


def _plain(name: str) -> str:
    """A file name without any folder, as the visitor knows it."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    return _NAME.sub("_", last).strip(". ")[-120:] or "register"
