"""The report for Word and as PDF: one model, Word's own fields, accessible, the same bytes, and no text read as code."""

import io
import re
import zipfile

import docx
import pypdf
import pytest
from docx.oxml.ns import qn
from lxml import etree

from kcq_eval.deliverables.blocks import Figure, Heading, Items, Outline, Page, Paragraph, Span, Table, lines_of, plain_line
from kcq_eval.deliverables.document import Document, build_document
from kcq_eval.deliverables.report_docx import write_docx
from kcq_eval.deliverables.report_pdf import write_pdf
from kcq_eval.errors import BadInput
from kcq_eval.parameters import read_parameters
from kcq_eval.runs import bundle

COMMENTARY = {
    "vi": "# Kiến nghị\n1. Công bố kinh phí từng năm: {{ funding.current }}.\n2. Đối chiếu với *nguồn*.\n\n# Nguyên nhân\n- Chưa rõ.\n",
    "en": "# Recommendations\n1. Publish funding by year: {{ funding.current }}.\n2. Check with the *source*.\n\n# Causes\n- Not known.\n",
}
SHARE = {"vi": "61,4\xa0%", "en": "61.4\xa0%"}


@pytest.fixture(scope="module", params=["vi", "en"])
def made(request, tmp_path_factory):
    """A bundle with a commentary and the document that its report was written from."""
    folder, kept = tmp_path_factory.mktemp("report"), []
    (folder / "own.md").write_text(COMMENTARY[request.param], encoding="utf-8")
    given = {"language": request.param, "commentary": str(folder / "own.md"), "figure_formats": "png,svg"}
    if request.param == "en":
        given["register"] = "data/demonstration/register.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kcq_eval.deliverables.document.build_document", lambda contents, **more: kept.append(build_document(contents, **more)) or kept[0])
        patch.setattr(bundle, "can_fork", lambda: False)  # what a child keeps is lost with it
        run = bundle.run(read_parameters(given), folder / "bundle")
    return run.folder, kept[0]


@pytest.fixture(scope="module")
def parts(made):
    """The XML parts of the Word report."""
    with zipfile.ZipFile(made[0] / "report.docx") as package:
        return {name: package.read(name) for name in package.namelist()}


@pytest.fixture(scope="module")
def body(parts):
    return etree.fromstring(parts["word/document.xml"])


def texts_of(element) -> str:
    return "".join(node.text or "" for node in element.iter(qn("w:t")))


def fields(body) -> list[str]:
    return [node.text.strip() for node in body.iter(qn("w:instrText"))]


def test_the_report_has_the_chapters_that_officials_expect(made):
    _, document = made
    headings = [block for block in document.blocks if isinstance(block, Heading)]
    assert [h.id for h in headings if h.level == 1] == [
        "summary", "context-chapter", "results-chapter", "audit-chapter", "assessment-chapter", "recommendations-chapter", "annex-chapter",
    ]  # fmt: skip
    second = [h.id for h in headings if h.level == 2]
    expected = ["funding_growth", "facility_shares", "support_type_mix", "province_coverage", "comparison-section", "strengths", "shortcomings", "causes", "sources"]
    assert [h for h in second if h in expected] == expected


def test_figures_and_tables_are_numbered_in_the_order_in_which_they_stand(made):
    _, document = made
    for kind, word in ((Figure, document.labels[0]), (Table, document.labels[1])):
        labels = [block.label for block in document.blocks if isinstance(block, kind)]
        assert labels == [f"{word} {number}" for number in range(1, len(labels) + 1)] and len(labels) > 5


def test_every_reference_names_a_figure_or_table_by_its_label(made):
    _, document = made
    named = document.named()
    references = [span for line in lines_of(document.blocks) for span in line if span.target]
    assert len(references) > 10 and all(named[span.target] == span.text for span in references)
    tables = {block.id for block in document.blocks if isinstance(block, Table)} - {"table-comparison"}
    beside = {"table-province_coverage-provinces", "table-consistency_audit-conflicts", "table-consistency_audit-explanations"}
    assert tables - beside <= {span.target for span in references}  # an annex that nothing points to is not read


def test_the_evaluators_text_and_its_numbers_stand_in_their_chapters(made):
    _, document = made
    own = [line for line in lines_of(document.blocks) for span in line if span.number == "funding.current"]
    assert len(own) == 1 and own[0][1].text.startswith("232")
    blocks = list(document.blocks)
    after = blocks[next(i for i, b in enumerate(blocks) if isinstance(b, Heading) and b.id == "recommendations-chapter") + 1]
    assert isinstance(after, Items) and after.start == 1


def test_both_periods_stand_side_by_side(made):
    _, document = made
    (table,) = [block for block in document.blocks if isinstance(block, Table) and block.id == "table-comparison"]
    assert table.right[1:3] == (True, True) and any(SHARE[document.language] in row[2] for row in table.rows)
    assert all(len(row) == len(table.columns) for row in table.rows) and sum(table.widths) == pytest.approx(1)


def test_word_opens_the_report_with_every_relation_there(made, parts):
    package = docx.Document(made[0] / "report.docx")
    assert package.core_properties.title == made[1].title and package.core_properties.language in ("vi-VN", "en-GB")
    assert package.core_properties.author == "" and b"dcterms" not in re.sub(rb'xmlns:\w+="[^"]*"', b"", parts["docProps/core.xml"])
    relations = etree.fromstring(parts["word/_rels/document.xml.rels"])
    inside = {r.get("Id"): r.get("Target") for r in relations if r.get("TargetMode") != "External"}
    assert all(f"word/{target}" in parts or target.removeprefix("../") in parts for target in inside.values())
    used = set(re.findall(rb'r:(?:id|embed)="([^"]+)"', parts["word/document.xml"]))
    assert {name.decode() for name in used} <= set(inside)


def test_captions_count_and_references_refer_by_words_own_fields(made, body):
    found, document = fields(body), made[1]
    for kind, word in ((Figure, document.labels[0]), (Table, document.labels[1])):
        count = sum(isinstance(block, kind) for block in document.blocks)
        assert found.count(f"SEQ {word} \\* ARABIC") == count
    bookmarks = [node.get(qn("w:name")) for node in body.iter(qn("w:bookmarkStart"))]
    assert len(set(bookmarks)) == len(bookmarks) and all(len(name) <= 40 for name in bookmarks)
    referred = [field.split()[1] for field in found if field.startswith("REF ")]
    assert referred and set(referred) <= set(bookmarks)
    kinds = [node.get(qn("w:fldCharType")) for node in body.iter(qn("w:fldChar"))]
    assert kinds.count("begin") == kinds.count("separate") == kinds.count("end") == len(found)


def test_the_contents_are_words_own_and_filled_in(made, body, parts):
    assert [field for field in fields(body) if field.startswith("TOC")] == ['TOC \\o "1-2" \\h \\z \\u']
    entries = [p for p in body.iter(qn("w:p")) if (style := p.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")) is not None and style.get(qn("w:val")).startswith("TOC")]
    headings = [block.text for block in made[1].blocks if isinstance(block, Heading) and block.level < 3]
    told = [re.sub(r"^[\d.]+", "", texts_of(entry)) for entry in entries[1:]]
    assert told == headings
    anchors = {link.get(qn("w:anchor")) for link in body.iter(qn("w:hyperlink"))}
    assert anchors <= {node.get(qn("w:name")) for node in body.iter(qn("w:bookmarkStart"))} and len(anchors) == len(headings)
    assert b"updateFields" not in parts["word/settings.xml"]


def test_header_and_footer_hold_title_and_page_numbers(parts, made):
    footers = [xml.decode() for name, xml in parts.items() if name.startswith("word/footer")]
    assert footers and all(" PAGE " in xml and " NUMPAGES " in xml for xml in footers)
    headers = [texts_of(etree.fromstring(xml)) for name, xml in parts.items() if name.startswith("word/header")]
    assert sorted(headers) == ["", made[1].title]


def test_pictures_have_alternative_text_and_tables_repeat_their_head(made, body):
    drawings = [node for node in body.iter() if node.tag.endswith("}docPr")]
    assert len(drawings) == sum(isinstance(block, Figure) for block in made[1].blocks) and all(node.get("descr") for node in drawings)
    ids = [node.get("id") for node in drawings]
    assert len(set(ids)) == len(ids)
    for table in body.iter(qn("w:tbl")):
        rows = table.findall(qn("w:tr"))
        assert rows[0].find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None
        assert all(row.find(f"{qn('w:trPr')}/{qn('w:cantSplit')}") is not None for row in rows)
        assert table.find(f"{qn('w:tblPr')}/{qn('w:tblDescription')}") is not None


ORDER = {  # as the schema of WordprocessingML has them; Word repairs a file that has them otherwise
    "pPr": "pStyle keepNext keepLines pageBreakBefore widowControl numPr pBdr shd tabs spacing ind contextualSpacing jc outlineLvl rPr sectPr",
    "rPr": "rStyle rFonts b bCs i iCs color sz szCs lang",
    "tblPr": "tblStyle tblW jc tblInd tblBorders tblLayout tblCellMar tblLook tblCaption tblDescription",
    "sectPr": "headerReference footerReference type pgSz pgMar cols titlePg",
    "style": "name basedOn next uiPriority semiHidden qFormat pPr rPr tblPr trPr tcPr tblStylePr",
    "lvl": "start numFmt pStyle lvlText lvlJc pPr rPr",
    "settings": "zoom defaultTabStop characterSpacingControl compat themeFontLang decimalSymbol listSeparator",
    "tcPr": "tcW tcBorders shd vAlign",
}


def test_every_element_has_its_children_in_the_order_of_the_schema(parts):
    seen = set()
    for name, xml in parts.items():
        if name.startswith("word/") and name.endswith(".xml") and "theme" not in name and "fontTable" not in name and "webSettings" not in name:
            for element in etree.fromstring(xml).iter():
                kind = etree.QName(element).localname
                if kind in ORDER and element.tag.startswith(f"{{{docx.oxml.ns.nsmap['w']}}}"):
                    places = [ORDER[kind].split().index(etree.QName(child).localname) for child in element]
                    assert places == sorted(places), (name, etree.tostring(element)[:300])
                    seen.add(kind)
    assert seen == set(ORDER)


def test_every_style_and_list_that_is_used_is_there(parts, body):
    styles = {node.get(qn("w:styleId")) for node in etree.fromstring(parts["word/styles.xml"]).iter(qn("w:style"))}
    used = {node.get(qn("w:val")) for tag in ("w:pStyle", "w:tblStyle") for node in body.iter(qn(tag))}
    assert {"Heading1", "Heading2", "Caption", "ListBullet", "ListNumber", "TOC1", "ReportTable"} <= used <= styles
    lists = {node.get(qn("w:numId")) for node in etree.fromstring(parts["word/numbering.xml"]).iter(qn("w:num"))}
    assert {node.get(qn("w:val")) for node in body.iter(qn("w:numId"))} - {"0"} <= lists


def test_the_language_is_told_and_wide_tables_lie(parts, body, made):
    locale = {"vi": "vi-VN", "en": "en-GB"}[made[1].language]
    assert f'w:lang w:val="{locale}"'.encode() in parts["word/styles.xml"]
    sizes = [node.find(qn("w:pgSz")).get(qn("w:orient")) for node in body.iter(qn("w:sectPr"))]
    assert sizes == [None, "landscape", None]


def test_word_and_pdf_tell_the_same(made, body):
    reader = pypdf.PdfReader(made[0] / "report.pdf")
    printed = re.sub(r"[\s\u200b-]+", "", "".join(page.extract_text() for page in reader.pages))
    for block in made[1].blocks:
        if isinstance(block, Heading | Figure | Table):
            told = block.text if isinstance(block, Heading) else f"{block.label}. {block.caption}"
            assert told in texts_of(body) and re.sub(r"[\s-]+", "", told) in printed


def test_the_pdf_is_accessible_and_without_a_date(made):
    reader = pypdf.PdfReader(made[0] / "report.pdf")
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"] and reader.trailer["/Root"]["/Lang"].startswith(made[1].language)
    assert reader.metadata.title == made[1].title and reader.metadata.creation_date is None
    assert b"pdfuaid:part>1" in (made[0] / "report.pdf").read_bytes() or "/StructTreeRoot" in reader.trailer["/Root"]
    fonts = {str(font["/BaseFont"]).partition("+")[2] for page in reader.pages for font in map(lambda f: f.get_object(), page["/Resources"]["/Font"].values())}
    assert fonts and all(font.startswith(("KCQSans", "LibertinusSerif", "DejaVuSansMono")) for font in fonts)


def small(text: str) -> Document:
    """A document whose every text is the given one."""
    table = Table("table-a", "Table 1", text, (text, "B"), ((text, "1"),), (False, True), (0.5, 0.5))
    blocks = (
        Outline(), Page(), Heading(1, text, "h"), Paragraph((Span(text, bold=True), Span("Table 1", target="table-a"))),
        Items((plain_line(text, italic=True),)), Items((plain_line(text),), start=4), table, Page(landscape=True), Paragraph(plain_line(text)), Page(),
    )  # fmt: skip
    return Document(text, text, "en", "Page {page} of {pages}", "Contents", ("Figure", "Table"), blocks)


@pytest.mark.parametrize(
    "text",
    ['#import "x": *', "$x^2$ và @ref <table-a>", "*a* _b_ `c` = d", "\\ # [ ] { } // /* */ ~ \\u{41}", "#panic()", '"); #read("/etc/passwd")', "<w:p/> & ]]>", "{page} {{ a }}", "- + / 1. x"],
)
def test_no_text_is_read_as_code(text, tmp_path):
    write_docx(small(text), tmp_path / "a.docx", tmp_path)
    paragraphs = [p.text for p in docx.Document(tmp_path / "a.docx").paragraphs]
    assert paragraphs.count(text) >= 5
    write_pdf(small(text), tmp_path / "a.pdf", tmp_path)
    printed = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "a.pdf").pages)
    squeezed = re.sub(r"[\s\u200b]+", "", printed)
    assert squeezed.count(re.sub(r"\s+", "", text)) >= 7


def test_characters_that_xml_cannot_hold_are_replaced(tmp_path):
    write_docx(small("a\x01b\ufffe"), tmp_path / "a.docx", tmp_path)
    assert "a\ufffdb\ufffd" in [p.text for p in docx.Document(tmp_path / "a.docx").paragraphs]


def test_the_same_document_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_docx(small("x"), tmp_path / f"{name}.docx", tmp_path)
        write_pdf(small("x"), tmp_path / f"{name}.pdf", tmp_path)
    assert (tmp_path / "a.docx").read_bytes() == (tmp_path / "b.docx").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    with zipfile.ZipFile(io.BytesIO((tmp_path / "a.docx").read_bytes())) as package:
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_page_holds_the_evaluators_text_too(made):
    page = (made[0] / "report.html").read_text(encoding="utf-8")
    assert '<data value="funding.current">' in page and '<ol start="1">' in page
    assert {"vi": "Phần này do người đánh giá viết", "en": "This part is written by the evaluator"}[made[1].language] not in page


def test_a_missing_font_is_told_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("kcq_eval.figures.style.FONT_FOLDER", tmp_path / "fonts")
    with pytest.raises(BadInput) as refused:
        bundle.run(read_parameters({}), tmp_path / "bundle")
    assert [(problem.message, problem.file) for problem in refused.value.problems] == [("missing_font", "KCQSans-Bold.otf"), ("missing_font", "KCQSans-Regular.otf")]
    assert not list(tmp_path.iterdir())
