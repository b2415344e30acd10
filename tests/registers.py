"""Small registers for tests, in every kind of file that evaluators have."""

import csv
import io
import struct
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl

HEAD = (
    "Năm", "Ngày nghiệm thu", "Mã đề án", "Tên đề án", "Loại đề án", "Đơn vị thực hiện", "Ngành", "Tỉnh", "Tên cơ sở", "MST",
    "Nội dung hỗ trợ", "Kinh phí khuyến công (triệu đồng)", "Vốn đối ứng (triệu đồng)", "Trạng thái",
)  # fmt: skip
FIELDS = (
    "year", "date", "scheme_id", "scheme_name", "scheme_kind", "centre", "sector", "province", "facility", "tax_code", "support_type",
    "state_funding", "counterpart_funding", "status",
)  # fmt: skip
A_ROW = {
    "year": 2022, "date": "", "scheme_id": "DA-01", "scheme_name": "Đề án cơ khí", "scheme_kind": "điểm", "centre": "IPC1", "sector": "cơ khí",
    "province": "Nghệ An", "facility": "Cơ sở A", "tax_code": "", "support_type": "Máy móc, thiết bị", "state_funding": 250,
    "counterpart_funding": 1000.5, "status": "Đã nghiệm thu",
}  # fmt: skip


def row(**cells):
    """A usable row, changed as the test says; every row has its own facility unless one is named."""
    return [{**A_ROW, **cells}[name] for name in FIELDS]


def rows(*changes):
    """Usable rows of different facilities."""
    return [row(**{"facility": f"Cơ sở {number}", **change}) for number, change in enumerate(changes, start=1)]


def workbook(path: Path, lines, *, head=HEAD, above=(), below=(), merged=(), sheet="Sổ") -> Path:
    book = openpyxl.Workbook()
    page = book.active
    page.title = sheet
    for line in (*above, head, *lines, *below):
        page.append(list(line))
    for area in merged:
        page.merge_cells(area)
    book.save(path)
    return path


def csv_bytes(lines, *, encoding="utf-8", delimiter=",", head=HEAD) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([head, *lines])
    return buffer.getvalue().encode(encoding)


def ods(path: Path, lines, *, head=HEAD) -> Path:
    """A spreadsheet in OpenDocument, with the empty rows repeated to the end as LibreOffice writes them."""

    def cell(value) -> str:
        if value == "":
            return "<table:table-cell/>"
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'

    body = "".join(f"<table:table-row>{''.join(map(cell, line))}</table:table-row>" for line in (head, *lines))
    rest = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="Sổ">{body}{rest}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def xls(path: Path, lines, *, head=HEAD) -> Path:
    """A workbook of Excel 97 (BIFF8 records in a compound file), as small as it can be."""

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def cell(number: int, column: int, value) -> bytes:
        place = struct.pack("<HHH", number, column, 0)
        if value == "":
            return b""
        if isinstance(value, int | float):
            return record(0x0203, place + struct.pack("<d", value))
        return record(0x0204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))

    table = [head, *lines]
    cells = b"".join(cell(r, c, value) for r, line in enumerate(table) for c, value in enumerate(line))
    sheet = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)) + record(0x0200, struct.pack("<IIHHH", 0, len(table), 0, len(head), 0)) + cells + record(0x000A, b"")
    start = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)) + record(0x0042, struct.pack("<H", 1200))
    name = "So".encode("utf-16-le")
    bound = record(0x0085, struct.pack("<IBBBB", len(start) + 4 + 8 + len(name) + 4, 0, 0, 2, 1) + name)
    stream = start + bound + record(0x000A, b"") + sheet
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    sectors = len(stream) // 512
    chain = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]  # of the table itself, the directory, the stream
    fat = struct.pack(f"<{len(chain)}I", *chain).ljust(512, b"\xff")

    def entry(title: str, kind: int, child: int, first: int, size: int) -> bytes:
        told = title.encode("utf-16-le") + b"\0\0"
        return struct.pack("<64sHBBIII16sIQQIQ", told, len(told), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child, b"", 0, 0, 0, first, size)

    directory = (entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream))).ljust(512, b"\0")
    header = struct.pack("<8s16sHHHHH6sIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    path.write_bytes(header + fat + directory + stream)
    return path
