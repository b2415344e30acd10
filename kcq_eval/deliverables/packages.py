"""Office files with the same bytes for the same content: PPTX, DOCX and XLSX are zip archives that tell when they were made."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can tell
_FIRST = ("[Content_Types].xml", "_rels/.rels")  # where readers look first
_PACKAGES = (".docx", ".pptx", ".xlsx")
_PACKED = (".gif", ".jpeg", ".jpg", ".png")  # packing them again only costs time
_DATES = re.compile(rb"<dcterms:(created|modified)\b[^>]*>[^<]*</dcterms:\1>")


def fixed_zip(package: bytes | Path) -> bytes:
    """The package with its parts in a fixed order and without any time, packages inside it likewise (the workbook of a chart).

    A file is written again at its place. What the parts say is kept, except when the core properties say that it was made.

    Raises:
        zipfile.BadZipFile: It is no package.
    """
    content = package.read_bytes() if isinstance(package, Path) else package
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(buffer, "w") as fixed:
        for name in sorted(given.namelist(), key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)):
            part = given.read(name)
            if name.lower().endswith(_PACKAGES):
                part = fixed_zip(part)
            elif name == "docProps/core.xml":
                part = _DATES.sub(b"", part)
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = 3, 0o600 << 16  # else the machine's own
            packed = name.lower().endswith((*_PACKED, *_PACKAGES))
            fixed.writestr(entry, part, zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED, compresslevel=6)
    if isinstance(package, Path):
        package.write_bytes(buffer.getvalue())
    return buffer.getvalue()
