"""What charts of the presentation's own are dressed with: axes, the room for names, labels, fills, bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lxml import etree
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_LABEL_POSITION, XL_LEGEND_POSITION, XL_MARKER_STYLE, XL_TICK_LABEL_POSITION, XL_TICK_MARK
from pptx.enum.dml import MSO_LINE, MSO_PATTERN
from pptx.enum.text import PP_ALIGN
from pptx.oxml.ns import qn
from pptx.util import Pt

from kcq_eval.deliverables.slide_template import Box
from kcq_eval.deliverables.slide_text import LABEL_PT
from kcq_eval.figures import palette, style

Row = dict[str, Any]
FORMAT = "#,##0.0##"  # of the data sheet; the program that shows it puts its own decimal mark
SHOWS = 0.004  # bounds wider than this share of the scale are drawn


class Sizes:
    """A chart's box, and type that fits in it."""

    def __init__(self, box: Box, scale: float, wider: float):
        self.box, self.scale, self.wider = box, scale, wider

    def lines(self, text: str, width: float, points: float, lines: int, bold: bool = False) -> tuple[list[str], float]:
        """The text in at most so many lines, as large as fits; no smaller than needed."""
        weight = "bold" if bold else "normal"
        for smallest in (LABEL_PT * self.scale, 4.0):
            try:
                return style.fit(text, width / self.wider, points * self.scale, weight, lines=lines, smallest=smallest)
            except ValueError:
                continue
        return [text], 4.0

    def size(self, texts: Sequence[str], width: float, points: float, lines: int = 1, bold: bool = False) -> float:
        """One size for texts of one kind."""
        return min((self.lines(text, width, points, lines, bold)[1] for text in texts), default=points * self.scale)


# ---------------------------------------------------------------- frame and axes


def categories(labels: Sequence[str], series: dict[str, Sequence[float | None]]) -> CategoryChartData:
    data = CategoryChartData(number_format=FORMAT)
    data.categories = labels
    for name, values in series.items():
        data.add_series(name, values)
    return data


def frame_columns(chart: Any, sizes: Sizes, highest: float, labels: Sequence[str], foot: float, lowest: float = 0.0) -> None:
    """Columns stand on a line; below it their names, in a foot of so many inches; no scale, as every column has its number."""
    foot *= sizes.scale
    slot = sizes.box.width / len(labels)
    size = sizes.size(labels, slot * 0.9, 18, lines=2 if foot > 0.6 * sizes.scale else 1)
    hide_axis(chart.value_axis)
    chart.value_axis.minimum_scale, chart.value_axis.maximum_scale = lowest, highest or 1.0
    name_axis(chart.category_axis, size)
    place_axes(chart, 0.0, 0.01, 1.0, 0.99 - foot / sizes.box.height)


def frame_bars(chart: Any, sizes: Sizes, labels: Sequence[str], name_in: float) -> float:
    """Bars begin at a line, left of it their names; returns how wide those are, in inches."""
    name_in = min(name_in * sizes.scale, 0.45 * sizes.box.width)
    size = sizes.size(labels, name_in - 0.25, 18, lines=3)
    hide_axis(chart.value_axis)
    chart.value_axis.minimum_scale = 0
    name_axis(chart.category_axis, size)
    chart.category_axis.reverse_order = True
    place_axes(chart, name_in / sizes.box.width, 0.01, 1 - name_in / sizes.box.width, 0.98)
    return name_in


def name_axis(axis: Any, size: float) -> None:
    axis.has_major_gridlines = False
    axis.major_tick_mark = axis.minor_tick_mark = XL_TICK_MARK.NONE
    axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    axis.tick_labels.font.size = Pt(size)
    axis.format.line.color.rgb = rgb(palette.MUTED)
    axis.format.line.width = Pt(1.5)


def hide_axis(axis: Any) -> None:
    axis.has_major_gridlines = axis.has_minor_gridlines = False
    axis.visible = False


def place_axes(chart: Any, x: float, y: float, width: float, height: float) -> None:
    """Where the axes stand, as shares of the chart, so that every program leaves the same room for names."""
    area = chart._chartSpace.chart.plotArea
    for old in area.findall(qn("c:layout")):
        area.remove(old)
    layout = etree.SubElement(area, qn("c:layout"))
    area.insert(0, layout)
    manual = etree.SubElement(layout, qn("c:manualLayout"))
    told = {"layoutTarget": "inner", "xMode": "edge", "yMode": "edge", "x": x, "y": y, "w": width, "h": height}
    for name, value in told.items():
        etree.SubElement(manual, qn(f"c:{name}")).set("val", value if isinstance(value, str) else f"{value:.4f}")


def add_key(chart: Any, sizes: Sizes, unseen: int) -> None:
    """A key above the columns, without the part that only carries labels."""
    chart.has_legend = True
    chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    chart.legend.font.size = Pt(16 * sizes.scale)
    entry = etree.Element(qn("c:legendEntry"))
    etree.SubElement(entry, qn("c:idx")).set("val", str(unseen))
    etree.SubElement(entry, qn("c:delete")).set("val", "1")
    chart.legend._element.insert(1, entry)


# ---------------------------------------------------------------- marks and labels


def write_label(point: Any, runs: Sequence[tuple[str, float, bool]], position: Any, colour: str | None = None) -> None:
    """The figure's own text as a point's label; runs are text, points and weight."""
    label = point.data_label
    frame = label.text_frame
    frame.word_wrap = False
    paragraph = frame.paragraphs[0]
    for text, size, bold in runs:
        for number, line in enumerate(text.split("\n")):
            paragraph = frame.add_paragraph() if number else paragraph
            if position == XL_LABEL_POSITION.RIGHT:
                paragraph.alignment = PP_ALIGN.LEFT
            run = paragraph.add_run()
            run.text, run.font.size, run.font.bold = line, Pt(size), bold
            if colour:
                run.font.color.rgb = rgb(colour)
    label.position = position


def label_width(runs: Sequence[tuple[str, float, bool]], wider: float) -> float:
    """Width of a label in inches."""
    return sum(style.text_width(text, points, "bold" if bold else "normal") for text, points, bold in runs) * wider


def draw_dot(point: Any, colour: str, edge: str) -> None:
    marker = point.marker
    marker.style, marker.size = XL_MARKER_STYLE.CIRCLE, 14
    if not colour:  # a dot that is not seen keeps its label at a distance
        marker.format.fill.background()
        marker.format.line.fill.background()
        return
    marker.format.fill.solid()
    marker.format.fill.fore_color.rgb, marker.format.line.color.rgb = rgb(colour), rgb(edge)
    marker.format.line.width = Pt(1.5)


def fill(point: Any, colour: str) -> None:
    point.format.fill.solid()
    point.format.fill.fore_color.rgb = rgb(colour)


def hatch(point: Any, colour: str, ground: str = "") -> None:
    fill = point.format.fill
    fill.patterned()
    fill.pattern = MSO_PATTERN.WIDE_UPWARD_DIAGONAL
    fill.fore_color.rgb, fill.back_color.rgb = rgb(colour), rgb(ground or tint(colour, 0.72))
    point.format.line.color.rgb = rgb(colour)
    point.format.line.width = Pt(1.25)


def drawn_value(row: Row | None, highest: float) -> float | None:
    """How far a bar reaches: to its upper bound where its bounds show; None where nothing is known."""
    if row is None or math.isnan(row["value"]):
        return None
    return top_of(row) if bounds_show(row, highest) else row["value"]


def top_of(row: Row) -> float:
    ends = [row["value"], row.get("upper", row["value"])]
    return max((end for end in ends if not math.isnan(end)), default=0.0)


def bounds_show(row: Row, highest: float) -> bool:
    return bool(highest) and (row.get("upper", row["value"]) - row.get("lower", row["value"])) > SHOWS * highest


def draw_bounds(series: Any, rows: Sequence[Row | None], highest: float) -> None:
    """Where bounds show, the bar is hollow and dashed, and a line within it reaches from its end to the lower bound."""
    wide = [row is not None and bounds_show(row, highest) for row in rows]
    for place in (place for place, shows in enumerate(wide) if shows):
        look = series.points[place].format
        look.fill.background()
        look.line.color.rgb, look.line.dash_style, look.line.width = rgb(palette.INK), MSO_LINE.DASH, Pt(1.25)
    if any(wide):
        error_bars(series, [0.0] * len(rows), [top_of(row) - row["lower"] if row is not None and shows else 0.0 for row, shows in zip(rows, wide)])


def draw_error_bars(series: Any, rows: Sequence[Row], highest: float) -> None:
    """A line from the lower to the upper bound, where they show, over a bar that reaches to the value."""
    wide = [bounds_show(row, highest) for row in rows]
    if any(wide):
        spans = [(top_of(row) - row["value"], row["value"] - row["lower"]) if shows else (0.0, 0.0) for row, shows in zip(rows, wide)]
        error_bars(series, *map(list, zip(*spans)))


def error_bars(series: Any, plus: Sequence[float], minus: Sequence[float]) -> None:
    bars = etree.Element(qn("c:errBars"))
    for name, value in (("errBarType", "both"), ("errValType", "cust"), ("noEndCap", "0")):
        etree.SubElement(bars, qn(f"c:{name}")).set("val", value)
    for name, lengths in (("plus", plus), ("minus", minus)):
        numbers = etree.SubElement(etree.SubElement(bars, qn(f"c:{name}")), qn("c:numLit"))
        etree.SubElement(numbers, qn("c:formatCode")).text = "General"
        etree.SubElement(numbers, qn("c:ptCount")).set("val", str(len(lengths)))
        for place, length in enumerate(lengths):
            point = etree.SubElement(numbers, qn("c:pt"))
            point.set("idx", str(place))
            etree.SubElement(point, qn("c:v")).text = repr(float(length))
    line = etree.SubElement(etree.SubElement(bars, qn("c:spPr")), qn("a:ln"))
    line.set("w", str(int(Pt(1.5))))
    etree.SubElement(etree.SubElement(line, qn("a:solidFill")), qn("a:srgbClr")).set("val", palette.INK[1:])
    element = series._element
    before = next(child for child in element if child.tag in (qn("c:cat"), qn("c:val"), qn("c:xVal")))
    before.addprevious(bars)


def rgb(colour: str) -> RGBColor:
    return RGBColor.from_string(colour.lstrip("#").upper())


def tint(colour: str, amount: float) -> str:
    """The colour mixed with paper."""
    parts = (int(colour.lstrip("#")[i : i + 2], 16) for i in (0, 2, 4))
    return "#" + "".join(f"{round(255 - (255 - part) * (1 - amount)):02X}" for part in parts)
