"""Figures as charts of the presentation's own, with their data inside, so that whoever gets the slides can restyle them.

A chart draws the rows that the figure drew; its labels are the figure's own texts. `CHARTS` names the figures that have one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from lxml import etree
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
    XL_TICK_MARK,
)
from pptx.enum.dml import MSO_LINE, MSO_PATTERN
from pptx.enum.text import PP_ALIGN
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from kcq_eval.deliverables.slide_template import Box
from kcq_eval.deliverables.slide_text import LABEL_PT
from kcq_eval.figures import style

Row = dict[str, Any]
_FORMAT = "#,##0.0##"  # of the data sheet; the program that shows it puts its own decimal mark
_SHOWS = 0.004  # bounds wider than this share of the scale are drawn
_NUMBER_PT, _SMALL_PT = 20.0, 14.0
_ABOVE, _BELOW, _RIGHT = XL_LABEL_POSITION.ABOVE, XL_LABEL_POSITION.BELOW, XL_LABEL_POSITION.RIGHT


def add_chart(slide: Any, box: Box, figure: dict[str, Any], scale: float, wider: float, words: dict[str, str]) -> Any:
    """The figure as a chart with its alternative text.

    Args:
        scale: How much larger type must be than on a slide 7.5 inches high.
        wider: How much wider than measured the fonts may be.
        words: Names of what a data sheet needs beside the figure's own words: value, base, room, place, share.
    """
    kind, data, dress = CHARTS[figure["name"]](figure, _Sizes(box, scale, wider), words)
    frame = slide.shapes.add_chart(kind, *map(Inches, (box.left, box.top, box.width, box.height)), data)
    frame.name = figure["name"]
    frame._element.nvGraphicFramePr.cNvPr.set("descr", figure["alt"])
    chart = frame.chart
    chart.has_legend = chart.has_title = False
    chart.font.size = Pt(_SMALL_PT * scale)
    dress(chart)
    return frame


class _Sizes:
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


# ---------------------------------------------------------------- one builder for each figure


def _funding_now_before(figure: dict[str, Any], sizes: _Sizes, words: dict[str, str]):
    rows = figure["rows"]
    highest = max(_top(row) for row in rows)
    data = _categories([row["label"] for row in rows], {words["value"]: [_drawn(row, highest) for row in rows]})
    slot = sizes.box.width / len(rows)
    size = sizes.size([row["text"] for row in rows], slot * 0.96, 28, bold=True)

    def dress(chart: Any) -> None:
        _frame_columns(chart, sizes, highest * (1 + 1.9 * size / 72 / sizes.box.height), [row["label"] for row in rows], 0.45)
        plot = chart.plots[0]
        plot.gap_width = 55
        for place, row in enumerate(rows):
            point = plot.series[0].points[place]
            _fill(point, style.BASELINE if row["role"] == "baseline" else style.CURRENT)
            _label(point, [(row["text"], size, True)], XL_LABEL_POSITION.OUTSIDE_END)
        _bounds(plot.series[0], rows, highest)

    return XL_CHART_TYPE.COLUMN_CLUSTERED, data, dress


def _funding_split(figure: dict[str, Any], sizes: _Sizes, words: dict[str, str]):
    """A waterfall: columns on columns that are not seen. What is stacked has no labels above it, so that an unseen part carries them."""
    rows, steps, end = figure["rows"], [], 0.0
    for row in rows:
        start = end if row["role"] == "effect" else 0.0
        end = start + row["value"]
        steps.append((min(start, end), max(start, end)))
    base = [low if low > 0 else high if high < 0 else 0.0 for low, high in steps]
    above = [max(high, 0.0) - max(low, 0.0) for low, high in steps]
    below = [min(low, 0.0) - min(high, 0.0) for low, high in steps]
    highest, lowest = max(high for _, high in steps), min(0.0, *(low for low, _ in steps))
    slot = sizes.box.width / len(rows)
    size = sizes.size([row["text"] for row in rows], slot * 0.96, 24, bold=True)
    room = (highest - lowest) * 2.2 * size / 72 / sizes.box.height
    series = {words["base"]: base, words["value"]: above} | ({f"{words['value']} (−)": below} if lowest < 0 else {}) | {words["room"]: [room] * len(rows)}
    labels = [row["label"] for row in rows]

    def dress(chart: Any) -> None:
        _frame_columns(chart, sizes, highest + room, labels, 0.8, lowest)
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 45, 100
        unseen, carrier = plot.series[0], plot.series[len(series) - 1]
        for hidden in (unseen, carrier):
            hidden.format.fill.background()
        for place, row in enumerate(rows):
            colour = {"baseline": style.BASELINE, "current": style.CURRENT}.get(row["role"], style.RISE if row["value"] >= 0 else style.FALL)
            for seen in list(plot.series)[1:-1]:
                _fill(seen.points[place], colour)
            _label(carrier.points[place], [(row["text"], size, True)], XL_LABEL_POSITION.INSIDE_BASE)

    return XL_CHART_TYPE.COLUMN_STACKED, _categories(labels, series), dress


def _facilities_by_type(figure: dict[str, Any], sizes: _Sizes, words: dict[str, str]):
    rows = figure["rows"]
    codes = list(dict.fromkeys(row["code"] for row in rows))
    roles = [role for role in ("current", "baseline") if any(row["role"] == role for row in rows)]
    by_place = {(row["role"], row["code"]): row for row in rows}
    labels = [next(row["label"] for row in rows if row["code"] == code) for code in codes]
    periods = {role: next(row["period_label"] for row in rows if row["role"] == role) for role in roles}
    highest = max((_top(row) for row in rows), default=1.0)
    data = _categories(
        labels, {periods[role]: [_drawn(by_place.get((role, code)), highest) for code in codes] for role in roles}
    )

    def runs(row: Row) -> list[tuple[str, float, bool]]:
        bold, first = row["role"] == "current", row["code"] == codes[0]
        small = _SMALL_PT * sizes.scale
        return [(row["text"], _NUMBER_PT * sizes.scale if bold else small, bold), *([(f"  {row['period_label']}", small, False)] if first else [])]

    def dress(chart: Any) -> None:
        width = sizes.box.width - _frame_bars(chart, sizes, labels, 2.3)
        rooms = [(width - _wide(runs(row), sizes.wider) - 0.25, _top(row)) for row in rows]  # beside each label, and how much must go there
        chart.value_axis.maximum_scale = max((most * width / max(room, 0.2) for room, most in rooms), default=0.0) or 1.0
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 50, 0
        for series, role in zip(plot.series, roles):
            for place, code in enumerate(codes):
                row, point = by_place.get((role, code)), series.points[place]
                if row is None or math.isnan(row["value"]):
                    continue
                if role == "baseline":
                    _hatch(point, row["colour"])
                else:
                    _fill(point, row["colour"])
                _label(point, runs(row), XL_LABEL_POSITION.OUTSIDE_END)
            _bounds(series, [by_place.get((role, code)) for code in codes], highest)

    return XL_CHART_TYPE.BAR_CLUSTERED, data, dress


def _share_check(figure: dict[str, Any], sizes: _Sizes, words: dict[str, str]):
    """Bars filled to the share, on a track of a hundred; the label stands where the track begins, or in the bar where it is nearly full."""
    rows = figure["rows"]
    labels = [f"{row['label']}: {row['note']}" for row in rows]
    data = _categories(labels, {words["share"]: [row["value"] for row in rows], words["rest"]: [max(100 - row["value"], 0.0) for row in rows]})

    def dress(chart: Any) -> None:
        width = sizes.box.width - _frame_bars(chart, sizes, labels, 2.6)
        chart.value_axis.maximum_scale = longest = max(100.0, *(_top(row) for row in rows))
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 60, 100
        share, rest = plot.series
        for place, row in enumerate(rows):
            computed = row["role"] == "computed"
            if computed:
                _fill(share.points[place], style.CURRENT)
            else:
                _hatch(share.points[place], style.CONFLICT)
            _fill(rest.points[place], style.TRACK)
            points = 30 * sizes.scale
            outside = (longest - row["value"]) / longest * width > style.text_width(row["text"], points, "bold") * sizes.wider + 0.3
            point, position = (rest, XL_LABEL_POSITION.INSIDE_BASE) if outside else (share, XL_LABEL_POSITION.INSIDE_END)
            _label(point.points[place], [(row["text"], points, True)], position, style.INK if outside or not computed else style.PAPER)
        _error_bars_where_shown(share, rows, 100.0)

    return XL_CHART_TYPE.BAR_STACKED, data, dress


def _mix_change(figure: dict[str, Any], sizes: _Sizes, words: dict[str, str]):
    """A dot for each share before (pale, or a band between its bounds) and now (full), a line between the two. Names and changes are labels of
    unseen points at both sides."""
    rows, terms = figure["rows"], figure["terms"]
    name_in, change_in = 2.2 * sizes.scale, 2.7 * sizes.scale
    zone = max(sizes.box.width - name_in - change_in, 2.0)
    lowest = min(0.0, *(min(row["lower"], row["before_lower"]) for row in rows))
    highest = max(1.0, *(max(row["upper"], row["before_upper"]) for row in rows))
    pad = 0.09 * (highest - lowest)
    lowest, highest = lowest - pad, highest + pad
    unit = (highest - lowest) / zone
    axis = (lowest - name_in * unit, highest + change_in * unit)
    levels = [float(len(rows) - place) for place in range(len(rows))]
    bands = [place for place, row in enumerate(rows) if row["before_upper"] - row["before_lower"] > _SHOWS * (highest - lowest)]
    data = XyChartData(number_format=_FORMAT)

    def add(name: str, points: Sequence[tuple[float, float]]) -> None:
        series = data.add_series(name)
        for place in range(max(len(rows), 2)):  # LibreOffice draws no series that has fewer points than another
            series.add_data_point(*points[min(place, len(points) - 1)])

    for row, level in zip(rows, levels):
        add(row["label"], [(row["before_value"], level), (row["value"], level)])
    for place in bands:
        add(f"{words['bounds']}: {rows[place]['label']}", [(rows[place][f"before_{end}"], levels[place]) for end in ("lower", "upper")])
    add(terms["before"], [(row["before_value"], level) for row, level in zip(rows, levels)])
    add(terms["now"], [(row["value"], level) for row, level in zip(rows, levels)])
    add(words["place"], [(axis[0], level) for level in levels])
    add(terms["change"], [(highest, level) for level in levels])
    names = [sizes.lines(row["label"], name_in - 0.2, 18, 2, bold=True) for row in rows]
    changes = [sizes.lines(row["change_text"], change_in - 0.3, 16, 3) for row in rows]

    def dress(chart: Any) -> None:
        _inner(chart, 0.0, 0.0, 1.0, 1.0)
        for scale_axis, ends in ((chart.category_axis, axis), (chart.value_axis, (0.35, len(rows) + 0.65))):
            _hide(scale_axis)
            scale_axis.minimum_scale, scale_axis.maximum_scale = ends
        drawn = list(chart.plots[0].series)
        for number, series in enumerate(drawn):
            series.marker.style = XL_MARKER_STYLE.NONE
            if number < len(rows) + len(bands):
                band = number >= len(rows)
                row = rows[bands[number - len(rows)] if band else number]
                series.format.line.color.rgb, series.format.line.width = _rgb(_tint(row["colour"], 0.6 if band else 0.0)), Pt(9 if band else 3)
            else:
                series.format.line.fill.background()
        before, now, left, right = drawn[-4:]
        for place, row in enumerate(rows):
            _dot(before.points[place], "" if place in bands else _tint(row["colour"], 0.6), row["colour"])
            _dot(now.points[place], row["colour"], row["colour"])
            for series, told, period, look in ((now, row["text"], terms["now"], True), (before, row["before_text"], terms["before"], False)):
                runs = [(told, (18 if look else _SMALL_PT) * sizes.scale, look)] + ([(f"  {period}", _SMALL_PT * sizes.scale, False)] if place == 0 else [])
                _label(series.points[place], runs, _ABOVE if look else _BELOW)
            _label(left.points[place], [("\n".join(names[place][0]), min(size for _, size in names), True)], _RIGHT)
            _label(right.points[place], [("\n".join(changes[place][0]), min(size for _, size in changes), False)], _RIGHT)

    return XL_CHART_TYPE.XY_SCATTER_LINES, data, dress


def _register_years(figure: dict[str, Any], sizes: _Sizes, words: dict[str, str]):
    rows, terms = figure["rows"], figure["terms"]
    labels = [row["label"] for row in rows]
    highest = max((row["state"] + row["counterpart"] for row in rows), default=0.0) or 1.0
    slot = sizes.box.width / len(rows)
    size = sizes.size([row["text"] for row in rows], slot * 0.94, _NUMBER_PT, bold=True)
    key, foot = (inches * sizes.scale / sizes.box.height for inches in (0.5, 0.45))
    room = highest * 2.2 * size / 72 / sizes.box.height
    parts = {terms["state"]: [row["state"] for row in rows], terms["counterpart"]: [row["counterpart"] for row in rows]}
    data = _categories(labels, parts | {words["room"]: [room] * len(rows)})

    def dress(chart: Any) -> None:
        _frame_columns(chart, sizes, highest + room, labels, 0.45)
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 50, 100
        state, counterpart, carrier = plot.series
        carrier.format.fill.background()
        _fill(state, style.CURRENT)
        _hatch(counterpart, style.NEW, _tint(style.NEW, 0.5))
        for place, row in enumerate(rows):
            faded = 0.45 if row["role"] == "baseline" else 0.0
            _fill(state.points[place], _tint(style.CURRENT, faded))
            _hatch(counterpart.points[place], _tint(style.NEW, faded), _tint(style.NEW, max(faded, 0.25) + 0.25))
            _label(carrier.points[place], [(row["text"], size, True)], XL_LABEL_POSITION.INSIDE_BASE)
        _key(chart, sizes, unseen=2)
        _inner(chart, 0.0, key, 1.0, 1 - key - foot)

    return XL_CHART_TYPE.COLUMN_STACKED, data, dress


Dress = Callable[[Any], None]
CHARTS: dict[str, Callable[..., tuple[Any, Any, Dress]]] = {
    "funding_now_before": _funding_now_before,
    "funding_split": _funding_split,
    "facilities_by_type": _facilities_by_type,
    "share_check": _share_check,
    "mix_change": _mix_change,
    "register_years": _register_years,
}


# ---------------------------------------------------------------- frame and axes


def _categories(labels: Sequence[str], series: dict[str, Sequence[float | None]]) -> CategoryChartData:
    data = CategoryChartData(number_format=_FORMAT)
    data.categories = labels
    for name, values in series.items():
        data.add_series(name, values)
    return data


def _frame_columns(chart: Any, sizes: _Sizes, highest: float, labels: Sequence[str], foot: float, lowest: float = 0.0) -> None:
    """Columns stand on a line; below it their names, in a foot of so many inches; no scale, as every column has its number."""
    foot *= sizes.scale
    slot = sizes.box.width / len(labels)
    size = sizes.size(labels, slot * 0.9, 18, lines=2 if foot > 0.6 * sizes.scale else 1)
    _hide(chart.value_axis)
    chart.value_axis.minimum_scale, chart.value_axis.maximum_scale = lowest, highest or 1.0
    _names(chart.category_axis, size)
    _inner(chart, 0.0, 0.01, 1.0, 0.99 - foot / sizes.box.height)


def _frame_bars(chart: Any, sizes: _Sizes, labels: Sequence[str], name_in: float) -> float:
    """Bars begin at a line, left of it their names; returns how wide those are, in inches."""
    name_in = min(name_in * sizes.scale, 0.45 * sizes.box.width)
    size = sizes.size(labels, name_in - 0.25, 18, lines=3)
    _hide(chart.value_axis)
    chart.value_axis.minimum_scale = 0
    _names(chart.category_axis, size)
    chart.category_axis.reverse_order = True
    _inner(chart, name_in / sizes.box.width, 0.01, 1 - name_in / sizes.box.width, 0.98)
    return name_in


def _names(axis: Any, size: float) -> None:
    axis.has_major_gridlines = False
    axis.major_tick_mark = axis.minor_tick_mark = XL_TICK_MARK.NONE
    axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    axis.tick_labels.font.size = Pt(size)
    axis.format.line.color.rgb = _rgb(style.MUTED)
    axis.format.line.width = Pt(1.5)


def _hide(axis: Any) -> None:
    axis.has_major_gridlines = axis.has_minor_gridlines = False
    axis.visible = False


def _inner(chart: Any, x: float, y: float, width: float, height: float) -> None:
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


def _key(chart: Any, sizes: _Sizes, unseen: int) -> None:
    """A key above the columns, without the part that only carries labels."""
    chart.has_legend = True
    chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    chart.legend.font.size = Pt(16 * sizes.scale)
    entry = etree.Element(qn("c:legendEntry"))
    etree.SubElement(entry, qn("c:idx")).set("val", str(unseen))
    etree.SubElement(entry, qn("c:delete")).set("val", "1")
    chart.legend._element.insert(1, entry)


# ---------------------------------------------------------------- marks and labels


def _label(point: Any, runs: Sequence[tuple[str, float, bool]], position: Any, colour: str | None = None) -> None:
    """The figure's own text as a point's label; runs are text, points and weight."""
    label = point.data_label
    frame = label.text_frame
    frame.word_wrap = False
    paragraph = frame.paragraphs[0]
    for text, size, bold in runs:
        for number, line in enumerate(text.split("\n")):
            paragraph = frame.add_paragraph() if number else paragraph
            if position == _RIGHT:
                paragraph.alignment = PP_ALIGN.LEFT
            run = paragraph.add_run()
            run.text, run.font.size, run.font.bold = line, Pt(size), bold
            if colour:
                run.font.color.rgb = _rgb(colour)
    label.position = position


def _wide(runs: Sequence[tuple[str, float, bool]], wider: float) -> float:
    """Width of a label in inches."""
    return sum(style.text_width(text, points, "bold" if bold else "normal") for text, points, bold in runs) * wider


def _dot(point: Any, colour: str, edge: str) -> None:
    marker = point.marker
    marker.style, marker.size = XL_MARKER_STYLE.CIRCLE, 14
    if not colour:  # a dot that is not seen keeps its label at a distance
        marker.format.fill.background()
        marker.format.line.fill.background()
        return
    marker.format.fill.solid()
    marker.format.fill.fore_color.rgb, marker.format.line.color.rgb = _rgb(colour), _rgb(edge)
    marker.format.line.width = Pt(1.5)


def _fill(point: Any, colour: str) -> None:
    point.format.fill.solid()
    point.format.fill.fore_color.rgb = _rgb(colour)


def _hatch(point: Any, colour: str, ground: str = "") -> None:
    fill = point.format.fill
    fill.patterned()
    fill.pattern = MSO_PATTERN.WIDE_UPWARD_DIAGONAL
    fill.fore_color.rgb, fill.back_color.rgb = _rgb(colour), _rgb(ground or _tint(colour, 0.72))
    point.format.line.color.rgb = _rgb(colour)
    point.format.line.width = Pt(1.25)


def _drawn(row: Row | None, highest: float) -> float | None:
    """How far a bar reaches: to its upper bound where its bounds show; None where nothing is known."""
    if row is None or math.isnan(row["value"]):
        return None
    return _top(row) if _bounds_show(row, highest) else row["value"]


def _top(row: Row) -> float:
    ends = [row["value"], row.get("upper", row["value"])]
    return max((end for end in ends if not math.isnan(end)), default=0.0)


def _bounds_show(row: Row, highest: float) -> bool:
    return bool(highest) and (row.get("upper", row["value"]) - row.get("lower", row["value"])) > _SHOWS * highest


def _bounds(series: Any, rows: Sequence[Row | None], highest: float) -> None:
    """Where bounds show, the bar is hollow and dashed, and a line within it reaches from its end to the lower bound."""
    wide = [row is not None and _bounds_show(row, highest) for row in rows]
    for place in (place for place, shows in enumerate(wide) if shows):
        look = series.points[place].format
        look.fill.background()
        look.line.color.rgb, look.line.dash_style, look.line.width = _rgb(style.INK), MSO_LINE.DASH, Pt(1.25)
    if any(wide):
        _error_bars(series, [0.0] * len(rows), [_top(row) - row["lower"] if row is not None and shows else 0.0 for row, shows in zip(rows, wide)])


def _error_bars_where_shown(series: Any, rows: Sequence[Row], highest: float) -> None:
    """A line from the lower to the upper bound, where they show, over a bar that reaches to the value."""
    wide = [_bounds_show(row, highest) for row in rows]
    if any(wide):
        spans = [(_top(row) - row["value"], row["value"] - row["lower"]) if shows else (0.0, 0.0) for row, shows in zip(rows, wide)]
        _error_bars(series, *map(list, zip(*spans)))


def _error_bars(series: Any, plus: Sequence[float], minus: Sequence[float]) -> None:
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
    etree.SubElement(etree.SubElement(line, qn("a:solidFill")), qn("a:srgbClr")).set("val", style.INK[1:])
    element = series._element
    before = next(child for child in element if child.tag in (qn("c:cat"), qn("c:val"), qn("c:xVal")))
    before.addprevious(bars)


def _rgb(colour: str) -> RGBColor:
    return RGBColor.from_string(colour.lstrip("#").upper())


def _tint(colour: str, amount: float) -> str:
    """The colour mixed with paper."""
    parts = (int(colour.lstrip("#")[i : i + 2], 16) for i in (0, 2, 4))
    return "#" + "".join(f"{round(255 - (255 - part) * (1 - amount)):02X}" for part in parts)
