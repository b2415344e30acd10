"""Published figures as nodes of a grid, with what binds them: one row per quantity, one column per period."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from kcq_eval.figures import palette, style
from kcq_eval.figures.style import Area, FigureWords

LOCATED, DETECTED, UNCHECKED, UNDECIDED = STATES = ("located", "detected", "unchecked", "undecided")
COLUMNS = ("before_share", "before", "change", "now", "now_share")

_LOOKS = {  # shape and colour both tell the state
    LOCATED: {"facecolor": palette.CURRENT, "edgecolor": palette.CURRENT, "linewidth": 1.8},
    DETECTED: {"facecolor": palette.DETECTED, "edgecolor": palette.CURRENT, "linewidth": 1.8},
    UNCHECKED: {"facecolor": palette.CONFLICT_TINT, "edgecolor": palette.CONFLICT, "linewidth": 1.8, "linestyle": (0, (3, 1.6))},
    UNDECIDED: {"facecolor": palette.TRACK, "edgecolor": palette.MUTED, "linewidth": 1.8, "linestyle": (0, (1, 1.4)), "hatch": "..."},
}
_LARGEST_PT, _SMALLEST_PT = 13.5, 11.0
_GAP_IN, _LANE_IN, _COLUMN_GAP_IN = 0.12, 0.24, 0.2
_LABELS_IN, _LABELS_NARROW_IN = 4.4, 3.4  # of the rows' names, and where the page is narrow
_NARROW_IN = 11.0
_SMALLEST_LABEL_PT = 8.0
_HEAD_IN, _LEGEND_IN = 0.5, 0.32  # heads of the columns; a line of the legend


@dataclass(frozen=True)
class Cell:
    """A quantity's place: a row, and a column of COLUMNS."""

    row: int
    column: str


@dataclass(frozen=True)
class Rule:
    """A rule that binds the quantities of several rows; `sign` is drawn on its joint."""

    cells: tuple[Cell, ...]
    sign: str


@style.conference()
def checkability_map(nodes: pd.DataFrame, rows: pd.DataFrame, rules: list[Rule], words: FigureWords) -> Figure | None:
    """Every figure in its quantity's row and period's column, by state, with the figures and rules that bind them.

    `nodes`: row, column (of COLUMNS), label, state (of STATES), whole_row (of a share's whole; -1 otherwise). `rows`: group
    (a heading, told once), label. Terms: a state's words for each of STATES, a heading for each of COLUMNS. None where so
    many figures cannot be read in one picture.
    """
    fig, area = style.frame(words)
    area = _legend(fig, area, nodes, words)
    size = next((s for s in _sizes() if _fits(nodes, rules, area, s)), None)
    if size is None:
        return None
    grid = _grid(nodes, rules, area, len(rows), size)
    ax = area.axes(fig, (area.left, area.right), (area.bottom, area.top))
    _row_labels(fig, grid, rows)
    narrowest = min(right - left for left, right in grid.columns.values())
    heads, points = style.fit_alike([words.terms.get(column, "") for column in grid.columns], narrowest + 2 * _COLUMN_GAP_IN, 15, "bold", lines=1, smallest=8)
    for column, (head,) in zip(grid.columns, heads, strict=True):
        style.write(fig, grid.centre(column), grid.top + 0.1, head, points, weight="bold", ha="center")
    boxes = _boxes(nodes, grid)
    _draw_links(ax, nodes, boxes, grid)
    _draw_rules(fig, ax, rules, nodes, boxes, grid)
    for (_, node), box in zip(nodes.iterrows(), boxes, strict=True):
        _draw_box(fig, ax, box, node["label"], node["state"], size)
    return fig


@style.conference()
def checkability_summary(counts: pd.DataFrame, words: FigureWords) -> Figure:
    """How many figures of each measure are in each state: one bar for a measure.

    Columns: label, one column of counts for each of STATES, and `<state>_text` for each. Terms as in `checkability_map`.
    """
    fig, area = style.frame(words)
    area = _legend(fig, area, counts, words)
    beside = _labels(area) - 0.2
    plot = Area(area.left + beside, area.bottom, area.width - beside, area.height - 0.2)
    band = plot.height / len(counts)
    most = max(sum(row[state] for state in STATES) for _, row in counts.iterrows())
    per_unit = plot.width / most
    ax = plot.axes(fig, (plot.left, plot.right), (plot.bottom, plot.top))
    labels, size = style.fit_alike(counts["label"], beside - 0.25, min(18.0, 0.4 * band * 72), lines=1, smallest=7)
    for number, (_, row) in enumerate(counts.iterrows()):
        middle = plot.top - (number + 0.5) * band
        style.write(fig, area.left, middle - 0.36 * size / 72, labels[number][0], size)
        left = plot.left
        for state in STATES:
            width = row[state] * per_unit
            if not width:
                continue
            ax.add_artist(Rectangle((left, middle - 0.32 * band), width, 0.64 * band, label=state, **_LOOKS[state]))
            text = row[f"{state}_text"]
            points = min(18.0, 0.45 * band * 72)
            if style.text_width(text, points, "bold") < width - 0.06:
                colour = palette.PAPER if state == LOCATED else palette.INK
                style.write(fig, left + width / 2, middle - 0.36 * points / 72, text, points, weight="bold", colour=colour, ha="center")
            left += width
    return fig


# ---------------------------------------------------------------- places


@dataclass(frozen=True)
class _Grid:
    """Where rows and columns are, in inches; `lanes` is the x of the joint of each rule, `size` the type's points."""

    left: float
    labels: float
    top: float
    band: float
    size: float
    columns: dict[str, tuple[float, float]]
    lanes: list[float]

    def middle(self, row: int) -> float:
        return self.top - (row + 0.5) * self.band

    def centre(self, column: str) -> float:
        return sum(self.columns[column]) / 2


@dataclass(frozen=True)
class _Box:
    left: float
    right: float
    middle: float
    height: float


def _sizes() -> list[float]:
    return [_LARGEST_PT - 0.5 * n for n in range(int((_LARGEST_PT - _SMALLEST_PT) * 2) + 1)]


def _width(label: str, size: float) -> float:
    return style.text_width(label, size, "bold") + 0.95 * size / 72


def _needed(nodes: pd.DataFrame, size: float) -> dict[str, float]:
    """Width of each column that is used, in the order of COLUMNS."""
    found = {}
    for column in COLUMNS:
        cells = nodes[nodes["column"] == column].groupby("row")["label"]
        if len(cells) or column in ("before", "now"):
            found[column] = max((sum(_width(label, size) + _GAP_IN for label in of_cell) - _GAP_IN for _, of_cell in cells), default=0.4)
    return found


def _lanes(rules: list[Rule]) -> list[tuple[str, int]]:
    """Beside which column each rule's joint stands (left of the period before, right of the period now), and in which lane.

    Rules whose rows do not overlap share a lane.
    """
    taken: dict[tuple[str, int], list[tuple[int, int]]] = {}
    found = []
    for rule in rules:
        side = "before" if rule.cells[0].column == "before" else "now"
        first, last = rule.cells[0].row, rule.cells[-1].row
        lane = 0
        while any(first <= end and start <= last for start, end in taken.get((side, lane), [])):
            lane += 1
        taken.setdefault((side, lane), []).append((first, last))
        found.append((side, lane))
    return found


def _labels(area: Area) -> float:
    return _LABELS_IN if area.width > _NARROW_IN else _LABELS_NARROW_IN


def _fixed(nodes: pd.DataFrame, rules: list[Rule], area: Area, size: float) -> float:
    columns = len(_needed(nodes, size))
    return _labels(area) + len(set(_lanes(rules))) * _LANE_IN + (columns - 1) * _COLUMN_GAP_IN


def _fits(nodes: pd.DataFrame, rules: list[Rule], area: Area, size: float) -> bool:
    rows = max(nodes["row"]) + 1
    low = (area.height - _HEAD_IN) / rows < 1.6 * size / 72
    return not low and _fixed(nodes, rules, area, size) + sum(_needed(nodes, size).values()) <= area.width


def _grid(nodes: pd.DataFrame, rules: list[Rule], area: Area, rows: int, size: float) -> _Grid:
    needed, sides = _needed(nodes, size), _lanes(rules)
    spare = (area.width - _fixed(nodes, rules, area, size) - sum(needed.values())) / len(needed)
    spare = min(spare, 0.7)
    x = area.left + _labels(area)
    columns: dict[str, tuple[float, float]] = {}
    at: dict[tuple[str, int], float] = {}
    for column, wide in needed.items():
        mine = sorted({lane for side, lane in sides if side == column})
        if column == "before":
            for lane in reversed(mine):
                at[column, lane] = x + 0.3 * _LANE_IN
                x += _LANE_IN
        columns[column] = (x, x + wide + spare)
        x += wide + spare
        if column == "now":
            for lane in mine:
                at[column, lane] = x + 0.7 * _LANE_IN
                x += _LANE_IN
        x += _COLUMN_GAP_IN
    lanes = [at[place] for place in sides]
    top = area.top - _HEAD_IN
    return _Grid(area.left, _labels(area), top, (top - area.bottom) / rows, size, columns, lanes)


def _boxes(nodes: pd.DataFrame, grid: _Grid) -> list[_Box]:
    """The figures of one cell stand beside each other, in the middle of their column."""
    widths = [_width(label, grid.size) for label in nodes["label"]]
    cells: dict[tuple[int, str], list[int]] = {}
    for number, (row, column) in enumerate(zip(nodes["row"], nodes["column"], strict=True)):
        cells.setdefault((row, column), []).append(number)
    found: dict[int, _Box] = {}
    for (row, column), members in cells.items():
        left = grid.centre(column) - (sum(widths[n] for n in members) + _GAP_IN * (len(members) - 1)) / 2
        for n in members:
            found[n] = _Box(left, left + widths[n], grid.middle(row), 1.42 * grid.size / 72)
            left += widths[n] + _GAP_IN
    return [found[n] for n in range(len(widths))]


# ---------------------------------------------------------------- drawing


def _legend(fig: Figure, area: Area, nodes: pd.DataFrame, words: FigureWords) -> Area:
    """One mark and its words for each state that occurs, in as many lines as they need; returns the area below."""
    occurs = [s for s in STATES if (s in nodes and nodes[s].sum()) or ("state" in nodes and (nodes["state"] == s).any())]
    told = {state: words.terms.get(state, state) for state in occurs}
    mark, gap, size = 0.5, 0.35, min(15.0, *(style.fit(text, area.width - 0.7, 15.0, smallest=8)[1] for text in told.values()))
    ax = area.axes(fig, (area.left, area.right), (area.bottom, area.top))
    x, middle = area.left, area.top - 0.16
    for state, text in told.items():
        wide = mark + 0.12 + style.text_width(text, size)
        if x > area.left and x + wide > area.right:
            x, middle = area.left, middle - _LEGEND_IN
        _draw_box(fig, ax, _Box(x, x + mark, middle, 0.24), "", state, size)
        style.write(fig, x + mark + 0.12, middle - 0.36 * size / 72, text, size)
        x += wide + gap
    return Area(area.left, area.bottom, area.width, middle - 0.16 - area.bottom)


def _row_labels(fig: Figure, grid: _Grid, rows: pd.DataFrame) -> None:
    """A group's heading at the left of its rows, one line for a row; each row's own label at the right, against the grid."""
    groups, labels = list(rows["group"]), list(rows["label"])
    starts = [n for n, group in enumerate(groups) if n == 0 or groups[n - 1] != group]
    spans = list(zip(starts, [*starts[1:], len(groups)], strict=True))
    size = min(12.5, 0.7 * grid.band * 72)
    while size > _SMALLEST_LABEL_PT and not all(_heading(groups[start], labels[start:end], size, grid.labels) for start, end in spans):
        size -= 0.25
    for start, end in spans:
        line = {"transform": fig.dpi_scale_trans, "color": palette.RULE, "linewidth": 0, "zorder": 0.4}
        fig.add_artist(Rectangle((grid.left, grid.top - start * grid.band - 0.005), fig.get_figwidth() - 2 * grid.left, 0.01, **line))
        for number, text in enumerate(_heading(groups[start], labels[start:end], size, grid.labels) or [groups[start]], start):
            style.write(fig, grid.left, grid.middle(number) - 0.36 * size / 72, text, size, weight="bold")
    for number, label in enumerate(labels):
        level = grid.middle(number) - 0.36 * size / 72
        style.write(fig, grid.left + grid.labels - 0.1, level, label, size, colour=palette.MUTED, ha="right")


def _heading(group: str, labels: list[str], size: float, room_for_both: float) -> list[str] | None:
    """The heading in no more lines than the group has rows, beside their labels; None if there is no room."""
    for count in range(1, len(labels) + 1):
        room = room_for_both - 0.35 - max(style.text_width(label, size) for label in labels[:count])
        lines = style.wrap(group, max(room, 0.1), size, "bold")
        if len(lines) <= count and all(style.text_width(line, size, "bold") <= room for line in lines):
            return lines if max(style.text_width(label, size) for label in labels) <= room_for_both - 0.1 else None
    return None


def _draw_links(ax: Axes, nodes: pd.DataFrame, boxes: list[_Box], grid: _Grid) -> None:
    """Lines to the quantities that a figure compares, and between figures that state the same quantity."""
    look = {"color": palette.MUTED, "lw": 1.6, "zorder": 1}
    for (row, column), _ in nodes.groupby(["row", "column"]):
        beside = [box for box, r, c in zip(boxes, nodes["row"], nodes["column"], strict=True) if (r, c) == (row, column)]
        ax.plot([beside[0].left, beside[-1].right], [grid.middle(row)] * 2, **look)
    for (_, node), box in zip(nodes.iterrows(), boxes, strict=True):
        ends = {"change": ("before", "now") if node["whole_row"] == node["row"] else (), "before_share": ("before",), "now_share": ("now",)}
        for column in ends.get(node["column"], ()):
            _to_quantity(ax, nodes, boxes, grid, box, node["row"], column, look)
            if node["column"] != "change" and node["whole_row"] >= 0:
                right = node["column"] == "now_share"
                x = box.left + 0.12 if right else box.right - 0.12
                level = grid.middle(node["whole_row"])
                ax.plot([x, x], [box.middle, level], **look)
                _to_quantity(ax, nodes, boxes, grid, _Box(x, x, level, 0), node["whole_row"], column, look)


def _to_quantity(ax: Axes, nodes: pd.DataFrame, boxes: list[_Box], grid: _Grid, box: _Box, row: int, column: str, look: dict) -> None:
    """A line along the row from a box to the figures of a quantity, or to a ring where no figure states it."""
    x = _edge(nodes, boxes, grid, Cell(row, column), right=grid.centre(column) < box.left)
    ax.plot([x, box.left if x < box.left else box.right], [grid.middle(row)] * 2, **look)
    if not _stated(nodes, Cell(row, column)):
        _ring(ax, grid, Cell(row, column))


def _draw_rules(fig: Figure, ax: Axes, rules: list[Rule], nodes: pd.DataFrame, boxes: list[_Box], grid: _Grid) -> None:
    """A comb for each rule: its joint with the sign, and a tooth to every quantity that it binds."""
    for rule, x, (side, _) in zip(rules, grid.lanes, _lanes(rules), strict=True):
        levels = [grid.middle(cell.row) for cell in rule.cells]
        look = {"color": palette.INK, "lw": 1.8, "zorder": 1.5}
        ax.plot([x, x], [min(levels), max(levels)], **look)
        for cell, level in zip(rule.cells, levels, strict=True):
            edge = _edge(nodes, boxes, grid, cell, right=side == "now")
            ax.plot([x, edge], [level, level], **look)
            ax.plot([x], [level], "o", ms=4.5, color=palette.INK, zorder=2)
            if not _stated(nodes, cell):
                _ring(ax, grid, cell)
        half = 0.1
        middle = (min(levels) + max(levels)) / 2
        if any(abs(middle - level) < 0.5 * half for level in levels):
            middle -= grid.band / 2
        square = Rectangle((x - half, middle - half), 2 * half, 2 * half, facecolor=palette.INK, edgecolor=palette.PAPER, lw=1, zorder=3, label="rule")
        ax.add_artist(square)
        style.write(fig, x, middle - 0.36 * 11 / 72, rule.sign, 11, weight="bold", colour=palette.PAPER, ha="center")


def _stated(nodes: pd.DataFrame, cell: Cell) -> bool:
    return bool(((nodes["row"] == cell.row) & (nodes["column"] == cell.column)).any())


def _edge(nodes: pd.DataFrame, boxes: list[_Box], grid: _Grid, cell: Cell, *, right: bool) -> float:
    """The side of a quantity's figures, or its place where no figure states it."""
    beside = [box for box, r, c in zip(boxes, nodes["row"], nodes["column"], strict=True) if (r, c) == (cell.row, cell.column)]
    if not beside:
        return grid.centre(cell.column)
    return max(box.right for box in beside) if right else min(box.left for box in beside)


def _ring(ax: Axes, grid: _Grid, cell: Cell) -> None:
    look = {"markerfacecolor": palette.PAPER, "markeredgecolor": palette.MUTED, "markeredgewidth": 1.8}
    ax.plot([grid.centre(cell.column)], [grid.middle(cell.row)], "o", ms=8, zorder=2, label="quantity", **look)


def _draw_box(fig: Figure, ax: Axes, box: _Box, label: str, state: str, size: float) -> None:
    """Located: round ends; detected: a rectangle; unchecked: slanted and dashed; undecided: dotted."""
    bottom, top = box.middle - box.height / 2, box.middle + box.height / 2
    look = _LOOKS[state] | {"label": state, "zorder": 3, "clip_on": False}
    if state == LOCATED:
        shape = f"round,pad=0,rounding_size={box.height / 2}"
        ax.add_artist(FancyBboxPatch((box.left, bottom), box.right - box.left, box.height, boxstyle=shape, mutation_aspect=1, **look))
    elif state == UNCHECKED:
        slant = 0.3 * box.height
        corners = [(box.left + slant, top), (box.right + slant / 2, top), (box.right - slant, bottom), (box.left - slant / 2, bottom)]
        ax.add_artist(Polygon(corners, closed=True, **look))
    else:
        ax.add_artist(Rectangle((box.left, bottom), box.right - box.left, box.height, **look))
    colour = palette.PAPER if state == LOCATED else palette.INK
    style.write(fig, (box.left + box.right) / 2, box.middle - 0.36 * size / 72, label, size, weight="bold", colour=colour, ha="center")
