"""What the figures show, asked of what is drawn: lengths, places, hatches, texts, and the bytes that are saved."""

import dataclasses
import hashlib
import itertools
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.ft2font import FT2Font
from matplotlib.patches import FancyArrowPatch, PathPatch, Rectangle
from PIL import Image

from kcq_eval.figures import charts, maps, names, style
from kcq_eval.figures.style import FigureWords

DATA = Path(__file__).resolve().parent.parent / "data"
REFERENCE = DATA / "reference"
LANGUAGES = ("vi", "en")
NBSP = "\N{NO-BREAK SPACE}"
BEFORE, NOW = "2018–2020", "2021–2023"
SOURCE = {
    "vi": "Nguồn: Trung tâm 1, bản tin ngày 27/12/2023; Báo Nam Định ngày 05/11/2020. Tính toán từ số liệu đã in.",
    "en": "Sources: Centre 1, news item of 27 December 2023; Báo Nam Định, 5 November 2020. Computed from the printed figures.",
}
KEPT = ("Tuyên Quang", "Yên Bái", "Thái Nguyên", "Hà Nam", "Nam Định", "Ninh Bình", "Thanh Hóa", "Nghệ An")
NEW = ("Hòa Bình", "Hải Dương", "Phú Thọ", "Thái Bình", "Cao Bằng")
LEFT = ("Lào Cai",)


# ---------------------------------------------------------------- the evaluation's frames


def said(language, vi, en):
    return (vi if language == "vi" else en).replace(" %", f"{NBSP}%")


def words(language, vi, en, subtitle_vi, subtitle_en, **more):
    return FigureWords(said(language, vi, en), said(language, subtitle_vi, subtitle_en), SOURCE[language], **more)


def funding_bars(language):
    rows = pd.DataFrame(
        [
            {"label": BEFORE, "role": "baseline", "value": 181946.9, "lower": 181946.85, "upper": 181946.95},
            {"label": NOW, "role": "current", "value": 232908.0, "lower": 232907.5, "upper": 232908.5},
        ]
    ).assign(text=[said(language, "181.946,9", "181,946.9"), said(language, "232.908", "232,908")])
    told = words(
        language,
        "Kinh phí đề án điểm tăng 28,01 % so với giai đoạn trước, số cơ sở tăng hơn gấp đôi",
        "Funding of focal schemes is up 28.01 % on the previous period, the number of facilities more than doubled",
        "Tổng kinh phí thực hiện đề án khuyến công quốc gia điểm của Trung tâm 1, giá hiện hành",
        "Total implementing funding of national focal schemes of Centre 1, current prices",
        terms={"growth": said(language, "tăng 28,01 %", "up 28.01 %")},
        axis=said(language, "triệu đồng", "million VND"),
    )
    return charts.funding_bars, rows, told, {}


def funding_split(language):
    rows = pd.DataFrame(
        {
            "label": [
                BEFORE,
                said(language, "Nhiều cơ sở hơn: từ 63 lên 145", "More facilities: from 63 to 145"),
                said(language, "Ít kinh phí hơn cho mỗi cơ sở", "Less funding for each facility"),
                NOW,
            ],
            "role": ["baseline", "effect", "effect", "current"],
            "value": [181946.9, 184266.5, -133305.4, 232908.0],
            "text": ["181.946,9", "+184.266", "−133.306 đến −133.305", "232.908"],
        }
    )
    told = words(
        language,
        "Kinh phí tăng nhờ có nhiều cơ sở được hỗ trợ hơn, dù kinh phí bình quân một cơ sở giảm 44,4 %",
        "Funding grew because more facilities were supported, although funding per facility fell by 44.4 %",
        "Phân tách mức tăng tổng kinh phí thực hiện đề án điểm",
        "Split of the growth of total implementing funding of focal schemes",
        axis=said(language, "triệu đồng", "million VND"),
    )
    return charts.funding_split, rows, told, {}


def support_types(language):
    table = pd.read_csv(DATA / "vocabulary" / "support_types.csv", dtype=str).set_index("code")
    codes = ["advanced_machinery", "demonstration_model", "showroom", "consultancy"]
    return [(code, table.loc[code, f"short_{language}"], table.loc[code, "colour"]) for code in codes]


def facilities_by_type(language):
    values = {"current": [128, 7, 6, 4], "baseline": [52, 9, 1, 1]}
    rows = []
    for number, (code, label, colour) in enumerate(support_types(language)):
        for role, period in (("current", NOW), ("baseline", BEFORE)):
            value = values[role][number]
            open_ends = role == "baseline" and number > 1
            rows.append(
                {"code": code, "label": label, "colour": colour, "role": role, "period_label": period, "value": float(value)}
                | {"lower": 0.0 if open_ends else float(value), "upper": 2.0 if open_ends else float(value)}
                | {"text": "0–2" if open_ends else str(value)}
            )
    told = words(
        language,
        "Hỗ trợ máy móc, thiết bị tiên tiến tăng từ 52 lên 128 cơ sở; ba loại hình còn lại chỉ có 17 cơ sở",
        "Support for advanced machinery rose from 52 to 128 facilities; the other three types together reach only 17",
        "Số cơ sở công nghiệp nông thôn được đề án điểm hỗ trợ, theo loại hình; nét đứt: khoảng giá trị",
        "Rural industrial facilities supported by focal schemes, by support type; dashed: bounds",
    )
    return charts.facilities_by_type, pd.DataFrame(rows), told, {}


def mix_change(language):
    rows = pd.DataFrame(
        {
            "before_value": [82.54, 14.29, 1.59, 1.59],
            "before_lower": [82.54, 14.29, 0.0, 0.0],
            "before_upper": [82.54, 14.29, 3.17, 3.17],
            "before_text": [
                said(language, vi, en) for vi, en in (("82,5 %", "82.5 %"), ("14,3 %", "14.3 %"), *[("0,0–3,2 %", "0.0–3.2 %")] * 2)
            ],
            "value": [88.28, 4.83, 4.14, 2.76],
            "lower": [88.28, 4.83, 4.14, 2.76],
            "upper": [88.28, 4.83, 4.14, 2.76],
            "text": [said(language, f"{n} %", f"{n} %".replace(",", ".")) for n in ("88,3", "4,8", "4,1", "2,8")],
            "change_text": [
                said(language, f"{n} điểm phần trăm", f"{n} percentage points".replace(",", ".").replace("đến", "to"))
                for n in ("+5,7", "−9,5", "+1,0 đến 4,1", "−0,4 đến 2,8")
            ],
        }
    )
    for column, values in zip(("code", "label", "colour"), zip(*support_types(language), strict=True), strict=True):
        rows[column] = values
    told = words(
        language,
        "Cơ cấu hỗ trợ dồn thêm về máy móc, thiết bị; tỷ trọng mô hình trình diễn giảm 9,5 điểm phần trăm",
        "The mix moved further towards machinery; the share of demonstration models fell by 9.5 percentage points",
        "Tỷ trọng trong tổng số cơ sở được hỗ trợ; dải xám: khoảng giá trị của giai đoạn trước",
        "Share of all supported facilities; grey band: bounds of the previous period",
        terms={"before": BEFORE, "now": NOW, "change": said(language, "Thay đổi", "Change")},
    )
    return charts.mix_change, rows, told, {"digits": lambda value: f"{value:.0f}"}


def share_check(language):
    rows = pd.DataFrame(
        {
            "label": [
                said(language, "Tính từ số cơ sở đã in", "Computed from the printed counts"),
                said(language, "Tỷ trọng đã in", "Share as printed"),
            ],
            "role": ["computed", "printed"],
            "value": [61.44, 26.7],
            "lower": [61.44, 26.65],
            "upper": [61.44, 26.75],
            "text": [said(language, "61,4 %", "61.4 %"), said(language, "26,7 %", "26.7 %")],
            "note": [
                said(language, "145 trên 236 cơ sở", "145 of 236 facilities"),
                said(language, "là 63 trên 236 cơ sở", "that is 63 of 236"),
            ],
        }
    )
    told = words(
        language,
        "Tỷ trọng cơ sở thuộc đề án điểm được in là 26,7 %, nhưng 145 trên 236 cơ sở là 61,4 %",
        "The share of focal schemes is printed as 26.7 %, but 145 of 236 facilities are 61.4 %",
        "Tỷ trọng trong tổng số cơ sở được hỗ trợ giai đoạn 2021–2023 (đề án điểm và riêng rẽ)",
        "Share of all facilities supported in 2021–2023 (focal and standalone schemes)",
        terms={"gap": said(language, "lệch 34,7 điểm phần trăm", "34.7 percentage points apart")},
    )
    return charts.share_check, rows, told, {}


def conflict(language, count=3):
    def others(*numbers):
        return said(language, f"nếu {' và '.join(numbers)} đúng", f"if {' and '.join(numbers)} hold")

    rows = pd.DataFrame(
        [
            ("#4", "Cơ sở được hỗ trợ từ đề án điểm", 145.0, "145", 63.0, 63.0, 63.0, "63", False, others("#5", "#6")),
            (
                "#5",
                "Tỷ trọng trong tổng số cơ sở được hỗ trợ",
                26.7,
                "26,7 %",
                61.44,
                61.44,
                61.44,
                "61,4 %",
                True,
                others("#4", "#6"),
            ),
            (
                "#6",
                "Tổng số cơ sở được hỗ trợ (đề án điểm và riêng rẽ)",
                236.0,
                "236",
                543.5,
                543.0,
                544.0,
                "543–544",
                True,
                others("#4", "#5"),
            ),
            ("#7", "Tăng so với giai đoạn trước", 128.0, "128", 126.5, 126.0, 127.0, "126–127", False, others("#4, #5", "#10")),
            (
                "#10",
                "Cơ sở được hỗ trợ máy móc, thiết bị",
                128.0,
                "128",
                46.0,
                44.0,
                48.0,
                "44–48",
                True,
                others("#4", "#11"),
            ),
            (
                "#11",
                "Tăng về máy móc so với giai đoạn trước",
                76.0,
                "76",
                -6.0,
                -8.0,
                -4.0,
                "−8 đến −4",
                False,
                others("#4", "#10"),
            ),
        ],
        columns=["number", "statement", "printed_value", "printed_text", "implied_value", "implied_lower", "implied_upper"]
        + ["implied_text", "suspect", "others"],
    ).head(count)
    told = words(
        language,
        "Ba số liệu đã in không thể cùng đúng: hai số bất kỳ buộc số thứ ba phải khác",
        "Three printed figures cannot all be true: any two of them force the third to be another",
        "Mỗi dòng một thang riêng: số đã in (hình thoi) và giá trị mà các số còn lại buộc phải có (hình tròn)",
        "Each row has its own scale: the printed figure (diamond) and what the others force it to be (circle)",
        terms={
            "printed": said(language, "đã in", "printed"),
            "implied": said(language, "phải là", "must be"),
            "suspect": said(language, "số liệu nghi vấn", "suspect"),
        },
    )
    return charts.conflict, rows, told, {"digits": lambda value: f"{value:.0f}"}


def provinces_63(*, country=False):
    table = pd.read_csv(REFERENCE / "provinces.csv", dtype=str)

    def status(row):
        for state, listed in (("kept", KEPT), ("new", NEW), ("left", LEFT)):
            if row["name_vi"] in listed:
                return state
        return "never" if country or row["in_ipc1_28"] == "true" else "outside"

    return pd.DataFrame({"code": table["gso_code"], "name": table["name_vi"], "status": table.apply(status, axis=1)})


def provinces_34(*, country=False):
    merger = pd.read_csv(REFERENCE / "province_merger_2025.csv", dtype=str)
    old = provinces_63(country=country).set_index("code")["status"]
    rows = []
    for code, parts in merger.groupby("new_gso_code"):
        states = set(old[parts["old_gso_code"]])
        now, before = bool(states & {"kept", "new"}), bool(states & {"kept", "left"})
        rest = "outside" if states == {"outside"} else "never"
        state = "kept" if now and before else "new" if now else "left" if before else rest
        rows.append({"code": code, "name": parts["new_name_vi"].iloc[0], "status": state})
    return pd.DataFrame(rows)


def coverage(language, vintage="63", *, country=False):
    rows = (provinces_63 if vintage == "63" else provinces_34)(country=country)
    counts = rows["status"].value_counts()
    key = {
        "kept": ("Tiếp tục", "Kept"),
        "new": ("Mới", "New"),
        "left": ("Không còn", "Left"),
        "never": ("Chưa triển khai", "Never"),
    }
    told = words(
        language,
        "Đề án điểm có mặt ở thêm năm tỉnh, tám tỉnh tiếp tục, một tỉnh không còn",
        "Focal schemes reached five more provinces, stayed in eight and left one",
        "Địa bàn đề án điểm của Trung tâm 1, 2021–2023 so với 2018–2020",
        "Coverage of focal schemes of Centre 1, 2021–2023 against 2018–2020",
        terms={state: f"{said(language, *both)} ({counts.get(state, 0)})" for state, both in key.items()}
        | {"big": "13/28", "islands_column": f"name_{language}"}
        | {
            "big_note": said(
                language,
                "tỉnh, thành phố có đề án điểm giai đoạn 2021–2023",
                "provinces and cities with focal schemes in 2021–2023",
            )
        },
    )
    islands = pd.read_csv(REFERENCE / "islands_inset_points.csv", dtype=str) if country else None
    more = {
        "geojson": REFERENCE / f"provinces_{vintage}.geojson",
        "key": "gso_code" if vintage == "63" else "new_gso_code",
        "islands": islands,
    }
    return maps.coverage_map, rows, told, more


FIGURES = {
    "funding_bars": funding_bars,
    "funding_split": funding_split,
    "facilities_by_type": facilities_by_type,
    "mix_change": mix_change,
    "share_check": share_check,
    "conflict": conflict,
    "conflict of two": lambda language: conflict(language, 2),
    "conflict of six": lambda language: conflict(language, 6),
    "coverage of 63": coverage,
    "coverage of 34": lambda language: coverage(language, "34"),
    "coverage of the country in 63": lambda language: coverage(language, country=True),
    "coverage of the country in 34": lambda language: coverage(language, "34", country=True),
}


def drawn(figure, language="vi", **changes):
    function, rows, told, more = FIGURES[figure](language)
    return function(changes.pop("rows", rows), dataclasses.replace(told, **changes), **more)


@pytest.fixture(scope="module")
def all_drawn():
    return {(figure, language): drawn(figure, language) for figure in FIGURES for language in LANGUAGES}


# ---------------------------------------------------------------- asking the artists


def texts(fig):
    return [text for text in fig.findobj(mpl.text.Text) if text.get_text().strip() and text.get_visible()]


def text_boxes(fig):
    FigureCanvasAgg(fig)
    renderer = fig.canvas.get_renderer()
    with style.conference():
        shown = [text for text in texts(fig) if text.figure is not None and (text.axes is None or text.axes.axison)]
        return [(text.get_text(), text.get_window_extent(renderer)) for text in shown]


def labelled(fig, label, kind=Rectangle):
    return [artist for artist in fig.findobj(kind) if artist.get_label() == label]


def text_of(fig, text):
    (found,) = [artist for artist in texts(fig) if artist.get_text() == text]
    return found


# ---------------------------------------------------------------- every figure


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("figure", FIGURES)
def test_no_text_leaves_the_canvas_and_no_two_texts_overlap(all_drawn, figure, language):
    boxes = text_boxes(all_drawn[figure, language])
    width, height = 1920, 1080
    outside = [text for text, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
    assert outside == []
    slack = 3  # pixels that ascender and descender of two lines may share
    overlapping = [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack
    ]
    assert overlapping == []


@pytest.mark.parametrize("figure", FIGURES)
def test_title_subtitle_source_and_every_text_column_are_on_the_figure(all_drawn, figure):
    function, rows, told, _ = FIGURES[figure]("vi")
    shown = " ".join(text.get_text() for text in texts(all_drawn[figure, "vi"]))
    wanted = [told.title, told.subtitle, told.source_line]
    wanted += [text for column in rows.columns if column.endswith("text") for text in rows[column]]
    if function is maps.coverage_map:
        wanted += list(rows.loc[rows["status"].isin(maps.NAMED), "name"])
    words_shown = shown.split(" ")
    assert [word for text in wanted for word in text.split(" ") if word not in words_shown] == []


@pytest.mark.parametrize("figure", FIGURES)
def test_no_type_is_smaller_than_can_be_read_on_a_projector(all_drawn, figure):
    smallest = min(text.get_fontsize() for text in texts(all_drawn[figure, "vi"]))
    assert smallest >= 11  # 15 px at 1280 px: the source line; what carries the message is larger
    assert max(text.get_fontsize() for text in texts(all_drawn[figure, "vi"])) >= 26


def test_drawing_and_saving_leave_the_settings_of_matplotlib_as_they_were(tmp_path):
    before = dict(mpl.rcParams)
    style.save(drawn("facilities_by_type"), tmp_path, "figure")
    style.save(drawn("coverage of 34"), tmp_path, "map", ["svg"])
    assert dict(mpl.rcParams) == before


def test_figures_are_the_same_whatever_the_caller_set(tmp_path):
    plain = style.save(drawn("mix_change"), tmp_path / "a", "figure", ["svg"])
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "lines.linewidth": 9, "hatch.color": "red", "figure.dpi": 50}):
        changed = style.save(drawn("mix_change"), tmp_path / "b", "figure", ["svg"])
    assert changed == plain


@pytest.mark.parametrize("figure", ["conflict", "coverage of 63", "facilities_by_type"])
def test_the_same_figure_is_the_same_bytes_again_and_in_another_folder(tmp_path, figure):
    first = style.save(drawn(figure), tmp_path / "a", "figure")
    second = style.save(drawn(figure), tmp_path / "b" / "c", "figure")
    assert first == second and list(first) == ["png", "svg", "pdf"]
    for form, digest in first.items():
        assert hashlib.sha256((tmp_path / "a" / f"figure.{form}").read_bytes()).hexdigest() == digest
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["figure.pdf", "figure.png", "figure.svg"]


def test_another_process_with_another_hash_seed_and_clock_draws_the_same_bytes(tmp_path):
    here = style.save(drawn("share_check"), tmp_path / "here", "figure")
    script = "import json, sys; sys.path.insert(0, sys.argv[1]); import test_figures as t; from kcq_eval.figures import style; "
    script += "print(json.dumps(style.save(t.drawn('share_check'), sys.argv[2], 'figure')))"
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Ho_Chi_Minh", "PYTHONPATH": str(root), "SOURCE_DATE_EPOCH": "1"}
    told = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path / "there")],
        check=True, capture_output=True, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(told.stdout) == here


def test_saved_files_name_no_time_and_no_program_and_tell_the_figure_in_words(tmp_path):
    fig = drawn("share_check", alt="Hai thanh: 61,4 % và 26,7 %")
    style.save(fig, tmp_path, "figure")
    svg = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert "<desc>Hai thanh: 61,4 % và 26,7 %</desc>" in svg
    assert "<dc:date>" not in svg and "<text " not in svg  # letters are outlines: no font is needed to read it
    assert b"CreationDate" not in (tmp_path / "figure.pdf").read_bytes()
    with Image.open(tmp_path / "figure.png") as image:
        assert image.size == (1920, 1080) and image.mode == "RGB"
        assert image.info["Description"] == "Hai thanh: 61,4 % và 26,7 %"
        assert "Software" not in image.info


@pytest.mark.parametrize("figure", ["funding_bars", "mix_change", "conflict", "coverage of 63", "coverage of the country in 63"])
def test_vector_files_stay_small(all_drawn, tmp_path, figure):
    style.save(all_drawn[figure, "vi"], tmp_path, "figure", ["svg", "pdf"])
    assert (tmp_path / "figure.svg").stat().st_size < 400_000
    assert (tmp_path / "figure.pdf").stat().st_size < 150_000


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="'gif'.*png, svg, pdf"):
        style.save(drawn("share_check"), tmp_path / "new", "figure", ["png", "gif"])
    assert not (tmp_path / "new").exists()


def test_figures_are_drawn_without_pyplot_seaborn_scipy_and_charts_without_geopandas():
    script = "import sys; import kcq_eval.figures.charts, kcq_eval.figures.maps; "
    script += "print([m for m in ('matplotlib.pyplot', 'seaborn', 'scipy', 'geopandas', 'shapely', 'pyproj') if m in sys.modules])"
    root = Path(__file__).resolve().parent.parent
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=root)
    assert told.stdout.strip() == "[]"


# ---------------------------------------------------------------- type


def test_the_font_has_every_vietnamese_letter_and_sign_in_both_weights():
    vowels = "aăâeêioôơuưy"
    tones = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    letters = {unicodedata.normalize("NFC", vowel + tone) for vowel in vowels for tone in tones} | set("bcdđghklmnpqrstvx")
    wanted = (
        letters | {letter.upper() for letter in letters} | set("0123456789.,;:%+−–—/()#≠=→…·“”‘’₫") | {NBSP, "\u202f", "\u2011"}
    )
    wanted |= {tone for tone in tones if tone}
    files = sorted(style.FONT_FOLDER.glob("*.otf"))
    assert [file.stem for file in files] == ["KCQSans-Bold", "KCQSans-Regular"]
    assert sum(file.stat().st_size for file in files) < 400_000
    for file in files:
        font = FT2Font(str(file))
        assert {letter for letter in wanted if not font.get_char_index(ord(letter))} == set()
    assert "SIL OPEN FONT LICENSE" in (style.FONT_FOLDER / "OFL.txt").read_text(encoding="utf-8")


def test_measured_widths_are_the_drawn_ones(all_drawn):
    fig = all_drawn["conflict", "vi"]
    for text, box in text_boxes(fig):
        artist = next(found for found in texts(fig) if found.get_text() == text)
        assert box.width / style.DPI == pytest.approx(style.text_width(text, artist.get_fontsize(), artist.get_weight()), abs=0.05)


def test_a_long_title_takes_two_lines_and_no_more_and_breaks_after_a_comma():
    title = "Kinh phí đề án điểm tăng 28,01 % so với giai đoạn trước, số cơ sở tăng hơn gấp đôi"
    lines, size = style.fit(title, 11.7, 28, "bold", lines=2)
    assert (lines, size) == (["Kinh phí đề án điểm tăng 28,01 % so với giai đoạn trước,", "số cơ sở tăng hơn gấp đôi"], 28)
    longer, smaller = style.fit(f"{title}, và tỷ trọng mô hình trình diễn giảm 9,5 điểm phần trăm", 11.7, 28, "bold", lines=2)
    assert len(longer) == 2 and smaller < 28
    assert " ".join(longer) == f"{title}, và tỷ trọng mô hình trình diễn giảm 9,5 điểm phần trăm"
    assert all(style.text_width(line, smaller, "bold") <= 11.7 for line in longer)


def test_a_text_that_cannot_be_set_legibly_is_refused_and_never_cut():
    with pytest.raises(ValueError, match="does not fit into 2 line"):
        drawn("share_check", title="Kinh phí đề án điểm " * 40)


def test_no_break_spaces_hold_a_number_to_its_unit():
    assert style.wrap(f"tăng 28,01{NBSP}%", 1.0, 44, "bold") == ["tăng", f"28,01{NBSP}%"]


def test_a_dollar_sign_is_a_dollar_sign():
    assert text_of(drawn("share_check", title="Giá $5 và $6"), "Giá $5 và $6").get_parse_math() is False


# ---------------------------------------------------------------- funding


def test_funding_bars_are_as_high_as_the_funding_and_say_so():
    fig = drawn("funding_bars")
    (ax,) = fig.axes
    assert [bar.get_height() for bar in ax.patches if isinstance(bar, Rectangle)] == [181946.9, 232908.0]
    assert ax.get_ylim()[0] == 0
    assert {"181.946,9", "232.908", BEFORE, NOW, "tăng", f"28,01{NBSP}%"} <= {text.get_text() for text in texts(fig)}
    assert [text.get_text() for text in texts(fig)].count("triệu đồng") == 2


def test_the_growth_arrow_leads_from_the_baseline_to_the_current_period():
    (arrow,) = labelled(drawn("funding_bars"), "growth", FancyArrowPatch)
    (_, start), (_, stop) = arrow._posA_posB
    assert (start, stop) == (181946.9, 232908.0)


def test_bounds_of_funding_are_drawn_only_where_they_can_be_seen():
    assert labelled(drawn("funding_bars"), "bounds", mpl.lines.Line2D) == []
    rows = funding_bars("vi")[1].assign(lower=[170000.0, 232907.5], upper=[190000.0, 232908.5])
    (whisker,) = labelled(drawn("funding_bars", rows=rows), "bounds", mpl.lines.Line2D)
    assert list(whisker.get_ydata()) == [170000.0, 190000.0]


def test_without_growth_there_is_no_arrow():
    assert drawn("funding_bars", terms={}).findobj(FancyArrowPatch) == []


def test_a_waterfall_step_begins_where_the_one_before_ends():
    fig = drawn("funding_split")
    bars = [bar for bar in fig.axes[0].patches if isinstance(bar, Rectangle)]
    ends = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in bars]
    assert [end[0] for end in ends] == pytest.approx([0, 181946.9, 366213.4, 0])
    assert [end[1] for end in ends] == pytest.approx([181946.9, 366213.4, 232908.0, 232908.0])
    up, down = labelled(fig, "effect", FancyArrowPatch)  # the direction is an arrow and a sign, not a colour alone
    assert up._posA_posB[1][1] > up._posA_posB[0][1] and down._posA_posB[1][1] < down._posA_posB[0][1]


# ---------------------------------------------------------------- facilities and mix


def test_facilities_by_type_draws_each_count_in_the_colour_of_its_type():
    fig = drawn("facilities_by_type")
    colours = [colour.lower() for _, _, colour in support_types("vi")]
    current = labelled(fig, "current")
    assert [bar.get_width() for bar in current] == [128, 7, 6, 4]
    assert [to_hex(bar.get_facecolor()) for bar in current] == colours
    assert [bar.get_hatch() for bar in current] == [None] * 4


def test_the_baseline_is_told_by_a_hatch_and_not_by_colour_alone():
    baseline = labelled(drawn("facilities_by_type"), "baseline")
    assert [bar.get_width() for bar in baseline] == [52, 9, 0, 0]
    assert all(bar.get_hatch() for bar in baseline)


def test_a_count_between_bounds_is_a_dashed_range_and_its_text_says_both_ends():
    fig = drawn("facilities_by_type")
    ranges = labelled(fig, "bounds")
    assert [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ranges] == [(0.0, 2.0)] * 2
    assert all(bar.get_linestyle() != "solid" and bar.get_facecolor()[3] == 0 for bar in ranges)
    assert [text.get_text() for text in texts(fig)].count("0–2") == 2


def test_only_the_first_pair_names_its_periods():
    shown = [text.get_text() for text in texts(drawn("facilities_by_type"))]
    assert shown.count(BEFORE) == shown.count(NOW) == 1


def test_a_missing_count_has_its_text_and_no_bar():
    rows = facilities_by_type("vi")[1]
    rows.loc[3, ["value", "lower", "upper"]] = np.nan
    rows.loc[3, "text"] = "chưa có số liệu"
    fig = drawn("facilities_by_type", rows=rows)
    assert len(labelled(fig, "baseline")) == 3
    assert text_of(fig, "chưa có số liệu")


def test_mix_marks_stand_at_their_shares_on_one_unit_with_a_visible_cut():
    fig = drawn("mix_change")
    now = labelled(fig, "now", mpl.lines.Line2D)
    assert sorted(float(mark.get_xdata()[0]) for mark in now) == [2.76, 4.14, 4.83, 88.28]
    pieces = {mark.axes for mark in now}
    units = [ax.get_position().width / np.ptp(ax.get_xlim()) for ax in pieces]
    assert len(pieces) == 2 and units[0] == pytest.approx(units[1])
    assert len(labelled(fig, "cut", mpl.lines.Line2D)) == 2 * 4  # two strokes on each of the four lines


def test_mix_bounds_are_hatched_bands_and_points_are_hollow_marks():
    fig = drawn("mix_change")
    bands = labelled(fig, "bounds")
    assert [(band.get_x(), band.get_x() + band.get_width()) for band in bands] == [(0.0, 3.17)] * 2
    assert all(band.get_hatch() for band in bands)
    hollow = labelled(fig, "before", mpl.lines.Line2D)
    assert sorted(float(mark.get_xdata()[0]) for mark in hollow) == [14.29, 82.54]


def test_mix_arrows_point_from_before_to_now_and_are_missing_where_the_direction_is_open():
    arrows = labelled(drawn("mix_change"), "change", FancyArrowPatch)
    (falling_from, falling_to), (rising_from, rising_to) = sorted(
        (start[0], stop[0]) for start, stop in (a._posA_posB for a in arrows)
    )
    assert 14.29 > falling_from > falling_to > 4.83
    assert 82.54 < rising_from < rising_to < 88.28


def test_a_mix_without_a_wide_empty_stretch_is_not_cut():
    rows = mix_change("vi")[1].assign(
        value=[30.0, 20.0, 10.0, 40.0], lower=[30.0, 20.0, 10.0, 40.0], upper=[30.0, 20.0, 10.0, 40.0]
    )
    rows = rows.assign(
        before_value=[25.0, 25.0, 15.0, 35.0], before_lower=[25.0, 25.0, 15.0, 35.0], before_upper=[25.0, 25.0, 15.0, 35.0]
    )
    fig = drawn("mix_change", rows=rows)
    assert len({mark.axes for mark in labelled(fig, "now", mpl.lines.Line2D)}) == 1


def test_ticks_are_written_by_the_callers_digits_only():
    function, rows, told, _ = mix_change("vi")
    assert "85·" in {text.get_text() for text in texts(function(rows, told, digits=lambda value: f"{value:.0f}·"))}
    plain = {text.get_text() for text in texts(function(rows, told))}
    assert not plain & {"0", "5", "85", "90"}


# ---------------------------------------------------------------- share and conflict


def test_share_bars_have_the_same_whole_and_differ_in_hatch():
    fig = drawn("share_check")
    assert [bar.get_width() for bar in labelled(fig, "whole")] == [100, 100]
    (computed,), (printed,) = labelled(fig, "computed"), labelled(fig, "printed")
    assert (computed.get_width(), printed.get_width()) == (61.44, 26.7)
    assert computed.get_hatch() is None and printed.get_hatch()
    (bounds,) = labelled(fig, "bounds")
    assert (bounds.get_x(), bounds.get_x() + bounds.get_width()) == pytest.approx((26.65, 26.75))


def test_a_disagreement_is_an_unequal_sign_and_an_agreement_an_equal_sign():
    assert text_of(drawn("share_check"), "≠")
    rows = share_check("vi")[1].assign(value=[61.44, 61.4], lower=[61.44, 61.35], upper=[61.44, 61.45])
    agreeing = drawn("share_check", rows=rows, terms={})
    assert text_of(agreeing, "=") and "≠" not in {text.get_text() for text in texts(agreeing)}


def test_a_computed_share_with_nothing_printed_beside_it_is_one_bar():
    fig = drawn("share_check", rows=share_check("vi")[1].head(1))
    assert [bar.get_width() for bar in labelled(fig, "computed")] == [61.44]
    assert len(labelled(fig, "whole")) == 1 and not {"≠", "="} & {text.get_text() for text in texts(fig)}


@pytest.mark.parametrize("count", range(2, 7))
def test_a_conflict_shows_the_printed_figure_the_forced_one_and_the_gap_on_each_scale(count):
    fig = charts.conflict(*conflict("vi", count)[1:3])
    printed = [float(mark.get_xdata()[0]) for mark in labelled(fig, "printed", mpl.lines.Line2D)]
    assert printed == [145.0, 26.7, 236.0, 128.0, 128.0, 76.0][:count]
    points = [float(mark.get_xdata()[0]) for mark in labelled(fig, "implied", mpl.lines.Line2D)]
    assert points == [63.0, 61.44, 543.5][:count]
    bands = [(band.get_x(), band.get_x() + band.get_width()) for band in labelled(fig, "bounds")]
    assert bands == [(126.0, 127.0), (44.0, 48.0), (-8.0, -4.0)][: max(count - 3, 0)]
    assert len(labelled(fig, "gap", FancyArrowPatch)) == count
    assert {mark.get_marker() for mark in labelled(fig, "printed", mpl.lines.Line2D)} == {"D"}
    assert {mark.get_marker() for mark in labelled(fig, "implied", mpl.lines.Line2D)} == {"o"}


def test_a_gap_arrow_ends_at_the_end_of_the_interval_nearest_to_the_printed_figure():
    arrow = charts.conflict(*conflict("vi", 6)[1:3]).findobj(FancyArrowPatch)[3]
    (start, _), (stop, _) = arrow._posA_posB
    assert 127.0 < stop < start < 128.0


def test_a_suspect_is_told_by_a_tag_and_not_by_colour_alone():
    shown = [text.get_text() for text in texts(drawn("conflict"))]
    assert shown.count("số liệu nghi vấn") == 2


# ---------------------------------------------------------------- map


def province_patches(fig):
    return {
        patch.get_gid().removeprefix("province-"): patch
        for patch in fig.findobj(PathPatch)
        if (patch.get_gid() or "").startswith("province-")
    }


@pytest.mark.parametrize(("vintage", "served", "counts"), [("63", 28, (8, 5, 1, 14)), ("34", 18, (6, 4, 0, 8))])
def test_every_served_province_is_drawn_with_the_look_of_its_status(vintage, served, counts):
    fig = drawn(f"coverage of {vintage}")
    statuses = pd.Series([patch.get_label() for patch in province_patches(fig).values()]).value_counts()
    assert tuple(statuses.get(status, 0) for status in ("kept", "new", "left", "never")) == counts
    assert statuses.drop("outside", errors="ignore").sum() == served
    looks = {patch.get_label(): patch.get_hatch() for patch in province_patches(fig).values()}
    assert looks["kept"] is None and looks["new"] and looks.get("left", "...") == "..."


def test_names_stand_inside_their_province_or_lead_to_it():
    import shapely

    provinces = provinces_63()
    shapes = maps._projected(provinces, REFERENCE / "provinces_63.geojson", "gso_code")
    panel = style.Area(0.5, 0.5, 8.0, 4.7)
    statuses = provinces["status"].tolist()
    shapes = maps._onto_canvas(shapes, statuses, panel, room_right=0.0)
    written = {n: name for n, name in enumerate(provinces["name"]) if statuses[n] in maps.NAMED}
    served = np.array([status != "outside" for status in statuses])
    placed = names.placed(written, shapes, shapes[served], panel)
    assert set(placed) == set(written) and sum(name.leader is None for name in placed.values()) >= 1
    land = shapely.union_all(shapes[served])
    for number, name in placed.items():
        rectangle = shapely.box(*name.rectangle)
        if name.leader:
            assert shapes[number].contains(shapely.Point(name.leader[:2]))
            assert not land.intersects(rectangle)
        else:
            assert shapes[number].contains(rectangle)
    leaders = [shapely.LineString([name.leader[:2], name.leader[2:]]) for name in placed.values() if name.leader]
    assert not any(one.intersects(other) for one, other in itertools.combinations(leaders, 2))


def test_a_map_whose_every_province_is_named_still_has_no_two_names_on_each_other():
    function, rows, told, more = coverage("vi")
    fig = function(rows.assign(status=rows["status"].where(rows["status"] == "outside", "kept")), told, **more)
    boxes = [box for _, box in text_boxes(fig)]
    assert len(boxes) > 30
    assert not any(
        min(a.x1, b.x1) - max(a.x0, b.x0) > 3 and min(a.y1, b.y1) - max(a.y0, b.y0) > 3 for a, b in itertools.combinations(boxes, 2)
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_map_of_the_country_shows_both_archipelagos_and_an_extract_does_not(all_drawn, language):
    def shown(figure):
        return " ".join(text.get_text() for text in texts(all_drawn[figure, language]))

    for vintage in ("63", "34"):
        country = shown(f"coverage of the country in {vintage}")
        assert (
            ("Hoàng Sa" in country and "Trường Sa" in country)
            if language == "vi"
            else ("Hoang Sa" in country and "Truong Sa" in country)
        )
        assert len(labelled(all_drawn[f"coverage of the country in {vintage}", language], "inset")) == 1
        assert "Sa" not in shown(f"coverage of {vintage}").split(" ")


def test_a_map_of_the_country_without_the_archipelagos_is_refused():
    function, rows, told, more = coverage("vi", country=True)
    with pytest.raises(ValueError, match="both archipelagos"):
        function(rows, told, **(more | {"islands": None}))


def test_old_and_new_provinces_are_drawn_from_their_own_polygons():
    function, rows, told, more = coverage("vi", "34")
    with pytest.raises(ValueError, match=r"no polygon with new_gso_code .* in provinces_34.geojson"):
        function(provinces_63(), told, **more)
    assert len(rows) == 34


def test_an_unknown_status_is_refused_with_the_known_ones():
    function, rows, told, more = coverage("vi", "34")
    with pytest.raises(ValueError, match="'gone'; expected any of kept, reached, new, left, never, outside"):
        function(rows.assign(status="gone"), told, **more)


def test_a_role_that_is_missing_is_named():
    with pytest.raises(ValueError, match="no row with role current"):
        drawn("funding_bars", rows=funding_bars("vi")[1].head(1))
