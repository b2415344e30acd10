"""Small multiples: the same columns over more than two periods, once for each thing, on one scale where they are of one kind."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kcq_eval.figures import palette, style
from kcq_eval.figures.style import Area, FigureWords

_GAP, _HEAD, _FOOT, _ROOM = 0.3, 0.44, 0.27, 0.3  # between panels; a panel's name; its periods; the number on a column
_HATCH_BASELINE = "//"
_SMALLEST_PT, _MOST_DOWN = 11.0, 3


@style.conference()
def small_multiples(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """A panel for each code with a column for each period; the highest column sets the scale of all panels.

    Columns: code, label (of the panel), period (text below a column), role ("baseline", "current" or ""), value, lower, upper,
    text, scale where not all share one (its name), and colour where the code has its own: then the period evaluated is solid
    and the others are pale and hatched; without one a column has its period's colour. A missing value has its text and no
    column. The unit is the subtitle's to name.
    """
    fig, area = style.frame(words)
    codes, periods = list(dict.fromkeys(rows["code"])), list(dict.fromkeys(rows["period"]))
    across = _across(rows, area.width)
    down = math.ceil(len(codes) / across)
    width, height = (area.width - (across - 1) * _GAP) / across, area.height / down
    slot = width / len(periods)
    names, name_size = style.fit_alike([rows[rows["code"] == code].iloc[0]["label"] for code in codes], width, 18, "bold", lines=1, smallest=8)
    size = min(style.fit(text, slot - 0.02, 17, "bold", smallest=6)[1] for text in rows["text"])
    below = min(style.fit(text, slot - 0.07, 14, smallest=6)[1] for text in periods)
    for number, code in enumerate(codes):
        left, top = area.left + number % across * (width + _GAP), area.top - number // across * height
        style.write(fig, left, top - 0.24, names[number][0], name_size, weight="bold")
        of_code = rows[rows["code"] == code]
        per_unit = (height - _HEAD - _FOOT - _ROOM - 0.1) / _highest(rows, of_code)
        plot = Area(left, top - height + _FOOT + 0.1, width, height - _HEAD - _FOOT - 0.1)
        ax = plot.axes(fig, (0, width), (0, plot.height / per_unit))
        for _, row in of_code.iterrows():
            at = (periods.index(row["period"]) + 0.5) * slot
            reach = 0.0
            if not math.isnan(row["value"]):
                ax.add_artist(Rectangle((at - 0.36 * slot, 0), 0.72 * slot, row["value"], label=row["role"] or "other", **_look(row)))
                reach = row["value"]
            if style.bounds_show(row["lower"], row["upper"], per_unit):
                ax.plot([at, at], [row["lower"], row["upper"]], color=palette.INK, lw=2, marker="_", ms=10, mew=2, label="bounds", zorder=4)
                reach = max(reach, row["upper"])
            x = plot.left + at
            style.write(fig, x, plot.bottom + reach * per_unit + 0.07, row["text"], size, weight="bold", ha="center")
            style.write(fig, x, plot.bottom - 0.21, row["period"], below, colour=palette.MUTED, ha="center")
        ax.plot([0, width], [0, 0], color=palette.INK, lw=1.4, clip_on=False)
    return fig


def has_room(rows: pd.DataFrame) -> bool:
    """Whether so many panels of so many columns can be read on every page."""
    narrowest = min(page.width - 2 * page.margin for page in style.PAGES)
    return math.ceil(rows["code"].nunique() / _across(rows, narrowest)) <= _MOST_DOWN and _slot(rows) * rows["period"].nunique() <= narrowest


def _across(rows: pd.DataFrame, width: float) -> int:
    """How many panels stand beside each other: as many as leave each column room for its texts, in rows of like length."""
    panels = rows["code"].nunique()
    most = max(1, int((width + _GAP) / (rows["period"].nunique() * _slot(rows) + _GAP)))
    return math.ceil(panels / math.ceil(panels / most))


def _slot(rows: pd.DataFrame) -> float:
    """The width that a column needs with its number above and its period below."""
    above = max(style.text_width(text, _SMALLEST_PT, "bold") for text in rows["text"]) + 0.02
    return max(above, max(style.text_width(text, _SMALLEST_PT) for text in rows["period"]) + 0.07)


def _highest(rows: pd.DataFrame, of_code: pd.DataFrame) -> float:
    """How far the columns and bounds of all panels with this one's scale reach."""
    same = rows[rows["scale"] == of_code["scale"].iloc[0]] if "scale" in rows else rows
    return max((end for end in (*same["value"], *same["upper"]) if not math.isnan(end)), default=0.0) or 1.0


def _look(row: pd.Series) -> dict[str, object]:
    own = row.get("colour", "")
    if not own:
        return {"color": palette.CURRENT if row["role"] == "current" else palette.BASELINE}
    if row["role"] == "current":
        return {"color": own}
    return {"facecolor": palette.tint(own), "edgecolor": own, "hatch": _HATCH_BASELINE, "linewidth": 1.2}
