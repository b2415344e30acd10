"""Small registers for tests, in every kind of file that evaluators have."""

import csv
import io
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
