"""The specification curve: a result under every combination of choices, and the choices beneath it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kcq_eval.figures import palette, style
from kcq_eval.figures.style import Area, FigureWords

_NAMES, _PARTS = 0.37, 0.85  # the choices' names on the left, a part of the width; inches for their parts on the right
_SCALE = 0.62


@style.conference()
def specification_curve(points: pd.DataFrame, choices: pd.DataFrame, words: FigureWords, *, digits: Callable[[float], str]) -> Figure:
    """Above the result of each combination with its bounds, from the lowest to the highest; beneath it a mark for each alternative chosen.

    Columns of `points`: value, lower, upper (floats), text, chosen (whether it is the run's own), choice_0, choice_1, … (codes). Columns of
    `choices`: choice (number), code, name, label, part (its part of the variance, as text). Terms: chosen, part, unit.
    """
    fig, area = style.frame(words)
    step = min(0.32, 0.7 * area.height / (len(choices) + 0.3 * choices["choice"].nunique()))
    gap = 0.3 * step
    beneath = step * len(choices) + gap * choices["choice"].nunique()
    left, wide = area.left + _NAMES * area.width, (1 - _NAMES) * area.width - _PARTS
    curve = Area(left, area.bottom + beneath + 0.15, wide, area.height - beneath - 0.15)
    _draw_points(fig, curve, points, words, digits)
    _draw_choices(fig, Area(left, area.bottom, wide, beneath), area, points, choices, words, step, gap)
    return fig


def _draw_points(fig: Figure, plot: Area, points: pd.DataFrame, words: FigureWords, digits: Callable[[float], str]) -> None:
    low, high = float(points["lower"].min()), float(points["upper"].max())
    room = max(high - low, abs(high) * 0.02, 1e-9) * 0.18
    ax = plot.axes(fig, (-0.5, len(points) - 0.5), (low - room, high + 2 * room))
    ticks = _ticks(low, high, low - room, high + 2 * room, max(1, min(4, int(plot.height / 0.42))))
    per_unit = plot.height / (high - low + 3 * room)
    for tick in ticks:
        ax.plot([-0.5, len(points) - 0.5], [tick, tick], color=palette.TRACK, linewidth=1.3, zorder=0.5)
        style.write(fig, plot.left - 0.12, plot.bottom + (tick - low + room) * per_unit - 0.07, digits(tick), 14, colour=palette.MUTED, ha="right")
    style.write(fig, plot.left - _SCALE, plot.top - 0.16, words.terms["unit"], 14, colour=palette.MUTED, ha="right")
    size = max(4.0, min(11.0, 72 * plot.width / len(points) * 0.6))
    for place, row in enumerate(points.itertuples(index=False)):
        colour = palette.CURRENT if row.chosen else palette.INK
        ax.plot([place, place], [row.lower, row.upper], color=colour, linewidth=1.6, zorder=2)
        ax.plot([place], [row.value], marker="D" if row.chosen else "o", markersize=size * (1.5 if row.chosen else 1), color=colour, zorder=3, clip_on=False)
    own = next(place for place, row in enumerate(points.itertuples(index=False)) if row.chosen)
    for place, text, weight in [(own, words.terms["chosen"], "bold"), *((end, points["text"].iloc[end], "normal") for end in (0, len(points) - 1))]:
        if place != own or weight == "bold":
            _write_above(fig, plot, points, place, text, weight, own, low - room, per_unit, words)


def _ticks(low: float, high: float, bottom: float, top: float, most: int) -> list[float]:
    """Whole numbers in equal steps, as few as tell a scale from a number that stands alone: three; none where the range has not three."""
    for bins in range(most, most + 4):
        ticks = [tick for tick in MaxNLocator(bins, integer=True).tick_values(low, high) if bottom <= tick <= top]
        if len(ticks) >= 3:
            return ticks
    return []


def _write_above(
    fig: Figure, plot: Area, points: pd.DataFrame, place: int, text: str, weight: str, own: int, bottom: float, per_unit: float,
    words: FigureWords,
) -> None:  # fmt: skip
    """The value over its mark, kept inside the plot; the run's own is never covered by that of an end beside it."""
    width = plot.width / len(points)
    half, own_half = (style.text_width(told, 15, "bold") / 2 for told in (text, words.terms["chosen"]))
    x, own_x = (min(max(plot.left + (n + 0.5) * width, plot.left + h), plot.right - h) for n, h in ((place, half), (own, own_half)))
    near = abs(points["value"].iloc[place] - points["value"].iloc[own]) * per_unit < 0.4
    if place != own and near and abs(x - own_x) < half + own_half:
        return  # the run's own stands there
    y = plot.bottom + (points["upper"].iloc[place] - bottom) * per_unit + (0.2 if place == own else 0.14)
    colour = palette.CURRENT if weight == "bold" else palette.INK
    style.write(fig, x, y, text, 15, weight=weight, colour=colour, ha="center")


def _draw_choices(
    fig: Figure, plot: Area, area: Area, points: pd.DataFrame, choices: pd.DataFrame, words: FigureWords, step: float, gap: float
) -> None:
    ax = plot.axes(fig, (-0.5, len(points) - 0.5), (0, plot.height))
    points_size = min(15.0, step * 72 * 0.78)
    y, before = plot.height, -1
    width = max(1.0, 72 * plot.width / len(points) * 0.72)
    names = 0.44 * _NAMES * area.width
    style.write(fig, area.right, plot.bottom + plot.height + 0.05, words.terms["part"], points_size, colour=palette.MUTED, ha="right")
    for row in choices.itertuples(index=False):
        if row.choice != before:
            y -= gap
            ax.plot([-0.5, len(points) - 0.5], [y + gap / 2, y + gap / 2], color=palette.TRACK, linewidth=1.0, clip_on=False)
            baseline = plot.bottom + y - 0.5 * step - 0.35 * points_size / 72
            lines, size = style.fit(row.name, names - 0.1, points_size, "bold", lines=2, smallest=7.0)
            style.write_lines(fig, area.left, plot.bottom + y - 0.02, lines, size, weight="bold")
            if row.part:
                style.write(fig, area.right, baseline, row.part, points_size, weight="bold", ha="right")
            before = row.choice
        middle = y - 0.5 * step
        lines, size = style.fit(row.label, _NAMES * area.width - names - 0.15, points_size, lines=1, smallest=7.0)
        style.write(fig, area.left + names, plot.bottom + middle - 0.35 * size / 72, lines[0], size)
        places = [place for place, code in enumerate(points[f"choice_{row.choice}"]) if code == row.code]
        ax.plot(places, [middle] * len(places), linestyle="none", marker="|", markersize=step * 72 * 0.62, markeredgewidth=min(width, 10), color=palette.INK)
        y -= step
