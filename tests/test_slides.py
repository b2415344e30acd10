"""The slides: what is on them, that nothing leaves its box, that they open, and what a centre's template may be."""

import copy
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree
from pptx import Presentation
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Emu

from kcq_eval.datafiles import project_root
from kcq_eval.deliverables import slide_text
from kcq_eval.deliverables.packages import fixed_zip
from kcq_eval.deliverables.slide_charts import CHARTS
from kcq_eval.deliverables.slide_template import box_of, look_of, open_template, template_problems
from kcq_eval.deliverables.slide_text import Paragraph
from kcq_eval.deliverables.slides import FILE, write_slides
from kcq_eval.errors import BadInput
from kcq_eval.figures import palette, style
from kcq_eval.parameters import read_parameters
from kcq_eval.runs import bundle
from kcq_eval.texts import Texts

REGISTER = {"register": "data/demonstration/register.csv"}
RUNS = {"vi": {}, "en": {"language": "en"}, "vi-register": REGISTER, "en-register": {**REGISTER, "language": "en"}}
NATIVE = ["funding_now_before", "funding_split", "facilities_by_type", "share_check", "mix_change"]
EMU = 914_400


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """What each run hands to its deliverables, by name; the runs are made once."""
    made = {}

    def of(name):
        if name not in made:
            kept, deliver = [], bundle._deliver
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(bundle, "_deliver", lambda given: (kept.append(json.dumps(given.parts)), kept.append(given), deliver(given)))
                done = bundle.run(read_parameters({"figure_formats": "png", **RUNS[name]}), tmp_path_factory.mktemp(name) / "bundle")
            made[name] = dataclasses.replace(kept[1], parts=tuple(json.loads(kept[0])), folder=done.folder)
        return made[name]

    return of


@pytest.fixture(scope="module")
def deck(contents):
    """The presentation that a run left, by name."""
    return lambda name: Presentation(contents(name).folder / FILE)


def with_template(contents, template, path):
    """The same contents in another template."""
    parameters = contents.evaluation.parameters.model_copy(update={"template": str(template)})
    evaluation = dataclasses.replace(contents.evaluation, parameters=parameters)
    write_slides(dataclasses.replace(contents, evaluation=evaluation), path)
    return Presentation(path)


def title(slide):
    return slide.shapes.title.text_frame.text.replace("\v", " ")


def shape(slide, name):
    return next(shape for shape in slide.shapes if shape.name == name)


def slide_with(deck, name):
    return next(slide for slide in deck.slides if any(shape.name == name for shape in slide.shapes))


def charts(deck):
    return {shape.name: shape.chart for slide in deck.slides for shape in slide.shapes if shape.has_chart}


def label(point):
    return "".join(run.text for paragraph in point.data_label.text_frame.paragraphs for run in paragraph.runs)


def figure(contents, name):
    return next(figure for figure in contents.figures() if figure["name"] == name)


# ---------------------------------------------------------------- what is on the slides


@pytest.mark.parametrize("name", ["vi", "en"])
def test_the_deck_goes_from_the_title_over_the_results_to_the_sources(contents, deck, name):
    given, slides = contents(name), deck(name).slides
    say = given.texts
    drawn = [f for f in given.figures() if f["name"] in (*NATIVE, "coverage_map", "conflict")]
    order = {"funding_now_before": 0, "funding_split": 1, "facilities_by_type": 2, "share_check": 3, "mix_change": 4, "coverage_map": 5, "conflict": 6}
    told = [f["title"] for f in sorted(drawn, key=lambda f: order[f["name"]])]
    last = [say(f"report.{key}") for key in ("erratum", "limits", "recommendations", "sources")]
    assert [title(slide) for slide in slides] == [say("report.title"), say("slides.glance"), *told, *last]
    assert all(shape(slides[number], name) for number, name in ((7, "coverage_map"), (8, "conflict")))
    assert deck(name).slide_width / deck(name).slide_height == pytest.approx(16 / 9, abs=1e-3)


def test_at_a_glance_stand_three_results_and_the_one_caveat(deck):
    slide = deck("en").slides[1]
    large = [s.text_frame.text for s in slide.shapes if s.name.endswith(" number")]
    assert large == ["+28.01\xa0%", "145", "13/28"]
    words = [s.text_frame.text for s in slide.shapes if s.name.endswith(" result")]
    assert len(words) == 3 and "against 63 in 2018–2020 (82 more)" in words[1]
    caveat = shape(slide, "caveat").text_frame.text
    assert "3 published figures cannot all be true" in caveat and "#5" in caveat
    assert len(" ".join([*words, caveat]).split()) < 130  # read in a minute


def test_a_demonstration_says_so_in_every_title(deck):
    for name, word in (("vi-register", "MINH HỌA"), ("en-register", "DEMONSTRATION")):
        assert all(title(slide).startswith(word) for slide in deck(name).slides)
    assert not any("MINH HỌA" in title(slide) for slide in deck("vi").slides)


def test_a_register_has_its_own_slides(deck):
    found = deck("vi-register")
    assert charts(found)["register_years"].chart_type == XL_CHART_TYPE.COLUMN_STACKED
    assert shape(slide_with(found, "register_spread"), "register_spread").image.content_type == "image/png"
    rows = [row for slide in found.slides for s in slide.shapes if s.name == "register_against_publication" for row in list(s.table.rows)[1:]]
    assert len(rows) == 10 and "#5" in rows[0].cells[0].text


def test_the_evaluators_own_text_is_shown_whole_on_as_many_slides_as_it_needs(contents, tmp_path):
    paragraphs = [" ".join(f"câu{paragraph}-{number}" for number in range(120)) for paragraph in range(4)]
    given = copy.copy(contents("vi"))
    object.__setattr__(given, "commentary", {"recommendations": paragraphs})
    write_slides(given, tmp_path / FILE)
    shown = [s.text_frame.text for slide in Presentation(tmp_path / FILE).slides for s in slide.shapes if s.name == "recommendations"]
    assert len(shown) > 1 and " ".join(shown).split() == " ".join(paragraphs).split()


def test_without_a_conflict_the_verdict_is_told_in_words(contents, tmp_path):
    given = contents("en")
    parts = tuple(part | {"figures": [f for f in part["figures"] if f["name"] != "conflict"]} for part in given.parts)
    write_slides(dataclasses.replace(given, parts=parts), tmp_path / FILE)
    slide = slide_with(Presentation(tmp_path / FILE), "consistency_audit")
    assert title(slide) == given.texts("chapter.consistency_audit.title") and "cannot all be true" in shape(slide, "consistency_audit").text_frame.text


def test_the_erratum_has_the_ledgers_entries_as_printed(deck):
    table = shape(slide_with(deck("vi"), "erratum"), "erratum").table
    assert [row.cells[1].text for row in table.rows] == ["Như đã in", "26,7%", "236"]


# ---------------------------------------------------------------- charts and pictures


@pytest.mark.parametrize("name", ["vi", "en"])
def test_charts_are_native_and_carry_the_figures_values_labels_and_alternative_text(contents, deck, name):
    given, found = contents(name), charts(deck(name))
    assert sorted(found) == sorted(NATIVE)
    funding, rows = found["funding_now_before"], figure(given, "funding_now_before")["rows"]
    assert list(funding.plots[0].series[0].values) == [row["value"] for row in rows]
    assert [label(point) for point in (funding.plots[0].series[0].points[n] for n in (0, 1))] == [row["text"] for row in rows]
    types, rows = found["facilities_by_type"].plots[0], figure(given, "facilities_by_type")["rows"]
    assert list(types.series[0].values) == [row["value"] for row in rows if row["role"] == "current"]
    assert [label(types.series[0].points[n]) for n in range(1, 4)] == [row["text"] for row in rows if row["role"] == "current"][1:]
    mix, rows = found["mix_change"].plots[0], figure(given, "mix_change")["rows"]
    now = next(series for series in mix.series if series.name == figure(given, "mix_change")["terms"]["now"])
    assert [label(now.points[n]) for n in range(1, 4)] == [row["text"] for row in rows][1:]
    for chart in found:
        frame = shape(slide_with(deck(name), chart), chart)
        assert frame._element.nvGraphicFramePr.cNvPr.get("descr") == figure(given, chart)["alt"]


def test_the_steps_of_the_waterfall_end_at_the_current_funding(contents, deck):
    base, value, _ = charts(deck("vi"))["funding_split"].plots[0].series
    rows = figure(contents("vi"), "funding_split")["rows"]
    assert [b + v for b, v in zip(base.values, value.values)][0] == pytest.approx(rows[0]["value"])
    assert base.values[2] == pytest.approx(rows[3]["value"], abs=1e-6)  # the second effect goes down to it
    assert list(value.values)[1:3] == [pytest.approx(abs(row["value"])) for row in rows[1:3]]


def test_colours_are_those_of_the_figures(contents, deck):
    found = charts(deck("vi"))
    points = found["funding_now_before"].plots[0].series[0].points
    assert [str(points[n].format.fill.fore_color.rgb) for n in (0, 1)] == [palette.BASELINE[1:], palette.CURRENT[1:]]
    series = found["facilities_by_type"].plots[0].series[0]
    rows = [row for row in figure(contents("vi"), "facilities_by_type")["rows"] if row["role"] == "current"]
    assert [f"#{series.points[n].format.fill.fore_color.rgb}" for n in range(4)] == [row["colour"].upper() for row in rows]


def test_bounds_that_show_are_drawn_and_labelled_with_both_ends(contents, deck):
    chart = charts(deck("vi"))["facilities_by_type"]
    baseline = chart.plots[0].series[1]
    assert [label(baseline.points[n]) for n in (2, 3)] == ["0–2", "0–2"]
    assert list(baseline.values)[2:] == [2.0, 2.0]
    spans = [float(v.text) for v in baseline._element.findall("{*}errBars/{*}minus//{*}v")]
    assert spans == [0, 0, 2, 2]


def test_the_data_of_a_chart_is_a_workbook_without_a_date(deck):
    from openpyxl import load_workbook

    part = charts(deck("en"))["funding_now_before"].part.chart_workbook.xlsx_part
    book = load_workbook(io.BytesIO(part.blob))
    assert [row[0].value for row in list(book.active.rows)[1:]] == ["2018–2020", "2021–2023"]
    assert b"dcterms" not in zipfile.ZipFile(io.BytesIO(part.blob)).read("docProps/core.xml").replace(b"xmlns:dcterms", b"")


def test_maps_and_drawings_are_pictures_with_alternative_text(contents, deck):
    for name in ("coverage_map", "conflict"):
        picture = shape(slide_with(deck("vi"), name), name)
        assert picture._element.nvPicPr.cNvPr.get("descr") == figure(contents("vi"), name)["alt"]
        assert picture.crop_top > 0.1  # the words of its frame are the slide's own


def test_speaker_notes_give_every_number_of_the_figure_with_bounds_and_claims(contents, deck):
    given = contents("en")
    notes = slide_with(deck("en"), "funding_now_before").notes_slide.notes_text_frame.text
    for number_id in figure(given, "funding_now_before")["numbers"]:
        row = given.numbers[number_id]
        assert row["label_en"] in notes and row["text_en"] in notes and row["sources"].split(";")[0] in notes
    assert "(bounds: 28.008–28.009)" in notes
    assert "543–544" in slide_with(deck("en"), "conflict").notes_slide.notes_text_frame.text


# ---------------------------------------------------------------- nothing leaves its box


def paragraphs_of(frame):
    """A text frame as it is set, a soft break as a line feed."""
    for paragraph in frame.paragraphs:
        runs = paragraph.runs
        if runs:
            yield Paragraph(paragraph.text.replace("\v", "\n"), runs[0].font.size.pt, bool(runs[0].font.bold), None, paragraph.space_before.pt)


def overflowing(deck, scale=1.0, wider=1.0):
    """Shapes whose text is larger than they are, by measure; placeholders with their template's own look."""
    for number, slide in enumerate(deck.slides, start=1):
        for s in slide.shapes:
            if not s.has_text_frame or not s.text_frame.text or (s.is_placeholder and s.placeholder_format.type.name == "SLIDE_NUMBER"):
                continue
            look = look_of(s) if s.is_placeholder else None
            told = [dataclasses.replace(p, text=p.text.upper()) for p in paragraphs_of(s.text_frame)] if look and look.capitals else list(paragraphs_of(s.text_frame))
            box = box_of(s).inset(*look.insets) if look else box_of(s)
            if not slide_text.fits(told, dataclasses.replace(box, height=box.height + 0.01), wider):
                yield number, s.name, s.text_frame.text
            if box_of(s).bottom > deck.slide_height / EMU + 0.01 or box_of(s).left < 0:
                yield number, s.name, "outside the slide"


@pytest.mark.parametrize("name", RUNS)
def test_no_text_is_larger_than_its_box(deck, name):
    assert list(overflowing(deck(name))) == []


@pytest.mark.parametrize("name", RUNS)
def test_type_can_be_read_from_the_back_row(deck, name):
    for slide in deck(name).slides:
        for s in slide.shapes:
            if s.has_text_frame and s.text_frame.text and not (s.is_placeholder and s.placeholder_format.type.name == "SLIDE_NUMBER"):
                sizes = {run.font.size.pt for p in s.text_frame.paragraphs for run in p.runs}
                assert min(sizes) >= (12 if s.name in ("sources", "subtitle") else 14), (title(slide), s.name)
            if s.has_chart:
                sizes = {int(found) / 100 for found in s.chart._chartSpace.xpath(".//a:rPr/@sz | .//a:defRPr/@sz")}
                assert min(sizes) >= 12, s.name
            if s.has_table:
                assert all(run.font.size.pt >= 14 for row in s.table.rows for cell in row.cells for p in cell.text_frame.paragraphs for run in p.runs)


def test_what_is_measured_is_no_narrower_than_arial():
    liberation = Path("/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf")
    if not liberation.exists():
        pytest.skip("Liberation Sans, which is as wide as Arial, is not installed")
    from fontTools.ttLib import TTFont

    font = TTFont(liberation)
    names, widths = font.getBestCmap(), font["hmtx"]
    for text in ("Total implementing funding, 232,908.0 million VND (28.01 %)", "Tong kinh phi thuc hien de an diem giai doan 2021–2023"):
        arial = sum(widths[names[ord(character)]][0] for character in text) / font["head"].unitsPerEm
        assert arial <= style.text_width(text, 72) <= 1.12 * arial


def rendered(path, folder):
    """The words of each page with their boxes in points, as LibreOffice sets them."""
    for program in ("soffice", "pdftotext"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed, which renders the slides")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    subprocess.run(["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(folder), str(path)], check=True, capture_output=True, timeout=180)
    subprocess.run(["pdftotext", "-bbox", str(folder / f"{path.stem}.pdf"), str(folder / "words.html")], check=True, capture_output=True, timeout=60)
    pages = etree.parse(str(folder / "words.html"), etree.HTMLParser(encoding="utf-8")).findall(".//page")
    return [[(word.text or "", *(float(word.get(side)) for side in ("xmin", "ymin", "xmax", "ymax"))) for word in page.findall("word")] for page in pages]


def characters(text):
    return Counter(re.sub(r"[\s\xa0]", "", text))


def texts_of(shape):
    if shape.has_chart:
        return " ".join(shape.chart._chartSpace.xpath(".//c:dLbl//a:t/text()"))
    if getattr(shape, "has_table", False) and shape.has_table:
        return " ".join(cell.text for row in shape.table.rows for cell in row.cells)
    return shape.text_frame.text if shape.has_text_frame else ""


@pytest.mark.parametrize("name", ["vi-register", "en"])
def test_rendered_every_text_stands_within_its_shape(contents, deck, name, tmp_path):
    pages = rendered(contents(name).folder / FILE, tmp_path)
    assert len(pages) == len(deck(name).slides)
    near = 4.0  # points that letters may reach over the edge of their line's box
    for number, (page, slide) in enumerate(zip(pages, deck(name).slides), start=1):
        for s in slide.shapes:
            text = texts_of(s)
            if not text or "‹#›" in text:
                continue
            left, top, right, bottom = (Emu(e).pt for e in (s.left, s.top, s.left + s.width, s.top + s.height))
            inside = [w for w, x0, y0, x1, y1 in page if x0 >= left - near and x1 <= right + near and y0 >= top - near and y1 <= bottom + near]
            missing = characters(text) - characters(" ".join(inside))
            assert not missing, (number, s.name, "".join(missing.elements()))


# ---------------------------------------------------------------- it opens, and it is the same


def problems_of(path):
    """What would make an office program repair the file: ids used twice, relations and parts that are not there, places left empty."""
    with zipfile.ZipFile(path) as package:
        names = set(package.namelist())
        types = etree.fromstring(package.read("[Content_Types].xml"))
        declared = {o.get("PartName") for o in types.findall("{*}Override")}
        defaults = {d.get("Extension").lower() for d in types.findall("{*}Default")}
        yield from (f"declared but absent: {part}" for part in sorted(declared) if part[1:] not in names)
        yield from (f"not declared: {name}" for name in sorted(names) if f"/{name}" not in declared and name.rpartition(".")[2].lower() not in defaults)
        reached = {"[Content_Types].xml"}
        for name in sorted(n for n in names if n.endswith(".rels")):
            folder, _, file = name.rpartition("_rels/")
            reached.add(name)
            source = folder + file.removesuffix(".rels")
            relations = etree.fromstring(package.read(name))
            used = set(re.findall(rb'r:(?:id|embed|link|pict)="([^"]+)"', package.read(source))) if source in names else set()
            ids = [relation.get("Id") for relation in relations]
            yield from (f"{source}: {found.decode()} leads nowhere" for found in sorted(used) if found.decode() not in ids)
            if len(ids) != len(set(ids)):
                yield f"{source}: a relation twice"
            for relation in relations:
                if relation.get("TargetMode") != "External":
                    target = relation.get("Target")
                    part = target[1:] if target.startswith("/") else os.path.normpath(folder + target)
                    reached.add(part)
                    if part not in names:
                        yield f"{source}: {part} is absent"
        yield from (f"nothing leads to {name}" for name in sorted(names - reached))
        for name in sorted(n for n in names if n.endswith(".xml")):
            tree = etree.fromstring(package.read(name))
            ids = [found.get("id") for found in tree.iter("{*}cNvPr")]
            yield from (f"{name}: shape {i} twice" for i, times in Counter(ids).items() if times > 1)
            if name.startswith("ppt/slides/slide"):
                for sp in tree.iter("{*}sp"):
                    if sp.find(".//{*}ph") is not None and not "".join(sp.itertext()).strip():
                        yield f"{name}: an empty place"


@pytest.mark.parametrize("name", RUNS)
def test_the_file_opens_without_repair(contents, name):
    assert list(problems_of(contents(name).folder / FILE)) == []


def test_the_same_contents_give_the_same_bytes(contents, tmp_path):
    write_slides(contents("vi-register"), tmp_path / "again.pptx")
    assert (tmp_path / "again.pptx").read_bytes() == (contents("vi-register").folder / FILE).read_bytes()


def test_a_package_is_written_alike_whenever_and_in_whatever_order(tmp_path):
    def package(order, year, inner=b""):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as made:
            for name in order:
                content = {"docProps/core.xml": f'<a><dcterms:created xsi:type="x">{year}</dcterms:created><b>kept</b></a>'.encode(), "in.xlsx": inner}
                made.writestr(zipfile.ZipInfo(name, (year, 5, 6, 7, 8, 10)), content.get(name, b"<same/>"))
        return buffer.getvalue()

    one = package(["a.xml", "docProps/core.xml", "[Content_Types].xml", "in.xlsx"], 2024, package(["x.xml", "docProps/core.xml"], 2023))
    two = package(["[Content_Types].xml", "in.xlsx", "docProps/core.xml", "a.xml"], 2025, package(["docProps/core.xml", "x.xml"], 2022))
    assert fixed_zip(one) == fixed_zip(two)
    read = zipfile.ZipFile(io.BytesIO(fixed_zip(one)))
    assert read.namelist()[0] == "[Content_Types].xml" and read.read("docProps/core.xml") == b"<a><b>kept</b></a>"
    (tmp_path / "file.docx").write_bytes(one)
    assert fixed_zip(tmp_path / "file.docx") == (tmp_path / "file.docx").read_bytes() == fixed_zip(two)


# ---------------------------------------------------------------- a centre's own template


@pytest.fixture(scope="module")
def own_template(tmp_path_factory):
    """A centre's template: 16:9 of another size, capitals, a font of its own, two example slides in a section; saved as POTX."""
    folder = tmp_path_factory.mktemp("template")
    made = Presentation()
    made.slide_width, made.slide_height = Emu(10 * EMU), Emu(int(5.625 * EMU))
    for layout in [made.slide_master, *made.slide_layouts]:
        for place in layout.placeholders:
            if place._element.spPr.find("{*}xfrm") is not None:
                place.top, place.height = int(place.top * 0.75), int(place.height * 0.75)
    for layout in (0, 1):
        slide = made.slides.add_slide(made.slide_layouts[layout])
        slide.shapes.title.text = "Trang ví dụ"
    sections = (
        '<p:extLst xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:ext uri="{521415D9-36F7-43E2-AB2F-B90AF26B5E84}">'
        '<p14:sectionLst xmlns:p14="http://schemas.microsoft.com/office/powerpoint/2010/main"><p14:section name="Mẫu" id="{1}"><p14:sldIdLst>'
        '<p14:sldId id="256"/></p14:sldIdLst></p14:section></p14:sectionLst></p:ext></p:extLst>'
    )
    root = made.part._element
    for old in root.findall("{*}extLst"):
        root.remove(old)
    root.append(etree.fromstring(sections))
    made.slide_master._element.find("{*}txStyles/{*}titleStyle/{*}lvl1pPr/{*}defRPr").set("cap", "all")
    made.save(folder / "plain.pptx")
    with zipfile.ZipFile(folder / "plain.pptx") as given, zipfile.ZipFile(folder / "mẫu.potx", "w") as potx:
        for name in given.namelist():
            content = given.read(name).replace(b'<a:latin typeface="Calibri"/>', b'<a:latin typeface="Phong Rieng"/>')
            potx.writestr(name, content.replace(b"presentation.main+xml", b"template.main+xml"))
    return folder / "mẫu.potx"


def test_a_template_gives_its_size_layouts_and_fonts_and_loses_its_example_slides(contents, own_template, tmp_path):
    made = with_template(contents("vi"), own_template, tmp_path / FILE)
    assert (made.slide_width, made.slide_height) == (10 * EMU, int(5.625 * EMU))
    assert "Trang ví dụ" not in [title(slide) for slide in made.slides] and len(made.slides) == 13
    assert {slide.slide_layout.name for slide in made.slides} == {"Title Slide", "Title Only", "Title and Content"}
    assert list(problems_of(tmp_path / FILE)) == []
    with zipfile.ZipFile(tmp_path / FILE) as package:
        assert b"sectionLst" not in package.read("ppt/presentation.xml")
        assert b"Phong Rieng" in package.read("ppt/theme/theme1.xml")
        assert b"template.main" not in package.read("[Content_Types].xml")


def test_no_text_leaves_its_box_in_a_template_either(contents, own_template, tmp_path):
    chosen = open_template(own_template)
    assert chosen.wider > 1 and chosen.unknown_fonts == ("Phong Rieng",)
    assert list(overflowing(with_template(contents("vi-register"), own_template, tmp_path / FILE), wider=chosen.wider)) == []
    Presentation().save(tmp_path / "4x3.pptx")  # python-pptx's own: 4:3, Calibri
    assert open_template(tmp_path / "4x3.pptx").wider == 1
    assert list(overflowing(with_template(contents("en"), tmp_path / "4x3.pptx", tmp_path / "old.pptx"))) == []


def test_a_font_that_cannot_be_measured_is_kept_and_told(contents, own_template, tmp_path):
    made = with_template(contents("en"), own_template, tmp_path / FILE)
    assert "Phong Rieng" in made.slides[0].notes_slide.notes_text_frame.text


def refused(path):
    return [(problem.message, problem.file) for problem in template_problems(path)]


def test_a_template_that_cannot_be_used_is_refused_by_name(own_template, tmp_path):
    whole = own_template.read_bytes()
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as made:
        made.writestr("xl/workbook.xml", "<workbook/>")
    for name, content, message in (
        ("empty.pptx", b"", "empty_file"), ("text.pptx", "không phải".encode(), "not_a_presentation"), ("cut.pptx", whole[: len(whole) // 2], "not_a_presentation"),
        ("flipped.pptx", whole[:3000] + bytes(64) + whole[3064:], "not_a_presentation"), ("old.ppt", b"\xd0\xcf\x11\xe0" + bytes(600), "locked_presentation"),
        ("book.pptx", book.getvalue(), "not_a_presentation"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert refused(tmp_path / name) == [(message, name)]
    assert refused(tmp_path / "none.pptx") == [("missing_file", "none.pptx")]


def test_a_template_without_the_layouts_needed_says_which_are_missing(tmp_path):
    made = Presentation()
    for layout in list(made.slide_layouts):
        if layout.name not in ("Blank", "Title Only"):
            made.slide_layouts.remove(layout)
    made.save(tmp_path / "bare.pptx")
    assert refused(tmp_path / "bare.pptx") == [("no_opening_layout", "bare.pptx"), ("no_content_layout", "bare.pptx")]
    narrow = Presentation()
    for place in narrow.slide_layouts[1].placeholders:
        place.width = EMU
    narrow.save(tmp_path / "narrow.pptx")
    assert refused(tmp_path / "narrow.pptx") == [("template_too_narrow", "narrow.pptx")]


def test_a_bad_template_and_other_problems_are_told_at_once_and_nothing_runs(tmp_path):
    with pytest.raises(BadInput) as error:
        bundle.run(read_parameters({"template": str(tmp_path / "none.pptx"), "centre": "ipc9"}), tmp_path / "out")
    assert [(p.message, p.file) for p in error.value.problems] == [("missing_file", "none.pptx"), ("unknown_value", "parameters")]
    assert not (tmp_path / "out").exists()


def test_the_command_names_the_template_and_what_it_lacks(tmp_path):
    (tmp_path / "mẫu.pptx").write_bytes(b"PK nothing")
    done = subprocess.run(
        [sys.executable, "-m", "kcq_eval", "run", "--template", "mẫu.pptx", "--out", "out"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(project_root()), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 2 and "mẫu.pptx: tệp trình chiếu bị hỏng" in done.stderr and not (tmp_path / "out").exists()


def test_every_chart_has_the_words_that_its_data_sheet_needs(contents):
    assert set(NATIVE) < set(CHARTS)
    for name in ("vi", "en"):
        say: Texts = contents(name).texts
        assert all(say(f"slides.chart.{key}") for key in ("value", "base", "room", "place", "share", "rest", "bounds"))
