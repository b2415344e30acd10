"""Figures as charts of the presentation's own, with their data inside, so that whoever gets the slides can restyle them.

A chart draws the rows that the figure drew; its labels are the figure's own texts. `CHARTS` names the figures that have one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from pptx.chart.data import XyChartData
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_MARKER_STYLE,
)
from pptx.util import Inches, Pt

from kcq_eval.deliverables.slide_marks import (
    FORMAT,
    SHOWS,
    Row,
    Sizes,
    add_key,
    categories,
    draw_bounds,
    draw_dot,
    draw_error_bars,
    drawn_value,
    fill,
    frame_bars,
    frame_columns,
    hatch,
    hide_axis,
    label_width,
    place_axes,
    rgb,
    tint,
    top_of,
    write_label,
)
from kcq_eval.deliverables.slide_template import Box
from kcq_eval.figures import palette, style

_NUMBER_PT, _SMALL_PT = 20.0, 14.0
_ABOVE, _BELOW, _RIGHT = XL_LABEL_POSITION.ABOVE, XL_LABEL_POSITION.BELOW, XL_LABEL_POSITION.RIGHT


def add_chart(slide: Any, box: Box, figure: dict[str, Any], scale: float, wider: float, words: dict[str, str]) -> Any:
    """The figure as a chart with its alternative text.

    Args:
        scale: How much larger type must be than on a slide 7.5 inches high.
        wider: How much wider than measured the fonts may be.
        words: Names of what a data sheet needs beside the figure's own words: value, base, room, place, share.
    """
    kind, data, dress = CHARTS[figure["name"]](figure, Sizes(box, scale, wider), words)
    frame = slide.shapes.add_chart(kind, *map(Inches, (box.left, box.top, box.width, box.height)), data)
    frame.name = figure["name"]
    frame._element.nvGraphicFramePr.cNvPr.set("descr", figure["alt"])
    chart = frame.chart
    chart.has_legend = chart.has_title = False
    chart.font.size = Pt(_SMALL_PT * scale)
    dress(chart)
    return frame


# ---------------------------------------------------------------- one builder for each figure


def _funding_now_before(figure: dict[str, Any], sizes: Sizes, words: dict[str, str]):
    rows = figure["rows"]
    highest = max(top_of(row) for row in rows)
    data = categories([row["label"] for row in rows], {words["value"]: [drawn_value(row, highest) for row in rows]})
    slot = sizes.box.width / len(rows)
    size = sizes.size([row["text"] for row in rows], slot * 0.96, 28, bold=True)

    def dress(chart: Any) -> None:
        frame_columns(chart, sizes, highest * (1 + 1.9 * size / 72 / sizes.box.height), [row["label"] for row in rows], 0.45)
        plot = chart.plots[0]
        plot.gap_width = 55
        for place, row in enumerate(rows):
            point = plot.series[0].points[place]
            fill(point, palette.BASELINE if row["role"] == "baseline" else palette.CURRENT)
            write_label(point, [(row["text"], size, True)], XL_LABEL_POSITION.OUTSIDE_END)
        draw_bounds(plot.series[0], rows, highest)

    return XL_CHART_TYPE.COLUMN_CLUSTERED, data, dress


def _funding_split(figure: dict[str, Any], sizes: Sizes, words: dict[str, str]):
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
        frame_columns(chart, sizes, highest + room, labels, 0.8, lowest)
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 45, 100
        unseen, carrier = plot.series[0], plot.series[len(series) - 1]
        for hidden in (unseen, carrier):
            hidden.format.fill.background()
        for place, row in enumerate(rows):
            colour = {"baseline": palette.BASELINE, "current": palette.CURRENT}.get(row["role"], palette.EFFECT)
            for seen in list(plot.series)[1:-1]:
                fill(seen.points[place], colour)
            write_label(carrier.points[place], [(row["text"], size, True)], XL_LABEL_POSITION.INSIDE_BASE)

    return XL_CHART_TYPE.COLUMN_STACKED, categories(labels, series), dress


def _facilities_by_type(figure: dict[str, Any], sizes: Sizes, words: dict[str, str]):
    rows = figure["rows"]
    codes = list(dict.fromkeys(row["code"] for row in rows))
    roles = [role for role in ("current", "baseline") if any(row["role"] == role for row in rows)]
    by_place = {(row["role"], row["code"]): row for row in rows}
    labels = [next(row["label"] for row in rows if row["code"] == code) for code in codes]
    periods = {role: next(row["period_label"] for row in rows if row["role"] == role) for role in roles}
    highest = max((top_of(row) for row in rows), default=1.0)
    data = categories(
        labels, {periods[role]: [drawn_value(by_place.get((role, code)), highest) for code in codes] for role in roles}
    )

    def runs(row: Row) -> list[tuple[str, float, bool]]:
        bold, first = row["role"] == "current", row["code"] == codes[0]
        small = _SMALL_PT * sizes.scale
        return [(row["text"], _NUMBER_PT * sizes.scale if bold else small, bold), *([(f"  {row['period_label']}", small, False)] if first else [])]

    def dress(chart: Any) -> None:
        width = sizes.box.width - frame_bars(chart, sizes, labels, 2.3)
        rooms = [(width - label_width(runs(row), sizes.wider) - 0.25, top_of(row)) for row in rows]  # beside each label, and how much must go there
        chart.value_axis.maximum_scale = max((most * width / max(room, 0.2) for room, most in rooms), default=0.0) or 1.0
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 50, 0
        for series, role in zip(plot.series, roles):
            for place, code in enumerate(codes):
                row, point = by_place.get((role, code)), series.points[place]
                if row is None or math.isnan(row["value"]):
                    continue
                if role == "baseline":
                    hatch(point, row["colour"])
                else:
                    fill(point, row["colour"])
                write_label(point, runs(row), XL_LABEL_POSITION.OUTSIDE_END)
            draw_bounds(series, [by_place.get((role, code)) for code in codes], highest)

    return XL_CHART_TYPE.BAR_CLUSTERED, data, dress


def _share_check(figure: dict[str, Any], sizes: Sizes, words: dict[str, str]):
    """Bars filled to the share, on a track of a hundred; the label stands where the track begins, or in the bar where it is nearly full."""
    rows = figure["rows"]
    labels = [f"{row['label']}: {row['note']}" for row in rows]
    data = categories(labels, {words["share"]: [row["value"] for row in rows], words["rest"]: [max(100 - row["value"], 0.0) for row in rows]})

    def dress(chart: Any) -> None:
        width = sizes.box.width - frame_bars(chart, sizes, labels, 2.6)
        chart.value_axis.maximum_scale = longest = max(100.0, *(top_of(row) for row in rows))
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 60 if len(rows) > 1 else 180, 100
        share, rest = plot.series
        for place, row in enumerate(rows):
            computed = row["role"] == "computed"
            if computed:
                fill(share.points[place], palette.CURRENT)
            else:
                hatch(share.points[place], palette.CONFLICT)
            fill(rest.points[place], palette.TRACK)
            points = 30 * sizes.scale
            outside = (longest - row["value"]) / longest * width > style.text_width(row["text"], points, "bold") * sizes.wider + 0.3
            point, position = (rest, XL_LABEL_POSITION.INSIDE_BASE) if outside else (share, XL_LABEL_POSITION.INSIDE_END)
            write_label(point.points[place], [(row["text"], points, True)], position, palette.INK if outside or not computed else palette.PAPER)
        draw_error_bars(share, rows, 100.0)

    return XL_CHART_TYPE.BAR_STACKED, data, dress


def _mix_change(figure: dict[str, Any], sizes: Sizes, words: dict[str, str]):
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
    bands = [place for place, row in enumerate(rows) if row["before_upper"] - row["before_lower"] > SHOWS * (highest - lowest)]
    data = XyChartData(number_format=FORMAT)

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
        place_axes(chart, 0.0, 0.0, 1.0, 1.0)
        for scale_axis, ends in ((chart.category_axis, axis), (chart.value_axis, (0.35, len(rows) + 0.65))):
            hide_axis(scale_axis)
            scale_axis.minimum_scale, scale_axis.maximum_scale = ends
        drawn = list(chart.plots[0].series)
        for number, series in enumerate(drawn):
            series.marker.style = XL_MARKER_STYLE.NONE
            if number < len(rows) + len(bands):
                band = number >= len(rows)
                row = rows[bands[number - len(rows)] if band else number]
                series.format.line.color.rgb, series.format.line.width = rgb(tint(row["colour"], 0.6 if band else 0.0)), Pt(9 if band else 3)
            else:
                series.format.line.fill.background()
        before, now, left, right = drawn[-4:]
        for place, row in enumerate(rows):
            draw_dot(before.points[place], "" if place in bands else tint(row["colour"], 0.6), row["colour"])
            draw_dot(now.points[place], row["colour"], row["colour"])
            for series, told, period, look in ((now, row["text"], terms["now"], True), (before, row["before_text"], terms["before"], False)):
                runs = [(told, (18 if look else _SMALL_PT) * sizes.scale, look)] + ([(f"  {period}", _SMALL_PT * sizes.scale, False)] if place == 0 else [])
                write_label(series.points[place], runs, _ABOVE if look else _BELOW)
            write_label(left.points[place], [("\n".join(names[place][0]), min(size for _, size in names), True)], _RIGHT)
            write_label(right.points[place], [("\n".join(changes[place][0]), min(size for _, size in changes), False)], _RIGHT)

    return XL_CHART_TYPE.XY_SCATTER_LINES, data, dress


def _register_years(figure: dict[str, Any], sizes: Sizes, words: dict[str, str]):
    rows, terms = figure["rows"], figure["terms"]
    labels = [row["label"] for row in rows]
    highest = max((row["state"] + row["counterpart"] for row in rows), default=0.0) or 1.0
    slot = sizes.box.width / len(rows)
    size = sizes.size([row["text"] for row in rows], slot * 0.94, _NUMBER_PT, bold=True)
    key, foot = (inches * sizes.scale / sizes.box.height for inches in (0.5, 0.45))
    room = highest * 2.2 * size / 72 / sizes.box.height
    parts = {terms["state"]: [row["state"] for row in rows], terms["counterpart"]: [row["counterpart"] for row in rows]}
    data = categories(labels, parts | {words["room"]: [room] * len(rows)})

    def dress(chart: Any) -> None:
        frame_columns(chart, sizes, highest + room, labels, 0.45)
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 50, 100
        state, counterpart, carrier = plot.series
        carrier.format.fill.background()
        fill(state, palette.CURRENT)
        hatch(counterpart, palette.NEW, tint(palette.NEW, 0.5))
        for place, row in enumerate(rows):
            faded = 0.45 if row["role"] == "baseline" else 0.0
            fill(state.points[place], tint(palette.CURRENT, faded))
            hatch(counterpart.points[place], tint(palette.NEW, faded), tint(palette.NEW, max(faded, 0.25) + 0.25))
            write_label(carrier.points[place], [(row["text"], size, True)], XL_LABEL_POSITION.INSIDE_BASE)
        add_key(chart, sizes, unseen=2)
        place_axes(chart, 0.0, key, 1.0, 1 - key - foot)

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
