"""Charts of the evaluation. Each draws the columns its docstring names, as given, in the order of the rows.

Values, bounds and their texts arrive ready; `lower` and `upper` are drawn wherever they are not a point. Rows that a
chart needs by role are read by role, all others by their order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from kcq_eval.figures import palette, style
from kcq_eval.figures.style import Area, FigureWords, Run

Digits = Callable[[float], str]
_Point = tuple[float, float]

_HATCH_BASELINE = "//"
_HOLLOW = {"markerfacecolor": palette.PAPER, "markeredgecolor": palette.MUTED, "markeredgewidth": 3}


# ---------------------------------------------------------------- funding


@style.conference()
def funding_bars(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """Two bars, the baseline and the current period, and the growth between their tops.

    Columns: label, role ("baseline" or "current"), value, lower, upper, text. Terms: growth ("tăng 28,01 %").
    `words.axis` stands under each number.
    """
    fig, area = style.frame(words)
    before, now = _by_role(rows, "baseline", "current")
    growth = words.terms.get("growth", "")
    plot = Area(area.left, area.bottom + 0.5, area.width, area.height - 0.5)
    headroom = 0.92 if words.axis else 0.6
    highest = max(_ends(before)[1], _ends(now)[1])
    per_unit = (plot.height - headroom) / highest
    ax = plot.axes(fig, (0, plot.width), (0, plot.height / per_unit))

    bar_width = 2.9
    centres = (1.95, 5.85) if growth else (plot.width / 2 - 2.1, plot.width / 2 + 2.1)
    for row, centre, colour in zip((before, now), centres, (palette.BASELINE, palette.CURRENT), strict=True):
        _bar(ax, centre - bar_width / 2, 0, bar_width, row["value"], row["role"], color=colour)
        tall = _whisker(ax, centre, row, per_unit, upright=True)
        x, top = plot.left + centre, plot.bottom + tall * per_unit + 0.16
        lines, size = style.fit(row["text"], bar_width + 0.6 if growth else 4.0, 30, "bold", lines=1)
        if words.axis:
            style.write(fig, x, top, words.axis, 17, colour=palette.MUTED, ha="center")
            top += 0.33
        style.write(fig, x, top, lines[0], size, weight="bold", ha="center")
        style.write(fig, x, area.bottom + 0.1, row["label"], 22, weight="bold", ha="center")
    _ground(ax, plot.width if not growth else centres[1] + bar_width / 2 + 0.3)

    if growth:
        right_edge = centres[1] + bar_width / 2
        arrow_x = right_edge + 0.45
        reference = {"y": before["value"], "linewidth": 2, "linestyle": (0, (4, 3)), "label": "reference"}
        _level(ax, centres[0] + bar_width / 2, centres[1] - bar_width / 2, color=palette.MUTED, **reference)
        if now["value"] > before["value"]:  # else the number of the current period stands there
            _level(ax, centres[1] - bar_width / 2, right_edge, color=palette.PAPER, **reference)
        _level(ax, right_edge, arrow_x + 0.2, color=palette.MUTED, **reference)
        length = abs(now["value"] - before["value"]) * per_unit
        if length > 0.06:
            ends = (arrow_x, before["value"]), (arrow_x, now["value"])
            _arrow(ax, *ends, "growth", head=min(24, 55 * length), linewidth=3.5, color=palette.INK)
        left = plot.left + arrow_x + 0.35
        lines, size = style.fit(growth, area.right - left, 44, "bold", lines=2)
        middle = plot.bottom + (before["value"] + now["value"]) / 2 * per_unit
        top = min(middle + len(lines) * style.line_height(size) / 2, area.top)
        style.write_lines(fig, left, top, lines, size, weight="bold", colour=palette.CURRENT)
    return fig


def _level(ax: Axes, left: float, right: float, *, y: float, **look: object) -> None:
    ax.plot([left, right], [y, y], **look)


@style.conference()
def funding_split(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """Waterfall from the baseline to the current period over the effects between them.

    Columns: label, role ("baseline", "effect", "current"), value (signed for effects), text (signed); lower and upper
    where present. `words.axis` stands under the totals.
    """
    fig, area = style.frame(words)
    plot = Area(area.left, area.bottom + 0.72, area.width, area.height - 0.72)
    steps = _steps(rows)
    lowest = min(0.0, *(step.lowest for step in steps))
    rooms = [plot.height - (0.86 if words.axis and role != "effect" else 0.55) for role in rows["role"]]
    per_unit = min(room / (step.highest - lowest) for room, step in zip(rooms, steps, strict=True) if step.highest > lowest)
    column = plot.width / len(steps)
    bar_width = min(0.66 * column, 2.2)
    ax = plot.axes(fig, (0, plot.width), (lowest, lowest + plot.height / per_unit))

    for number, (step, (_, row)) in enumerate(zip(steps, rows.iterrows(), strict=True)):
        centre = (number + 0.5) * column
        x = plot.left + centre
        total = row["role"] != "effect"
        colour = {"baseline": palette.BASELINE, "current": palette.CURRENT}.get(
            row["role"], palette.EFFECT
        )
        _bar(ax, centre - bar_width / 2, step.start, bar_width, step.end - step.start, row["role"], color=colour)
        if "lower" in rows.columns:
            _whisker(ax, centre, row, per_unit, upright=True, shift=0.0 if total else step.start)
        if number + 1 < len(steps):
            ax.plot([centre + bar_width / 2, centre + column - bar_width / 2], [step.end] * 2, color=palette.MUTED, lw=2)
        if not total and abs(step.end - step.start) * per_unit > 0.7:
            rise = step.end - step.start
            ends = (centre, step.start + 0.15 * rise), (centre, step.end - 0.15 * rise)
            _arrow(ax, *ends, "effect", head=34, linewidth=5, color=palette.PAPER)
        bottom = plot.bottom + (step.highest - lowest) * per_unit + 0.15
        if total and words.axis:
            style.write(fig, x, bottom, words.axis, 16, colour=palette.MUTED, ha="center")
            bottom += 0.31
        lines, size = style.fit(row["text"], column * 0.97, 26, "bold", lines=1)
        style.write(fig, x, bottom, lines[0], size, weight="bold", ha="center", colour=palette.INK if total else colour)
        lines, size = style.fit(row["label"], column * 0.94, 20 if total else 18, "bold" if total else "normal", lines=2)
        style.write_lines(fig, x, plot.bottom - 0.1, lines, size, weight="bold" if total else "normal", ha="center")
    _ground(ax, plot.width)
    return fig


@dataclass(frozen=True)
class _Step:
    """Where a bar of the waterfall begins and ends, and how far bar and bounds reach."""

    start: float
    end: float
    lowest: float
    highest: float


def _steps(rows: pd.DataFrame) -> list[_Step]:
    """Totals stand on zero, an effect on the end of the bar before it."""
    steps: list[_Step] = []
    for _, row in rows.iterrows():
        start = steps[-1].end if row["role"] == "effect" and steps else 0.0
        ends = (start, *(start + end for end in (float(row["value"]), *(_ends(row) if "lower" in rows.columns else ()))))
        steps.append(_Step(start, ends[1], min(ends), max(ends)))
    return steps


# ---------------------------------------------------------------- facilities by type


@style.conference()
def facilities_by_type(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """A pair of bars per support type: the current period in full colour, the baseline light and hatched.

    Columns: code, label, colour, role ("current" or "baseline"), period_label, value, lower, upper, text. Where the bounds
    are not a point, the bar is solid to the lower one and dashed from there to the upper one. A missing value has its text
    and no bar.
    """
    fig, area = style.frame(words)
    codes = list(dict.fromkeys(rows["code"]))
    band = area.height / len(codes)
    label_width = 2.95
    plot = Area(area.left + label_width, area.bottom, area.width - label_width, area.height)
    large, small = (24, 19) if band > 0.85 else (18, 14)
    heights = {"current": 0.42 * band, "baseline": 0.28 * band}
    centres = {"current": 0.30 * band, "baseline": 0.69 * band}
    weights = {"current": "bold", "baseline": "normal"}
    sizes = {"current": large, "baseline": small}

    def runs(row: pd.Series) -> list[Run]:
        first = row["code"] == codes[0]
        value = Run(row["text"], sizes[row["role"]], weights[row["role"]])
        return [value, Run(row["period_label"], small, colour=palette.MUTED)] if first else [value]

    rooms = [(plot.width - style.runs_width(runs(row)) - 0.35, _ends(row)[1]) for _, row in rows.iterrows()]
    per_unit = min((room / longest for room, longest in rooms if longest > 0), default=1.0)
    ax = plot.axes(fig, (0, plot.width / per_unit), (plot.height, 0))
    for number, code in enumerate(codes):
        of_code = rows[rows["code"] == code]
        lines, size = style.fit(of_code.iloc[0]["label"], label_width - 0.3, 20, "bold", lines=2)
        middle = area.top - number * band - 0.46 * band
        style.write_lines(fig, area.left, middle + len(lines) * style.line_height(size) / 2, lines, size, weight="bold")
        for _, row in of_code.iterrows():
            y = number * band + centres[row["role"]]
            thick = heights[row["role"]]
            low, high = _ends(row)
            solid = low if style.bounds_show(low, high, per_unit) else row["value"]
            fill: dict[str, object] = {"color": row["colour"]}
            if row["role"] == "baseline":
                fill = {"facecolor": palette.tint(row["colour"]), "edgecolor": row["colour"], "hatch": _HATCH_BASELINE, "linewidth": 1.2}
            if not math.isnan(solid):
                _bar(ax, 0, y - thick / 2, solid, thick, row["role"], **fill)
            end = 0.0 if math.isnan(solid) else solid
            if style.bounds_show(low, high, per_unit):
                dashed = {"edgecolor": palette.INK, "linewidth": 1.6, "linestyle": (0, (2, 1.5))}
                _bar(ax, low, y - thick / 2, high - low, thick, "bounds", facecolor="none", **dashed)
                end = high
            x = plot.left + end * per_unit + 0.14
            style.write_runs(fig, x, area.top - y - 0.36 * sizes[row["role"]] / 72, runs(row))
    ax.plot([0, 0], [0, plot.height], color=palette.INK, lw=1.6, clip_on=False)
    return fig


# ---------------------------------------------------------------- mix


@style.conference()
def mix_change(rows: pd.DataFrame, words: FigureWords, *, digits: Digits | None = None) -> Figure:
    """One line per support type: its share before (hollow, or a band between the bounds) and now (full), an arrow between.

    Columns: code, label, colour, before_value, before_lower, before_upper, before_text, value, lower, upper, text,
    change_text. Terms: before and now (the periods, each written with the share of the first line), change (head of the right
    column).
    The scale is cut once, visibly and with equal units on both sides, where a wide stretch of it is empty.
    `digits` writes the ticks of the scale; without it there are none, as every mark carries its number.
    """
    fig, area = style.frame(words)
    head = 0.34 if words.terms.get("change") else 0.0
    foot = 0.3 if digits else 0.0
    band = (area.height - head - foot) / len(rows)
    label_width, change_width = 2.6, 3.0
    zone = Area(area.left + label_width, area.bottom + foot, area.width - label_width - change_width, area.height - head - foot)
    pieces = _scale_pieces(rows, zone, fig)
    large, small = (22, 17) if band > 0.95 else (18, 14)
    marker = 17.0

    changes, change_size = style.fit_alike(
        rows["change_text"], change_width - 0.2, 17, "bold", lines=3 if band > 0.95 else 2, smallest=9
    )
    style.write(fig, area.right, area.top - 0.2, words.terms.get("change", ""), 17, colour=palette.MUTED, ha="right")
    for number, (_, row) in enumerate(rows.iterrows()):
        y = zone.top - (number + 0.5) * band
        _draw_scale(fig, pieces, y)
        piece = next(piece for piece in pieces if piece.holds(row))
        tail = _draw_change(piece, row, y, marker)
        now_text, before_text = [Run(row["text"], large, "bold")], [Run(row["before_text"], small, colour=palette.MUTED)]
        if number == 0:
            now_text += [Run(words.terms[term], small, "bold") for term in ("now",) if words.terms.get(term)]
            before_text += [Run(words.terms[term], small, colour=palette.MUTED) for term in ("before",) if words.terms.get(term)]
        for share, at, baseline in ((now_text, row["value"], y + 0.2), (before_text, tail, y - 0.2 - 0.74 * small / 72)):
            if not math.isnan(at):
                wide = style.runs_width(share)
                left = piece.inch(at) - share[0].width / 2
                style.write_runs(fig, min(max(left, zone.left), zone.right - wide), baseline, share)
        lines, size = style.fit(row["label"], label_width - 0.25, 20, "bold", lines=2)
        style.write_lines(fig, area.left, y + len(lines) * style.line_height(size) / 2, lines, size, weight="bold")
        top = y + len(changes[number]) * style.line_height(change_size) / 2
        style.write_lines(fig, area.right, top, changes[number], change_size, weight="bold", ha="right")
        if number:
            style.rule(fig, area.left, area.right, y + band / 2)
    if digits:
        for piece in pieces:
            for tick in _ticks(piece):
                piece.ax.plot([tick, tick], [zone.bottom + 0.02, zone.top], color=palette.TRACK, lw=1.3, zorder=0.5)
                style.write(fig, piece.inch(tick), area.bottom, digits(tick), 15, colour=palette.MUTED, ha="center")
    return fig


def _draw_scale(fig: Figure, pieces: list[_Piece], y: float) -> None:
    for piece in pieces:
        piece.ax.plot([piece.low, piece.high], [y] * 2, color=palette.TRACK, lw=3, zorder=1, clip_on=False)
        if piece.low == 0:
            piece.ax.plot([0, 0], [y - 0.17, y + 0.17], color=palette.MUTED, lw=2, zorder=2.2, clip_on=False)
    for left, right in zip(pieces, pieces[1:], strict=False):
        _cut(fig, (left.area.right + right.area.left) / 2, y)


def _draw_change(piece: _Piece, row: pd.Series, y: float, marker: float) -> float:
    """The marks of a row, and an arrow where there is room for one; returns where the share before is written."""
    ax, now = piece.ax, float(row["value"])
    low, high = _ends(row, "before_")
    now_low, now_high = _ends(row)
    if style.bounds_show(now_low, now_high, piece.per_unit):
        ax.plot([now_low, now_high], [y] * 2, color=row["colour"], lw=7, zorder=3, alpha=0.6, label="bounds")
    _mark(ax, now, y, "o", marker, "now", color=row["colour"], zorder=4)
    as_band = style.bounds_show(low, high, piece.per_unit)
    tail = (low + high) / 2 if as_band else float(row["before_value"])
    if math.isnan(tail):
        return tail
    if as_band:
        look = {"facecolor": "#C9CDD3", "edgecolor": palette.MUTED, "hatch": _HATCH_BASELINE, "linewidth": 2}
        _bar(ax, low, y - 0.12, high - low, 0.24, "bounds", zorder=2, **look)
    else:
        _mark(ax, tail, y, "o", marker, "before", zorder=3, **_HOLLOW)
    start = min(max(now, low), high)  # the end of the band that is nearer to the share now
    if abs(now - start) * piece.per_unit > 0.34:
        towards = math.copysign(1 / piece.per_unit, now - start)
        ends = (start + (0.0 if as_band else 0.12) * towards, y), (now - 0.115 * towards, y)
        _arrow(ax, *ends, "change", head=22, linewidth=5, color=row["colour"])
    return tail


@dataclass(frozen=True)
class _Piece:
    """A stretch of a scale and the axes that draw it, in canvas inches upwards."""

    low: float
    high: float
    area: Area
    ax: Axes

    @property
    def per_unit(self) -> float:
        return self.area.width / (self.high - self.low)

    def inch(self, value: float) -> float:
        return self.area.left + (value - self.low) * self.per_unit

    def holds(self, row: pd.Series) -> bool:
        lowest, highest = _span(row)
        return self.low <= lowest and highest <= self.high


def _ticks(piece: _Piece) -> list[float]:
    """Round values far enough apart to be written."""
    step = next((step for step in (1, 2, 5, 10, 20, 25) if step * piece.per_unit > 0.9), 50)
    return [float(tick) for tick in range(0, math.floor(piece.high) + 1, step) if tick >= piece.low]


def _span(row: pd.Series) -> tuple[float, float]:
    ends = [end for end in (row["value"], *_ends(row), *_ends(row, "before_")) if not math.isnan(end)]
    return min(ends, default=0.0), max(ends, default=0.0)


def _scale_pieces(rows: pd.DataFrame, zone: Area, fig: Figure) -> list[_Piece]:
    """The scale from zero to the largest end, or, where more than 40 % of it are empty in one stretch, without that."""
    spans = sorted(_span(row) for _, row in rows.iterrows())
    joined = [[min(0.0, spans[0][0]), spans[0][1]]]
    gaps = []
    for low, high in spans[1:]:
        if low > joined[-1][1]:
            gaps.append((low - joined[-1][1], joined[-1][1], low))
            joined.append([low, high])
        joined[-1][1] = max(joined[-1][1], high)
    first, last = joined[0][0], joined[-1][1]
    widest = max(gaps, default=(0.0, 0.0, 0.0))
    ends = [(first, last)]
    if widest[0] > 0.4 * (last - first) and widest[0] < last - first:  # two points alone would leave no scale
        ends = [(first, widest[1]), (widest[2], last)]
    side, cut = 0.3, 0.5  # room for half a mark at the ends, and for the cut
    units = sum(high - low for low, high in ends)
    bare = zone.width - 2 * side - (len(ends) - 1) * (cut + 2 * side)
    pieces, left = [], zone.left
    for low, high in ends:
        room = side * units / bare
        low, high = low - (0 if low == first == 0 else room), high + room
        width = (high - low) * bare / units
        area = Area(left, zone.bottom, width, zone.height)
        pieces.append(_Piece(low, high, area, area.axes(fig, (low, high), (zone.bottom, zone.top))))
        left += width + cut
    return pieces


# ---------------------------------------------------------------- share


@style.conference()
def share_check(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """Bars of the same whole, filled to the computed and to the printed share, and the gap between the two.

    Columns: label, role ("computed" or "printed"), value, lower, upper (0 to 100), text, note. One row alone is one bar.
    Terms: gap (optional words beside the sign).
    """
    fig, area = style.frame(words)
    ordered = [row for _, row in rows.iterrows()]
    bar, head = 1.05, 0.5
    longest = max(100.0, *(_ends(row)[1] for row in ordered))  # more than 100 where the "whole" is another part
    ax = area.axes(fig, (0, longest), (0, area.height))
    middles = [area.height - head - bar / 2, head + bar / 2] if len(ordered) == 2 else [area.height / 2]
    for row, middle in zip(ordered, middles, strict=True):
        _share_bar(fig, ax, area, row, middle, bar)
        runs = style.shrunk([Run(row["label"], 22, "bold"), Run(row["note"], 20, colour=palette.MUTED)], area.width)
        off = -bar / 2 - 0.36 if middle != middles[0] else bar / 2 + 0.16  # the gap between two bars stays free
        style.write_runs(fig, area.left, area.bottom + middle + off, runs)
    if len(ordered) == 2:
        (low, high), (other_low, other_high) = map(_ends, ordered)
        ends = [(float(row["value"]), middle) for row, middle in zip(ordered, middles, strict=True)]
        _gap_between(fig, ax, area, ends, bar, words.terms.get("gap", ""), apart=low > other_high or other_low > high)
    return fig


def _share_bar(fig: Figure, ax: Axes, area: Area, row: pd.Series, middle: float, bar: float) -> None:
    computed = row["role"] == "computed"
    per_unit = _per_unit(ax, area)
    look: dict[str, object] = {"color": palette.CURRENT}
    if not computed:
        look = {"facecolor": palette.tint(palette.CONFLICT, 0.45), "edgecolor": palette.CONFLICT, "hatch": "\\\\", "linewidth": 2}
    bottom = middle - bar / 2
    _bar(ax, 0, bottom, 100, bar, "whole", color=palette.TRACK, zorder=1)
    _bar(ax, 0, bottom, row["value"], bar, row["role"], zorder=2, **look)
    if ax.get_xlim()[1] > 100:
        ax.plot([100, 100], [bottom, bottom + bar], color=palette.PAPER, lw=2, ls=(0, (4, 3)), zorder=3, label="whole")
    low, high = _ends(row)
    if style.bounds_show(low, high, per_unit):
        shade = {"facecolor": (*to_rgb(palette.INK), 0.3), "edgecolor": palette.INK, "linewidth": 1.2}
        _bar(ax, low, bottom, high - low, bar, "bounds", zorder=3, **shade)
    end, points = max(row["value"], high), 42
    width = style.text_width(row["text"], points, "bold")
    inside = end * per_unit + width + 0.4 > area.width
    x = area.left + (min(row["value"], low) * per_unit - 0.2 - width if inside else end * per_unit + 0.2)
    colour = palette.PAPER if inside and computed else palette.INK
    style.write(fig, x, area.bottom + middle - 0.36 * points / 72, row["text"], points, weight="bold", colour=colour)


def _gap_between(
    fig: Figure, ax: Axes, area: Area, ends: list[tuple[float, float]], bar: float, gap_text: str, *, apart: bool
) -> None:
    """Dashed plumb lines from both fills to the middle, and an arrow with "≠" over the stretch in dispute.

    Where the bounds of the two meet, "=" stands there instead.
    """
    colour, sign = (palette.CONFLICT, "≠") if apart else (palette.INK, "=")
    (a, upper), (b, lower) = ends
    level = (upper + lower) / 2
    ax.plot([a, a], [upper - bar / 2, level - 0.18], color=palette.INK, lw=2, ls=(0, (4, 3)), zorder=4)
    ax.plot([b, b], [lower + bar / 2, level + 0.18], color=palette.INK, lw=2, ls=(0, (4, 3)), zorder=4)
    per_unit = _per_unit(ax, area)
    # Inches from the area's left edge; what has no room between the plumb lines stands where there is more of it.
    left, right = min(a, b) * per_unit, max(a, b) * per_unit
    on_right = area.width - right >= left
    beside = 0.25

    def beside_lines(text_gap: float) -> tuple[float, str]:
        return (area.left + right + text_gap, "left") if on_right else (area.left + left - text_gap, "right")

    if apart and right - left > 1.2:
        _arrow(ax, (a, level), (b, level), "gap", both=True, head=24, linewidth=4, color=colour)
        middle = area.left + (left + right) / 2
        style.write(fig, middle, area.bottom + level + 0.1, sign, 40, weight="bold", colour=colour, ha="center")
    else:
        x, ha = beside_lines(beside)
        style.write(fig, x, area.bottom + level - 0.2, sign, 40, weight="bold", colour=colour, ha=ha)
        beside += 0.6
    if gap_text:
        x, ha = beside_lines(beside)
        room = (area.width - right if on_right else left) - beside
        lines, size = style.fit(gap_text, room, 22, "bold", lines=2)
        top = area.bottom + level + len(lines) * style.line_height(size) / 2
        style.write_lines(fig, x, top, lines, size, weight="bold", colour=colour, ha=ha)


# ---------------------------------------------------------------- conflict


@style.conference()
def conflict(rows: pd.DataFrame, words: FigureWords, *, digits: Digits | None = None) -> Figure:
    """Why the printed figures of a conflict cannot all be true: each against what the others force it to be.

    Columns: number ("#4"), statement, printed_value, printed_text, implied_value, implied_lower, implied_upper,
    implied_text, suspect, others ("nếu #5 và #6 đúng"). Terms: printed, implied, suspect. Each row has its own scale: from
    zero where the gap is a good part of the value, else closed in on the gap; `digits` writes the zero.
    """
    fig, area = style.frame(words)
    spacing = 0.12 if len(rows) < 5 else 0.07
    band = (area.height + spacing) / len(rows)
    height = band - spacing
    type_sizes = _LARGE if height > 1.8 else _ROOMY if height > 1.15 else _CLOSE if height > 0.83 else _TIGHT
    claim_width = 4.4
    lines = 1 if type_sizes is _TIGHT else 3 if height > 1.35 else 2
    statements, size = style.fit_alike(rows["statement"], claim_width, type_sizes.body, lines=lines, smallest=8)
    for position, (_, row) in enumerate(rows.iterrows()):
        panel = Area(area.left, area.top - position * band - height, area.width, height)
        _panel_ground(fig, panel, suspect=bool(row["suspect"]))
        _claim_words(fig, panel, row, words, type_sizes, statements[position], size)
        line = Area(panel.left + claim_width + 0.35, panel.bottom, panel.width - claim_width - 0.6, panel.height)
        _claim_line(fig, line, row, words, type_sizes, digits)
    return fig


@dataclass(frozen=True)
class _PanelSizes:
    """Points of the words, of the numbers and of the marks in a panel; inches from the line to its labels."""

    body: float
    number: float
    mark: float
    clear: float


_LARGE = _PanelSizes(body=21, number=28, mark=18, clear=0.22)
_ROOMY = _PanelSizes(body=18, number=23, mark=15, clear=0.19)
_CLOSE = _PanelSizes(body=15.5, number=19, mark=13, clear=0.16)
_TIGHT = _PanelSizes(body=13, number=15, mark=10.5, clear=0.11)


def _panel_ground(fig: Figure, panel: Area, *, suspect: bool) -> None:
    beyond = min(0.2, panel.left - 0.03)
    fig.add_artist(
        FancyBboxPatch(
            (panel.left - beyond, panel.bottom),
            panel.width + 2 * beyond,
            panel.height,
            boxstyle="round,pad=0,rounding_size=0.08",
            transform=fig.dpi_scale_trans,
            facecolor=palette.CONFLICT_TINT if suspect else palette.PANEL,
            edgecolor=palette.CONFLICT if suspect else "none",
            linewidth=2,
            zorder=-1,
        )
    )


def _claim_words(
    fig: Figure, panel: Area, row: pd.Series, words: FigureWords, sizes: _PanelSizes, lines: list[str], size: float
) -> None:
    head = sizes.number
    tall = style.line_height(head) + len(lines) * style.line_height(size)
    top = panel.bottom + (panel.height + tall) / 2
    baseline = top - 0.93 * head / 72
    style.write(fig, panel.left, baseline, row["number"], head, weight="bold")
    if row["suspect"] and words.terms.get("suspect"):
        x = panel.left + style.text_width(row["number"], head, "bold") + 0.2
        style.tag(fig, x, baseline, Run(words.terms["suspect"], sizes.body - 2, "bold", palette.PAPER), palette.CONFLICT)
    style.write_lines(fig, panel.left, top - style.line_height(head), lines, size)


def _claim_line(fig: Figure, line: Area, row: pd.Series, words: FigureWords, sizes: _PanelSizes, digits: Digits | None) -> None:
    printed = float(row["printed_value"])
    low, high = _ends(row, "implied_")
    least, most = min(printed, low), max(printed, high)
    apart = most - least or abs(most) or 1.0
    from_zero = least >= 0 and apart > 0.12 * most
    start, stop = (0.0, most + 0.12 * most) if from_zero else (least - 0.5 * apart, most + 0.5 * apart)
    ax = line.axes(fig, (start, stop), (0, line.height))
    per_unit = line.width / (stop - start)
    y = line.height / 2
    ax.plot([start, stop], [y] * 2, color=palette.RULE, lw=2.5, zorder=1)
    if from_zero:
        ax.plot([0, 0], [y - 0.12, y + 0.12], color=palette.RULE, lw=2.5, zorder=1, clip_on=False)
        if digits:
            level = line.bottom + y - 0.36 * sizes.body / 72
            style.write(fig, line.left - 0.12, level, digits(0.0), sizes.body - 2, colour=palette.MUTED, ha="right")

    near = min(max(printed, low), high)  # the end of the interval that comes closest to the printed value
    gap = abs(printed - near) * per_unit
    if gap > 0.4:
        towards = math.copysign(0.14 / per_unit, near - printed)
        _arrow(ax, (printed + towards, y), (near - towards, y), "gap", both=True, head=18, linewidth=4, color=palette.CONFLICT)
    if style.bounds_show(low, high, per_unit) and (high - low) * per_unit > 0.06:
        half = 0.55 * sizes.mark / 72
        look = {"facecolor": palette.tint(palette.CURRENT), "edgecolor": palette.CURRENT, "hatch": "////", "linewidth": 2}
        _bar(ax, low, y - half, high - low, 2 * half, "bounds", zorder=3, **look)
        implied_at = (low + high) / 2
    else:
        implied_at = float(row["implied_value"])
        _mark(ax, implied_at, y, "o", sizes.mark, "implied", color=palette.CURRENT, zorder=4)
    _mark(ax, printed, y, "D", 0.9 * sizes.mark, "printed", color=palette.CONFLICT if row["suspect"] else palette.INK, zorder=4)

    above = [Run(words.terms.get("printed", ""), sizes.body), Run(row["printed_text"], sizes.number, "bold")]
    below = [
        Run(words.terms.get("implied", ""), sizes.body),
        Run(row["implied_text"], sizes.number, "bold", palette.CURRENT),
        Run(row["others"], sizes.body, colour=palette.MUTED),
    ]
    middle = line.bottom + y
    for runs, at, baseline in (
        (above, printed, middle + sizes.clear),
        (below, implied_at, middle - sizes.clear - 0.74 * sizes.number / 72),
    ):
        runs = style.shrunk([run for run in runs if run.text], line.width)
        wide = style.runs_width(runs)
        x = line.left + (at - start) * per_unit - wide / 2
        style.write_runs(fig, max(line.left, min(x, line.right - wide)), baseline, runs)


# ---------------------------------------------------------------- shared


def _by_role(rows: pd.DataFrame, *roles: str) -> tuple[pd.Series, ...]:
    found = {row["role"]: row for _, row in rows.iterrows()}
    missing = [role for role in roles if role not in found]
    if missing:
        raise ValueError(f"no row with role {', '.join(missing)}; the frame has {', '.join(map(str, rows['role']))}")
    return tuple(found[role] for role in roles)


def _ends(row: pd.Series, prefix: str = "") -> tuple[float, float]:
    """Lower and upper bound, an unknown one replaced by the value."""
    value = float(row[f"{prefix}value"])
    return tuple(value if pd.isna(row[f"{prefix}{end}"]) else float(row[f"{prefix}{end}"]) for end in ("lower", "upper"))


def _per_unit(ax: Axes, area: Area) -> float:
    """Inches of one unit of a horizontal scale."""
    low, high = ax.get_xlim()
    return area.width / (high - low)


def _bar(ax: Axes, left: float, bottom: float, width: float, height: float, label: str, **look: object) -> None:
    ax.add_artist(Rectangle((left, bottom), width, height, label=label, **look))


def _whisker(ax: Axes, at: float, row: pd.Series, per_unit: float, *, upright: bool, shift: float = 0.0) -> float:
    """A capped line between the bounds where they show; returns how far bar and line reach."""
    low, high = (end + shift for end in _ends(row))
    reach = float(row["value"]) + shift
    if not style.bounds_show(low, high, per_unit):
        return max(reach, shift)
    along = ([at, at], [low, high])
    x, y = along if upright else along[::-1]
    ax.plot(x, y, color=palette.INK, lw=2.2, marker="_" if upright else "|", ms=16, mew=2.2, label="bounds", zorder=4)
    return max(reach, high)


def _arrow(ax: Axes, start: _Point, stop: _Point, label: str, *, both: bool = False, head: float, **look: object) -> None:
    look |= {"joinstyle": "miter", "capstyle": "butt", "shrinkA": 0, "shrinkB": 0, "clip_on": False, "zorder": 2.5}
    ax.add_artist(FancyArrowPatch(start, stop, arrowstyle="<|-|>" if both else "-|>", mutation_scale=head, label=label, **look))


def _mark(ax: Axes, x: float, y: float, shape: str, points: float, label: str, **look: object) -> None:
    ax.plot([x], [y], shape, ms=points, label=label, clip_on=False, **look)


def _ground(ax: Axes, width: float) -> None:
    ax.plot([0, width], [0, 0], color=palette.INK, lw=2, clip_on=False)


def _cut(fig: Figure, x: float, y: float) -> None:
    """Two slanted strokes: the scale is interrupted here."""
    for middle in (x - 0.06, x + 0.06):
        ends = [middle - 0.05, middle + 0.05], [y - 0.12, y + 0.12]
        fig.add_artist(Line2D(*ends, transform=fig.dpi_scale_trans, color=palette.RULE, lw=2.5, label="cut"))
