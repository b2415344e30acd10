"""Charts of what only a register gives: funding by year, how evenly it is spread, and the register beside the publication.

Like all figures they draw what they are given: places as floats, every word and number as finished text.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from kcq_eval.figures import style
from kcq_eval.figures.style import Area, FigureWords

_STATE, _COUNTERPART = style.CURRENT, "#E69F00"
_VERDICT = {"agrees": style.RISE, "rounding": style.CURRENT, "differs": style.CONFLICT}
_SIGN = {"agrees": "=", "rounding": "≈", "differs": "≠"}


@style.conference()
def register_years(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """One column per year, state funding below and counterpart funding above it.

    Columns: label, state, counterpart (floats), text (the sum), state_text, counterpart_text, role ("baseline" or "current").
    Terms: state, counterpart (names of the two parts).
    """
    fig, area = style.frame(words)
    key = 0.55
    plot = Area(area.left, area.bottom + 0.45, area.width, area.height - 0.45 - key)
    highest = max((rows["state"] + rows["counterpart"]).max(), 1e-9)
    per_unit = (plot.height - 0.5) / highest
    slot = plot.width / len(rows)
    wide = min(1.5, slot * 0.66)
    ax = plot.axes(fig, (0, plot.width), (0, plot.height / per_unit))
    sizes = [style.fit(text, slot - 0.1, 18, "bold")[1] for text in rows["text"]]
    for place, row in enumerate(rows.itertuples(index=False)):
        middle = (place + 0.5) * slot
        faded = 0.55 if row.role == "baseline" else 1.0
        ax.bar(middle, row.state, wide, color=_STATE, alpha=faded, label=f"{row.label} state")
        ax.bar(middle, row.counterpart, wide, bottom=row.state, color=_COUNTERPART, alpha=faded, hatch="//", edgecolor=style.PAPER, label=f"{row.label} counterpart")
        top = plot.bottom + (row.state + row.counterpart) * per_unit + 0.12
        style.write(fig, plot.left + middle, top, row.text, min(sizes), weight="bold", ha="center")
        style.write(fig, plot.left + middle, area.bottom + 0.08, row.label, 20, weight="bold", ha="center")
    ax.plot([0, plot.width], [0, 0], color=style.INK, linewidth=1.5)
    left = area.left
    for colour, hatch, name in ((_STATE, None, words.terms["state"]), (_COUNTERPART, "//", words.terms["counterpart"])):
        box = Area(left, area.top - 0.34, 0.34, 0.24).axes(fig, (0, 1), (0, 1))
        box.bar(0.5, 1, 1, color=colour, hatch=hatch, edgecolor=style.PAPER)
        style.write(fig, left + 0.45, area.top - 0.31, name, 18)
        left += 0.45 + style.text_width(name, 18) + 0.5
    style.write(fig, area.right, area.top - 0.31, words.axis, 17, colour=style.MUTED, ha="right")
    return fig


@style.conference()
def register_spread(curves: pd.DataFrame, quartiles: pd.DataFrame, words: FigureWords) -> Figure:
    """Lorenz curves of funding over facilities, beside the quartiles.

    Columns of `curves`: role ("baseline" or "current"), share_of_facilities, share_of_funding (0 to 1). Columns of `quartiles`:
    label, role, gini, q1, median, q3 (texts). Terms: equal, facilities, funding, gini, q1, median, q3.
    """
    fig, area = style.frame(words)
    side = area.height - 0.55
    plot = Area(area.left + 0.75, area.bottom + 0.5, side, side)
    ax = plot.axes(fig, (0, 1), (0, 1))
    ax.plot([0, 1], [0, 1], color=style.MUTED, linewidth=2, linestyle=(0, (4, 3)), label="equal")
    looks = {"current": (style.CURRENT, "-", 4.0), "baseline": (style.BASELINE, (0, (6, 2)), 3.0)}
    for role, curve in curves.groupby("role", sort=True):
        colour, dashes, width = looks[role]
        ax.plot(curve["share_of_facilities"], curve["share_of_funding"], color=colour, linestyle=dashes, linewidth=width, label=role, clip_on=False)
    ax.plot([0, 1, 1], [0, 0, 1], color=style.INK, linewidth=1.2, clip_on=False)
    for at in (0, 0.25, 0.5, 0.75, 1):
        told = f"{at * 100:.0f}"
        style.write(fig, plot.left + at * side, plot.bottom - 0.24, told, 13, colour=style.MUTED, ha="center")
        style.write(fig, plot.left - 0.1, plot.bottom + at * side - 0.06, told, 13, colour=style.MUTED, ha="right")
    lines, size = style.fit(words.terms["facilities"], side + 0.4, 14)
    style.write(fig, plot.left + side / 2, plot.bottom - 0.48, lines[0], size, colour=style.MUTED, ha="center")
    left = plot.right + 0.7
    width = area.right - left
    top = style.write_lines(fig, left, area.top, *style.fit(words.terms["funding"], width, 15, lines=3), colour=style.MUTED) - 0.2
    heads = [words.terms[name] for name in ("gini", "q1", "median", "q3")]
    step = width / 4
    sizes = [style.fit(text, step - 0.1, 16)[1] for text in heads]
    for place, text in enumerate(heads):
        style.write(fig, left + (place + 1) * step - 0.05, top - 0.75, text, min(sizes), colour=style.MUTED, ha="right")
    values = [text for _, row in quartiles.iterrows() for text in row[["gini", "q1", "median", "q3"]]]
    size = min(style.fit(text, step - 0.1, 22, "bold")[1] for text in values)
    at = top - 1.2
    for _, row in quartiles.iterrows():
        colour, dashes, thick = looks[row["role"]]
        style.write(fig, left, at, row["label"], 20, weight="bold")
        mark = Area(left + style.text_width(row["label"], 20, "bold") + 0.2, at + 0.02, 0.9, 0.16).axes(fig, (0, 1), (0, 1))
        mark.plot([0, 1], [0.5, 0.5], color=colour, linestyle=dashes, linewidth=thick)
        for place, name in enumerate(("gini", "q1", "median", "q3")):
            style.write(fig, left + (place + 1) * step - 0.05, at - 0.42, row[name], size, weight="bold", ha="right")
        at -= 1.15
    style.write_lines(fig, left, at + 0.25, *style.fit(words.terms["equal"], width, 15, lines=3), colour=style.MUTED)
    return fig


@style.conference()
def register_against_publication(rows: pd.DataFrame, words: FigureWords) -> Figure:
    """Each published figure in a line: as printed, what the register gives, and whether the two agree.

    Columns: number, statement, printed, register, told (the verdict as text), verdict ("agrees", "rounding", "differs").
    Terms: claim, printed, register, verdict (heads of the columns), more (how many rows are not shown; may be empty).
    """
    fig, area = style.frame(words)
    more = words.terms.get("more", "")
    if more:
        style.write(fig, area.left, area.bottom, more, 14, colour=style.MUTED)
        area = Area(area.left, area.bottom + 0.3, area.width, area.height - 0.3)
    step = min(0.46, (area.height - 0.45) / len(rows))
    shares = (0.0, 0.52, 0.68, 0.83)
    lefts = [area.left + share * area.width for share in shares]
    widths = [(b - a) * area.width - 0.15 for a, b in zip(shares, (*shares[1:], 1.0))]
    for left, name in zip(lefts, ("claim", "printed", "register", "verdict")):
        style.write(fig, left, area.top - 0.2, words.terms[name], 14, weight="bold", colour=style.MUTED)
    claims, size = style.fit_alike([f"{row.number} {row.statement}" for row in rows.itertuples()], widths[0], min(14.0, step * 72 / 2.5), lines=2, smallest=6.0)
    told = [[row.printed, row.register, f"{_SIGN[row.verdict]} {row.told}"] for row in rows.itertuples(index=False)]
    sizes = [style.fit_alike(column, width, min(14.0, step * 72 / 2.5), "bold", lines=2, smallest=6.0)[1] for column, width in zip(zip(*told), widths[1:])]
    for place, (row, claim, cells) in enumerate(zip(rows.itertuples(index=False), claims, told)):
        top = area.top - 0.45 - place * step
        colour = _VERDICT[row.verdict]
        ground = Area(area.left - 0.1, top - step, area.width + 0.2, step).axes(fig, (0, 1), (0, 1))
        if row.verdict == "differs":
            ground.axhspan(0, 1, color=style.CONFLICT_TINT, zorder=0)
        ground.plot([0, 1], [0, 0], color=style.TRACK, linewidth=1)
        _write_cell(fig, lefts[0], top, step, claim, size)
        for cell, left, width, points in zip(cells[:-1], lefts[1:], widths[1:], sizes):
            _write_cell(fig, left, top, step, style.wrap(cell, width, points), points)
        _write_cell(fig, lefts[-1], top, step, style.wrap(cells[-1], widths[-1], sizes[-1], "bold"), sizes[-1], weight="bold", colour=colour)
    return fig


def _write_cell(fig: Figure, left: float, top: float, step: float, lines: list[str], points: float, **look: str) -> None:
    """Lines in the middle of a row that is `step` high."""
    style.write_lines(fig, left, top - (step - len(lines) * style.line_height(points)) / 2 - 0.01, lines, points, **look)
