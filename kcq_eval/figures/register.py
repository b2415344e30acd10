"""Charts of what only a register gives: funding by year, how evenly it is spread, and the register beside the publication.

Like all figures they draw what they are given: places as floats, every word and number as finished text.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kcq_eval.figures import palette, style
from kcq_eval.figures.style import Area, FigureWords

_VERDICT = {"agrees": palette.MUTED, "rounding": palette.CURRENT, "differs": palette.CONFLICT}
_SIGN = {"agrees": "=", "rounding": "≈", "differs": "≠"}
_SMALLEST_INSIDE_PT = 9.0  # of the parts' numbers; where columns are narrower only the sums are written
_OF_PERIOD = {"baseline": palette.BASELINE, "current": palette.CURRENT}


@style.conference()
def register_years(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """One column per year in the colour of its period: state funding below, counterpart funding paler above it.

    Columns: label, state, counterpart (floats), text (the sum), state_text, counterpart_text, role ("baseline" or "current").
    Terms: state, counterpart (names of the two parts, written beside the last column).
    """
    fig, area = style.frame(words)
    names, size = style.fit_alike([words.terms["state"], words.terms["counterpart"]], 1.75, 17, "bold", lines=3, smallest=9)
    beside = max(style.text_width(line, size, "bold") for lines in names for line in lines) + 0.25
    plot = Area(area.left, area.bottom + 0.42, area.width - beside, area.height - 0.42)
    highest = max((rows["state"] + rows["counterpart"]).max(), 1e-9)
    per_unit = (plot.height - 0.7) / highest
    slot = plot.width / len(rows)
    wide = min(1.5, slot * 0.72)
    ax = plot.axes(fig, (0, plot.width), (0, plot.height / per_unit))
    points, years = (min(style.fit(text, slot - 0.06, 20, "bold", smallest=3)[1] for text in rows[column]) for column in ("text", "label"))
    longest = max(style.text_width(text, 15) for column in ("state_text", "counterpart_text") for text in rows[column])
    inside = 15 * min(1.0, (wide - 0.08) / longest)
    for place, row in enumerate(rows.itertuples(index=False)):
        middle = (place + 0.5) * slot
        colour = _OF_PERIOD[row.role]
        ax.bar(middle, row.state, wide, color=colour, label=f"{row.label} state")
        ax.bar(middle, row.counterpart, wide, bottom=row.state, color=palette.tint(colour, 0.62), label=f"{row.label} counterpart")
        x, low, high = plot.left + middle, plot.bottom + row.state * per_unit, plot.bottom + (row.state + row.counterpart) * per_unit
        style.write(fig, x, high + 0.1, row.text, points, weight="bold", ha="center")
        if place == 0 or row.role != rows["role"].iloc[place - 1]:
            style.write(fig, x, high + 0.12 + 1.25 * points / 72, words.axis, 13, colour=palette.MUTED, ha="center")
        if inside >= _SMALLEST_INSIDE_PT:
            _write_parts(fig, x, plot.bottom, low, high, row, inside)
        style.write(fig, x, area.bottom + 0.08, row.label, years, weight="bold", ha="center")
    ax.plot([0, plot.width], [0, 0], color=palette.INK, linewidth=1.5)
    last = rows.iloc[-1]
    low, high = plot.bottom + last["state"] * per_unit, plot.bottom + (last["state"] + last["counterpart"]) * per_unit
    _write_part_names(fig, plot.right + 0.1, (plot.bottom + low) / 2, (low + high) / 2, names, size)
    return fig


def _write_parts(fig: Figure, x: float, ground: float, low: float, high: float, row: tuple, points: float) -> None:
    """The two parts' numbers inside the column; the state's stands on the counterpart's ground where its own is too low."""
    tall = 1.25 * points / 72
    free = low
    if low - ground > tall:
        white = palette.grey(_OF_PERIOD[row.role]) < 0.5
        style.write(fig, x, (ground + low) / 2 - 0.36 * points / 72, row.state_text, points, colour=palette.PAPER if white else palette.INK, ha="center")
    elif high - low > 2 * tall:
        style.write(fig, x, low + 0.25 * points / 72, row.state_text, points, ha="center")
        free = low + tall
    if high - free > tall:
        style.write(fig, x, max((low + high) / 2, free + tall / 2) - 0.36 * points / 72, row.counterpart_text, points, ha="center")


def _write_part_names(fig: Figure, left: float, state: float, counterpart: float, names: list[list[str]], points: float) -> None:
    """Beside the last column, each at the height of its part, or as near as the other leaves room."""
    heights = [len(lines) * style.line_height(points) for lines in names]
    tops = [max(state, heights[0] / 2 - 0.1) + heights[0] / 2]
    tops.append(max(counterpart + heights[1] / 2, tops[0] + heights[1] + 0.08))
    for top, lines in zip(tops, names, strict=True):
        style.write_lines(fig, left, top, lines, points, weight="bold")


@style.conference()
def register_spread(curves: pd.DataFrame, quartiles: pd.DataFrame, words: FigureWords) -> Figure:
    """Lorenz curves of funding over facilities, each with its period's name, beside the quartiles.

    Columns of `curves`: role ("baseline" or "current"), share_of_facilities, share_of_funding (0 to 1). Columns of `quartiles`:
    label, role, gini, q1, median, q3 (texts). Terms: equal, facilities, funding, gini, q1, median, q3.
    """
    fig, area = style.frame(words)
    side = area.height - 0.85
    plot = Area(area.left + 0.5, area.bottom + 0.5, side, side)
    ax = plot.axes(fig, (0, 1), (0, 1))
    ax.plot([0, 1], [0, 1], color=palette.MUTED, linewidth=2, linestyle=(0, (4, 3)), label="equal")
    looks = {"current": (palette.CURRENT, "-", 4.5), "baseline": (palette.BASELINE, (0, (5, 1.5)), 4.0)}
    for role, curve in curves.groupby("role", sort=True):
        colour, dashes, width = looks[role]
        ax.plot(curve["share_of_facilities"], curve["share_of_funding"], color=colour, linestyle=dashes, linewidth=width, label=role, clip_on=False)
    ax.plot([0, 1, 1], [0, 0, 1], color=palette.INK, linewidth=1.2, clip_on=False)
    for at in (0, 0.25, 0.5, 0.75, 1):
        told = f"{at * 100:.0f}"
        style.write(fig, plot.left + at * side, plot.bottom - 0.22, told, 13, colour=palette.MUTED, ha="center")
        style.write(fig, plot.left - 0.08, plot.bottom + at * side - 0.06, told, 13, colour=palette.MUTED, ha="right")
    lines, size = style.fit(words.terms["facilities"], side + 0.5, 14)
    style.write(fig, plot.left + side / 2, plot.bottom - 0.46, lines[0], size, colour=palette.MUTED, ha="center")
    lines, size = style.fit(words.terms["funding"], side + 0.5, 14)
    style.write(fig, area.left, plot.top + 0.16, lines[0], size, colour=palette.MUTED)
    _name_curves(fig, ax, plot, curves, quartiles, words)
    _write_quartiles(fig, Area(plot.right + 0.55, area.bottom, area.right - plot.right - 0.55, area.height), quartiles, words)
    return fig


def _name_curves(fig: Figure, ax: Axes, plot: Area, curves: pd.DataFrame, quartiles: pd.DataFrame, words: FigureWords) -> None:
    """The lower curve is named below it, the upper one and the line of equal shares above that line, with leaders."""
    at = {role: curve.set_index("share_of_facilities")["share_of_funding"] for role, curve in curves.groupby("role", sort=True)}
    upward = sorted(quartiles["role"], key=lambda role: float(at[role].sum()))
    labels = dict(zip(quartiles["role"], quartiles["label"], strict=True))
    lines, size = style.fit(words.terms["equal"], 0.55 * plot.width, 13, lines=3, smallest=9)
    style.write_lines(fig, plot.left + 0.1, plot.top - 0.1, lines, size, colour=palette.MUTED)
    places = {upward[0]: (0.96, 0.1, "right", 0.8)}
    if len(upward) > 1:
        places[upward[1]] = (0.04, 0.62, "left", 0.6)
    for role, (x, y, ha, share) in places.items():
        curve = at[role]
        nearest = min(curve.index, key=lambda point: abs(point - share))
        style.write(fig, plot.left + x * plot.width, plot.bottom + y * plot.height, labels[role], 18, weight="bold", ha=ha)
        wide = style.text_width(labels[role], 18, "bold") / plot.width
        start = (x - wide / 2, y + 0.075) if ha == "right" else (x + wide / 2, y - 0.02)
        ax.plot([start[0], nearest], [start[1], curve[nearest]], color=palette.INK, linewidth=1.3, label="leader")
        ax.plot([nearest], [curve[nearest]], "o", ms=6, color=palette.INK, zorder=4)


def _write_quartiles(fig: Figure, area: Area, quartiles: pd.DataFrame, words: FigureWords) -> None:
    """A line for each measure, a column for each period, the earlier first."""
    columns = quartiles.iloc[::-1]
    first = 0.4 * area.width if len(columns) > 1 else 0.6 * area.width
    step = (area.width - first) / len(columns)
    measures = ("gini", "q1", "median", "q3")
    heads, points = style.fit_alike([words.terms[name] for name in measures], first - 0.1, 17, lines=3, smallest=9)
    size = min(style.fit(row[name], step - 0.12, 24, "bold", smallest=9)[1] for _, row in columns.iterrows() for name in measures)
    period = min(style.fit(label, step - 0.12, 17, "bold", smallest=9)[1] for label in columns["label"])
    band = (area.height - 0.5) / len(measures)
    for place, (_, row) in enumerate(columns.iterrows(), start=1):
        right = area.left + first + place * step
        style.write(fig, right, area.top - 0.3, row["label"], period, weight="bold", ha="right")
        for line, name in enumerate(measures):
            style.write(fig, right, area.top - 0.5 - (line + 0.5) * band - 0.36 * size / 72, row[name], size, weight="bold", ha="right")
    for line, lines in enumerate(heads):
        middle = area.top - 0.5 - (line + 0.5) * band
        style.write_lines(fig, area.left, middle + len(lines) * style.line_height(points) / 2, lines, points, colour=palette.MUTED)
        style.rule(fig, area.left, area.right, middle + band / 2)


@style.conference()
def register_against_publication(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """Each published figure in a line: as printed, what the register gives, and whether the two agree.

    Columns: number, statement, printed, register, told (the verdict as text), verdict ("agrees", "rounding", "differs").
    Terms: claim, printed, register, verdict (heads of the columns), more (how many rows are not shown; may be empty).
    """
    fig, area = style.frame(words)
    more = words.terms.get("more", "")
    if more:
        style.write(fig, area.left, area.bottom, more, 13, colour=palette.MUTED)
        area = Area(area.left, area.bottom + 0.27, area.width, area.height - 0.27)
    head = 0.38
    step = min(0.56, (area.height - head) / len(rows))
    largest = min(15.0, step * 72 / 2.7)
    told = [[row.printed, row.register, f"{_SIGN[row.verdict]} {row.told}"] for row in rows.itertuples(index=False)]
    widths = _column_widths(told, area.width, largest)
    lefts = [area.left + sum(widths[:place]) for place in range(len(widths))]
    widths = [width - 0.15 for width in widths]
    names = ("claim", "printed", "register", "verdict")
    points = min(style.fit(words.terms[name], width, 15, "bold", smallest=9)[1] for name, width in zip(names, widths, strict=True))
    for left, name in zip(lefts, names, strict=True):
        style.write(fig, left, area.top - 0.2, words.terms[name], points, weight="bold", colour=palette.MUTED)
    claims, size = style.fit_alike([f"{row.number} {row.statement}" for row in rows.itertuples()], widths[0], largest, lines=2, smallest=6.0)
    columns = list(zip(zip(*told, strict=True), widths[1:], strict=True))
    sizes = [style.fit_alike(column, width, largest, "bold", lines=2, smallest=6.0)[1] for column, width in columns]
    for place, (row, claim, cells) in enumerate(zip(rows.itertuples(index=False), claims, told, strict=True)):
        top = area.top - head - place * step
        ground = Area(area.left - 0.1, top - step, area.width + 0.2, step).axes(fig, (0, 1), (0, 1))
        if row.verdict == "differs":
            ground.axhspan(0, 1, color=palette.CONFLICT_TINT, zorder=0)
        ground.plot([0, 1], [0, 0], color=palette.TRACK, linewidth=1)
        _write_cell(fig, lefts[0], top, step, claim, size)
        for cell, left, width, points in zip(cells, lefts[1:], widths[1:], sizes, strict=True):
            look = {"weight": "bold", "colour": _VERDICT[row.verdict]} if left == lefts[-1] else {}
            _write_cell(fig, left, top, step, style.wrap(cell, width, points, look.get("weight", "normal")), points, **look)
    return fig


def _column_widths(told: list[list[str]], width: float, points: float) -> list[float]:
    """As much for each column of values as its longest piece needs that cannot be broken; the statements take the rest."""
    pieces = [[piece for cell in column for piece in cell.split(" ")] for column in zip(*told, strict=True)]
    needed = [max(1.3, *(style.text_width(piece, points, "bold") + 0.3 for piece in column)) for column in pieces]
    factor = min(1.0, 0.6 * width / sum(needed))
    return [width - factor * sum(needed), *(factor * one for one in needed)]


def _write_cell(fig: Figure, left: float, top: float, step: float, lines: list[str], points: float, **look: str) -> None:
    """Lines in the middle of a row that is `step` high."""
    style.write_lines(fig, left, top - (step - len(lines) * style.line_height(points)) / 2 - 0.01, lines, points, **look)
