"""Every figure of every kind of run, on both pages: nothing clipped, nothing on anything else, told in words, in colours of its own."""

import functools
import itertools
import re
import xml.etree.ElementTree as ElementTree
import zlib

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.patches import PathPatch, Rectangle
from PIL import Image

from kcq_eval import exhibits
from kcq_eval.comparison import compare
from kcq_eval.evaluation import evaluate
from kcq_eval.figures import multiples, palette, saving, style
from kcq_eval.indicators.composition import facility_numbers, mix_numbers
from kcq_eval.indicators.coverage import coverage_numbers
from kcq_eval.indicators.funding import funding_numbers
from kcq_eval.indicators.register import numbers_of_rows
from kcq_eval.numbers import NBSP, Numbers
from kcq_eval.parameters import read_parameters
from kcq_eval.sensitivity import curves
from kcq_eval.texts import Texts

REGISTER = "data/demonstration/register.csv"
FUNDING, MAP = ("funding_now_before", "funding_split"), ("coverage_map",)
OF_NUMBERS = (
    *FUNDING, "facilities_by_type", "mix_change", "share_check", *MAP, "register_years", "register_types", "register_sectors", "register_spread",
)  # fmt: skip


def figures(names=None, **given):
    """The figures that a run with these parameters draws, by name."""
    evaluation = evaluate(read_parameters(given))
    estimates, parameters = evaluation.estimates, evaluation.parameters
    parts = (facility_numbers, mix_numbers, coverage_numbers)
    numbers = funding_numbers(estimates, evaluation.prices, parameters) + numbers_of_rows(evaluation)
    numbers = functools.reduce(Numbers.__add__, (part(estimates, parameters) for part in parts), numbers)
    texts = Texts(parameters, evaluation.published.vocabulary, numbers)
    found = [getattr(exhibits, name)(numbers, texts, evaluation) for name in names or OF_NUMBERS]
    if names is None:
        found += exhibits.specification_curves(curves(evaluation), texts, evaluation)
        found += [exhibits.checkability_map(texts, evaluation), exhibits.conflict(texts, evaluation)]
        if evaluation.register is not None:
            found.append(exhibits.register_against_publication(compare(evaluation), texts, evaluation))
    return {exhibit.name: exhibit for exhibit in found if exhibit}


RUNS = {"": {}, "register": {"register": REGISTER}}
OTHERS = [
    *(({"price_basis": basis}, FUNDING) for basis in ("cpi", "gdp_deflator")),
    *(({"map_vintage": vintage, "map_extent": extent}, MAP) for vintage, extent in (("63", "country"), ("34", "centre"), ("34", "country"))),
]


@pytest.fixture(scope="module", params=list(itertools.product(("vi", "en"), RUNS)), ids="-".join)
def run(request):
    """All figures of a run, with those that other parameters draw otherwise."""
    language, kind = request.param
    given = {"language": language, **RUNS[kind]}
    found = figures(**given)
    for changed, names in OTHERS:
        found |= {f"{name} {'-'.join(changed.values())}": e for name, e in figures(names, **given, **changed).items()}
    return found


@pytest.fixture(scope="module")
def drawings(run):
    return {(name, page.name): style.drawn(exhibit.draw, page) for name, exhibit in run.items() for page in style.PAGES}


def boxes(drawing):
    """Every line of type with the pixels it covers, 150 to the inch of the layout."""
    renderer, factor = FigureCanvasAgg(drawing).get_renderer(), style.DPI / drawing.dpi
    with style.conference():
        return [(text.get_text(), [edge * factor for edge in text.get_window_extent(renderer).extents]) for text in drawing.texts]


def test_no_text_leaves_the_page_and_no_two_overlap(drawings):
    wrong = []
    for name, drawing in drawings.items():
        wide, high = (side * style.DPI for side in drawing.get_size_inches())
        found = boxes(drawing)
        wrong += [(name, text) for text, (x0, y0, x1, y1) in found if x0 < -0.5 or y0 < -0.5 or x1 > wide + 0.5 or y1 > high + 0.5]
        slack = 3  # pixels that ascender and descender of two lines may share
        wrong += [
            (name, one, other)
            for (one, a), (other, b) in itertools.combinations(found, 2)
            if min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack
        ]
    assert wrong == []


def test_type_can_be_read_on_a_projector_and_on_paper(drawings):
    smallest = {key: min(text.get_fontsize() * drawing.page.scale for text in drawing.texts) for key, drawing in drawings.items()}
    assert [key for key, points in smallest.items() if points < {"": 11, "print": 6.9}[key[1]]] == []


def test_print_is_grey_and_160_mm_wide(drawings):
    coloured = []
    for key, drawing in drawings.items():
        if key[1] == "print":
            assert drawing.get_figwidth() * drawing.page.scale * 25.4 == pytest.approx(160)
            colours = [text.get_color() for text in drawing.texts]
            colours += [c for p in drawing.findobj(mpl.patches.Patch) for c in (p.get_facecolor(), p.get_edgecolor(), p.get_hatchcolor())]
            colours += [c for line in drawing.findobj(mpl.lines.Line2D) for c in (line.get_color(), line.get_markerfacecolor())]
            coloured += [(key, colour) for colour in colours if len(set(to_rgb(colour))) > 1]
    assert coloured == []


def test_alternative_texts_say_the_message_and_every_value_drawn(run):
    for name, exhibit in run.items():
        words, spoken = exhibit.words, exhibit.words.alt
        assert spoken.startswith(words.title) and words.subtitle.rstrip(".") in spoken, name
        assert spoken.endswith("."), name
        if name.startswith("sensitivity_"):  # of its many combinations the lowest, the highest and the run's own
            continue
        texts = [row[column] for _, row in exhibit.rows.iterrows() for column in exhibit.rows.columns if column == "text" or column.endswith("_text")]
        bare = [text.lstrip("+").lstrip("−") for text in texts]
        assert [text for text in bare if text not in spoken] == [], name


def test_titles_are_one_message_of_at_most_two_lines_and_keep_their_kicker(run):
    for exhibit in run.values():
        drawing = style.drawn(exhibit.draw, style.SCREEN)
        kicker = exhibit.words.kicker
        shown = [text.get_text() for text in drawing.texts]
        assert exhibit.words.title.startswith(kicker) and (not kicker or shown[0] == kicker)
        assert " ".join(shown[bool(kicker) :]).startswith(exhibit.words.title.removeprefix(kicker).lstrip(": "))


# ---------------------------------------------------------------- read back


@pytest.fixture(scope="module")
def vietnamese():
    return figures(("share_check", "facilities_by_type", "coverage_map"), language="vi")


@pytest.mark.parametrize("page", style.PAGES, ids=["screen", "print"])
def test_what_was_written_is_read_back_from_each_file(vietnamese, tmp_path, page):
    drawing = style.drawn(vietnamese["share_check"].draw, page)
    hashes = style.save(drawing, tmp_path, "figure")
    between = f"{page.name}." if page.name else ""
    assert list(hashes) == [f"{between}{form}" for form in style.FORMATS]
    lines = saving.drawn_texts(drawing)
    assert " ".join(lines).split() == " ".join(text.get_text() for text in drawing.texts).split()
    assert f"61,4{NBSP}%{NBSP}*" in lines and drawing.words.title in lines  # a title on two lines is one text
    root = ElementTree.parse(tmp_path / f"figure.{between}svg").getroot()
    assert [line.text for line in root.iter(f"{{{saving.TEXTS_NAMESPACE}}}t")] == lines
    assert (root.get("role"), root.get("lang"), root.get("aria-label")) == ("img", "vi", drawing.words.alt)
    svg = "{http://www.w3.org/2000/svg}"
    assert (root.find(f"{svg}title").text, root.find(f"{svg}desc").text) == (drawing.words.title, drawing.words.alt)
    with Image.open(tmp_path / f"figure.{between}png") as image:
        assert image.info[saving.DRAWN_TEXTS].split("\n") == lines
        assert (image.info["Title"], image.info["Description"]) == (drawing.words.title, drawing.words.alt)
    from pypdf import PdfReader

    told = PdfReader(tmp_path / f"figure.{between}pdf").metadata
    assert (told.title, told.subject, told["/Keywords"]) == (drawing.words.title, drawing.words.alt, " | ".join(lines))
    assert {"/CreationDate", "/Creator", "/Producer"}.isdisjoint(told)


def test_a_print_figure_is_160_mm_wide_in_every_format(vietnamese, tmp_path):
    style.save(style.drawn(vietnamese["coverage_map"].draw, style.PRINT), tmp_path, "map")
    assert re.search(r'width="160mm" height="112mm"', (tmp_path / "map.print.svg").read_text(encoding="utf-8"))
    with Image.open(tmp_path / "map.print.png") as image:
        assert image.mode == "L" and image.size == (1889, 1322) and image.info["dpi"][0] == pytest.approx(300, abs=0.1)
    pdf = (tmp_path / "map.print.pdf").read_bytes()
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert [float(side) / 72 * 25.4 for side in box] == pytest.approx([160, 112], abs=0.01)


def test_nothing_near_the_edge_is_lost_when_a_pdf_is_made_smaller(vietnamese, tmp_path):
    drawing = style.drawn(vietnamese["coverage_map"].draw, style.PRINT)
    leaders = [line for line in drawing.findobj(mpl.lines.Line2D) if line.get_label() == "leader"]
    style.save(drawing, tmp_path, "map", ["pdf"])
    pdf = (tmp_path / "map.print.pdf").read_bytes()
    drawn = b"".join(zlib.decompress(stream) for stream in re.findall(rb"/FlateDecode[^>]*>>\s*stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL) if stream[:1] == b"x")
    for line in leaders:
        x, y = (rf"{int(float(ends[0]) * 720) / 10}".replace(".", r"\.") for ends in (line.get_xdata(), line.get_ydata()))
        assert re.search(rf"\b{x}\d* {y}\d* m\b".encode(), drawn), (x, y)


def test_both_pages_are_the_same_bytes_again(vietnamese, tmp_path):
    for page in style.PAGES:
        first, second = (style.save(style.drawn(vietnamese["facilities_by_type"].draw, page), tmp_path / place, "figure") for place in "ab")
        assert first == second


def test_the_page_is_the_screen_again_after_print(vietnamese):
    style.drawn(vietnamese["share_check"].draw, style.PRINT)
    assert vietnamese["share_check"].draw().page is style.SCREEN


# ---------------------------------------------------------------- colours


_SEEN_AS = {  # Machado, Oliveira and Fernandes (2009), severity 1
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])


def lab(colour, view):
    """CIELAB as seen with a form of colour-blindness."""
    part = np.array(to_rgb(colour))
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(_SEEN_AS[view]) @ linear, 0, 1)
    x, y, z = (np.cbrt(v) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116 for v in _TO_XYZ @ seen / (0.95047, 1, 1.08883))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(one, other):
    """The least distance of two colours over all forms."""
    return min(float(np.linalg.norm(lab(one, view) - lab(other, view))) for view in _SEEN_AS)


THINGS = {
    "current": palette.CURRENT, "baseline": palette.BASELINE, "effect": palette.EFFECT, "conflict": palette.CONFLICT, "new": palette.NEW_HATCH,
    "left": palette.LEFT,
}  # fmt: skip


def test_no_two_things_have_one_colour_and_a_support_types_is_its_own(published):
    everything = THINGS | published.vocabulary.support_type_colours
    near = {(a, b): apart(everything[a], everything[b]) for a, b in itertools.combinations(everything, 2)}
    assert {pair: round(far) for pair, far in near.items() if far < 7} == {}
    types = published.vocabulary.support_type_colours.values()
    assert min(apart(a, b) for a, b in itertools.combinations(types, 2)) > 15
    together = [("current", "baseline"), ("current", "conflict"), ("current", "effect"), ("current", "left"), ("current", "new"), ("new", "left")]
    assert {pair: apart(*(THINGS[name] for name in pair)) for pair in together if apart(*(THINGS[name] for name in pair)) < 18} == {}


def test_grey_print_keeps_apart_what_lies_side_by_side():
    for pair in (("CURRENT", "BASELINE"), ("CURRENT", "EFFECT"), ("KEPT", "NEW"), ("KEPT", "NEVER"), ("NEW", "NEW_HATCH"), ("CURRENT", "CONFLICT"), ("NEVER", "OUTSIDE")):
        one, other = (palette.grey(getattr(palette, name)) for name in pair)
        assert abs(one - other) >= 0.1, pair
    assert palette.grey(palette.PAPER) == pytest.approx(1) and palette.grey(palette.INK) < 0.12


@pytest.mark.parametrize("page", style.PAGES, ids=["screen", "print"])
def test_provinces_are_told_apart_by_more_than_hue(vietnamese, page):
    drawing = style.drawn(vietnamese["coverage_map"].draw, page)
    looks = {p.get_label(): (round(palette.grey(p.get_facecolor()[:3]), 1), bool(p.get_hatch())) for p in drawing.findobj(PathPatch) if p.get_gid()}
    assert len(set(looks.values())) == len(looks) == 5 or looks["outside"] == looks["never"]
    assert len({looks[status] for status in ("kept", "new", "left", "never")}) == 4


def test_a_thing_has_its_colour_in_every_figure():
    found = figures(language="vi", register=REGISTER)
    colours = {
        name: {p.get_label(): mpl.colors.to_hex(p.get_facecolor()).upper() for p in style.drawn(found[name].draw, style.SCREEN).findobj(Rectangle) if p.get_label()}
        for name in ("funding_now_before", "funding_split", "share_check", "register_sectors")
    }
    assert {told[role] for told in colours.values() for role in ("current", "computed") if role in told} == {palette.CURRENT}
    assert {told["baseline"] for told in colours.values() if "baseline" in told} == {palette.BASELINE}
    by_type, by_year = (set(found[name].rows[["code", "colour"]].itertuples(index=False, name=None)) for name in ("facilities_by_type", "register_types"))
    assert by_type == by_year


# ---------------------------------------------------------------- small multiples


def test_small_multiples_have_one_scale_and_a_column_for_each_year():
    exhibit = figures(("register_types",), register=REGISTER)["register_types"]
    drawing = style.drawn(exhibit.draw, style.SCREEN)
    columns = [p for p in drawing.findobj(Rectangle) if p.get_label() in ("current", "baseline")]
    assert [column.get_height() for column in columns] == exhibit.rows["value"].tolist()
    assert len({round(ax.get_ylim()[1] / ax.get_position().height, 6) for ax in drawing.axes}) == 1
    assert exhibit.rows.groupby("code").size().tolist() == [6] * 4
    assert int(exhibit.rows["value"].sum()) == 208  # 145 and 63, as published


def test_more_than_two_published_periods_are_small_multiples_with_a_scale_for_each_measure(small_programme):
    periods = {"2015-2017": ("40.000", "20"), "2018-2020": ("181.946,9", "63"), "2021-2023": ("232.908", "145")}
    claims = [{"period": p, "measure": "funding", "printed": f, "unit": "million_vnd"} for p, (f, _) in periods.items()]
    claims += [{"period": p, "printed": n, "unit": "count"} for p, (_, n) in periods.items()]
    claims += [{"period": "2019-2020", "printed": "50", "unit": "count"}]  # not comparable
    exhibit = all_periods(small_programme(*claims))
    assert exhibit.words.title == f"Tổng kinh phí thực hiện tăng qua từng giai đoạn, từ 40,0{NBSP}tỷ{NBSP}đồng lên 232,9{NBSP}tỷ{NBSP}đồng"
    assert exhibit.rows[["code", "period", "role", "text"]].to_numpy().tolist() == [
        ["funding", "2015–2017", "", "40,0"], ["funding", "2018–2020", "baseline", "181,9"], ["funding", "2021–2023", "current", "232,9"],
        ["facilities", "2015–2017", "", "20"], ["facilities", "2018–2020", "baseline", "63"], ["facilities", "2021–2023", "current", "145"],
    ]  # fmt: skip
    drawing = style.drawn(exhibit.draw, style.SCREEN)
    scales = {ax.get_ylim()[1] for ax in drawing.axes}
    assert len(scales) == 2 and max(scales) > 232.9 > 200 > min(scales) > 145


def test_more_panels_and_years_than_can_be_read_are_no_figure():
    rows = [{"code": f"c{code}", "period": str(year), "text": "110,5"} for code in range(8) for year in range(2010, 2022)]
    assert not multiples.has_room(pd.DataFrame(rows))
    assert multiples.has_room(pd.DataFrame([row for row in rows if row["period"] > "2015" and row["code"] < "c4"]))


def test_two_periods_are_no_small_multiples(published_folder):
    assert all_periods(published_folder) is None


def all_periods(folder):
    evaluation = evaluate(read_parameters({"data_dir": str(folder)}))
    numbers = funding_numbers(evaluation.estimates, evaluation.prices, evaluation.parameters)
    found = exhibits.all_periods(numbers, Texts(evaluation.parameters, evaluation.published.vocabulary, numbers), evaluation)
    return found[0] if found else None


def test_numbers_of_small_multiples_have_ids():
    evaluation = evaluate(read_parameters({"register": REGISTER}))
    numbers = numbers_of_rows(evaluation)
    assert numbers["register.year.2022.advanced_machinery.facilities"].bounded.value == 48
    assert sum(numbers[f"register.year.{year}.textile_garment.funding"].bounded.value for year in (2021, 2022, 2023)) == numbers[
        "register.sector.textile_garment.funding"
    ].bounded.value


# ---------------------------------------------------------------- titles with other data


def titles(folder, *names, **given):
    return {name: exhibit.words.title for name, exhibit in figures(names, data_dir=str(folder), **given).items()}


def told(machinery, consultancy):
    """Claims of facilities by two support types, each before and now."""
    of_type = {"advanced_machinery": machinery, "consultancy": consultancy, "demonstration_model": (0, 0), "showroom": (0, 0)}
    of_type |= {"all": tuple(map(sum, zip(machinery, consultancy, strict=True)))}
    return [
        {"period": period, "support_type": code, "printed": str(count), "unit": "count"}
        for code, counts in of_type.items()
        for period, count in zip(("2018-2020", "2021-2023"), counts, strict=True)
    ]


@pytest.mark.parametrize(
    ("machinery", "consultancy", "by_type", "mix"),
    [
        ((10, 40), (10, 12), "mostly in one support type: advanced machinery", "Advanced machinery: 76.9 % of facilities"),
        ((10, 20), (10, 20), "Facilities supported were up 100.0 % on the period before", "Support-type mix of the focal schemes, before and now"),
        ((40, 10), (10, 9), "Facilities were down 62.0 %, mostly in one support type: advanced machinery", "Advanced machinery: 52.6 % of facilities"),
        ((10, 12), (10, 8), "Facilities supported, by support type", "Advanced machinery: 60.0 % of facilities, the largest share"),
    ],
)
def test_titles_of_facilities_follow_other_data(small_programme, machinery, consultancy, by_type, mix):
    found = titles(small_programme(*told(machinery, consultancy)), "facilities_by_type", "mix_change", language="en")
    assert by_type in found["facilities_by_type"].replace(NBSP, " ") and found["mix_change"].replace(NBSP, " ").startswith(mix)
