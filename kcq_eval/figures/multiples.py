"""Small multiples: the same columns over more than two periods, once for each thing, those of one unit on one scale."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kcq_eval.figures import palette, style
from kcq_eval.figures.style import Area, FigureWords

_GAP, _HEAD, _FOOT, _ROOM = 0.4, 0.44, 0.27, 0.3  # between panels; a panel's name; its periods; the number on a column
_NARROWEST = 0.43  # of a column with its number
_HATCH_BASELINE = "//"
MOST_PANELS = 9


@style.conference()
def small_multiples(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """A panel for each code with a column for each period; the highest column of a unit sets the scale of all its panels.

    Columns: code, label (of the panel), period (text below a column), role ("baseline", "current" or ""), value, lower, upper,
    text, scale where there are several units (its name), and colour where the code has its own: then the period evaluated is solid and the others are pale and hatched;
    without one a column has its period's colour. A missing value has its text and no column. The unit is the
    subtitle's to name.
    """
    fig, area = style.frame(words)
    codes, periods = list(dict.fromkeys(rows["code"])), list(dict.fromkeys(rows["period"]))
    across = _across(len(codes), len(periods), area)
    down = math.ceil(len(codes) / across)
    width, height = (area.width - (across - 1) * _GAP) / across, area.height / down
    slot = width / len(periods)
    names, name_size = style.fit_alike([rows[rows["code"] == code].iloc[0]["label"] for code in codes], width, 18, "bold", lines=1, smallest=8)
    size = min(style.fit(text, slot - 0.02, 17, "bold", smallest=6)[1] for text in rows["text"])
    below = min(style.fit(text, slot - 0.02, 14, smallest=6)[1] for text in periods)
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


def _across(panels: int, periods: int, area: Area) -> int:
    """How many panels stand beside each other: as many as leave each column room for its number, in rows of like length."""
    most = max(1, int((area.width + _GAP) / (periods * _NARROWEST + _GAP)))
    rows = math.ceil(panels / most)
    return math.ceil(panels / rows)


def _highest(rows: pd.DataFrame, of_code: pd.DataFrame) -> float:
    """How far the columns and bounds of all panels with this one's unit reach."""
    same = rows[rows["scale"] == of_code["scale"].iloc[0]] if "scale" in rows else rows
    return max((end for end in (*same["value"], *same["upper"]) if not math.isnan(end)), default=0.0) or 1.0


def _look(row: pd.Series) -> dict[str, object]:
    own = row.get("colour", "")
    if not own:
        return {"color": palette.CURRENT if row["role"] == "current" else palette.BASELINE}
    if row["role"] == "current":
        return {"color": own}
    return {"facecolor": palette.tint(own), "edgecolor": own, "hatch": _HATCH_BASELINE, "linewidth": 1.2}
