"""The map of the provinces a programme reached. geopandas is loaded by the first map drawn, not by the import."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from kcq_eval.figures import style
from kcq_eval.figures.style import Area, FigureWords

if TYPE_CHECKING:
    import geopandas
    import shapely

STATUSES = ("kept", "new", "left", "never", "outside")
NAMED = ("kept", "new", "left")  # provinces that are written on the map


@dataclass(frozen=True)
class _Look:
    fill: str
    edge: str
    edge_width: float
    hatch: str
    hatch_colour: str
    ink: str  # of a name inside
    order: int


_LOOKS = {
    "kept": _Look(style.KEPT, style.PAPER, 1.4, "", style.KEPT, style.PAPER, 4),
    "new": _Look("#F5C35B", style.PAPER, 1.4, "//", "#D98A00", style.INK, 5),
    "left": _Look(style.PAPER, "#A83E7C", 2.4, "...", style.LEFT, style.INK, 6),
    "never": _Look("#D9DCE0", style.PAPER, 0.8, "", style.PAPER, style.INK, 3),
    "outside": _Look("#F1F2F4", "#DDE0E4", 0.6, "", style.PAPER, style.INK, 2),
}

_KEY_WIDTH = 3.55
_NAME_PT, _NAME_SMALLEST_PT = 14.0, 8.0
_LEADING = 1.15
_DETAIL_IN = 0.012  # what a simplified boundary may leave out: a pixel or two
_INSET_WIDTH, _INSET_HEIGHT = 2.75, 2.1


@style.conference()
def coverage_map(provinces: pd.DataFrame, words: FigureWords, *, geojson: Path, key: str, islands: pd.DataFrame | None = None) -> Figure:
    """Provinces by what became of them: kept, new, left, never supported; neighbours outside the served area are muted.

    Columns of `provinces`: code, name, status (one of `STATUSES`). `key` is the property of `geojson` that holds the code.
    Terms: kept, new, left, never (ready with their counts; a missing one is not shown), big and big_note (the number beside
    the map), islands_column (`name_vi` or `name_en`).

    The map shows the served area. Where no province is outside, it is a map of the country, and `islands`
    (`islands_inset_points.csv`) is drawn as a boxed inset, as Vietnamese maps of the country must show both archipelagos.

    Raises:
        ValueError: A status that is not one of `STATUSES`, or a code that has no polygon.
    """
    statuses = provinces["status"].tolist()
    shapes = _projected(provinces, geojson, key)
    fig, area = style.frame(words)
    panel = Area(area.left, area.bottom - 0.05, area.width - _KEY_WIDTH - 0.2, area.height + 0.15)
    inset = None
    if islands is not None and "outside" not in statuses:
        inset = Area(panel.right - _INSET_WIDTH, panel.bottom + 0.02, _INSET_WIDTH, _INSET_HEIGHT)

    shapes = _onto_canvas(shapes, statuses, panel, room_right=_INSET_WIDTH if inset else 0.0)
    ax = panel.axes(fig, (panel.left, panel.right), (panel.bottom, panel.top))
    for code, status, shape in zip(provinces["code"], statuses, shapes, strict=True):
        if shape.area > 0:
            ax.add_patch(_patch(shape, _LOOKS[status], gid=f"province-{code}", label=status))
    for name in _placed_names(provinces["name"].tolist(), statuses, shapes, panel, inset):
        _write_name(fig, name)
    if inset is not None:
        _draw_inset(fig, inset, islands, words.terms.get("islands_column", "name_vi"))
    _write_key(fig, Area(area.right - _KEY_WIDTH, area.bottom, _KEY_WIDTH, area.height), words)
    return fig


# ---------------------------------------------------------------- polygons


def _projected(provinces: pd.DataFrame, geojson: Path, key: str) -> np.ndarray:
    """The polygon of each row, in metres of an equal-area conic projection fit for the served ones."""
    strange = sorted(set(provinces["status"]) - set(STATUSES))
    if strange:
        raise ValueError(f"unknown status {', '.join(map(repr, strange))}; expected any of {', '.join(STATUSES)}")
    polygons = _polygons(Path(geojson), key)
    missing = [code for code in provinces["code"] if code not in polygons.index]
    if missing:
        raise ValueError(f"no polygon with {key} {', '.join(missing)} in {Path(geojson).name}")
    chosen = polygons.loc[provinces["code"].tolist()]
    west, south, east, north = chosen[(provinces["status"] != "outside").to_numpy()].total_bounds
    sixth = (north - south) / 6
    conic = (
        f"+proj=aea +lat_1={south + sixth:.4f} +lat_2={north - sixth:.4f} +lat_0={(south + north) / 2:.4f} "
        f"+lon_0={(west + east) / 2:.4f} +datum=WGS84 +units=m"
    )
    return np.array(chosen.to_crs(conic).values)


@functools.lru_cache(maxsize=4)
def _polygons(geojson: Path, key: str) -> geopandas.GeoSeries:
    import geopandas

    features = json.loads(geojson.read_text(encoding="utf-8"))["features"]
    frame = geopandas.GeoDataFrame.from_features(features, crs="EPSG:4326")
    return frame.set_index(frame[key].astype(str)).geometry


def _onto_canvas(shapes: np.ndarray, statuses: list[str], panel: Area, *, room_right: float) -> np.ndarray:
    """The shapes in inches of the canvas: the served ones fill the panel's height, all are cut off at its edge."""
    import shapely

    served = np.array([status != "outside" for status in statuses])
    west, south, east, north = shapely.total_bounds(shapes[served])
    edge = 0.06
    per_metre = min((panel.height - 2 * edge) / (north - south), (panel.width - room_right - 2 * edge) / (east - west))
    centre = np.array([(west + east) / 2, (south + north) / 2])
    middle = np.array([panel.left + (panel.width - room_right) / 2, panel.bottom + panel.height / 2])
    moved = shapely.transform(shapes, lambda points: (points - centre) * per_metre + middle)
    simple = shapely.coverage_simplify(moved, _DETAIL_IN)
    return shapely.clip_by_rect(simple, panel.left, panel.bottom, panel.right, panel.top)


def _patch(shape: shapely.Geometry, look: _Look, **names: str) -> PathPatch:
    return PathPatch(
        _outline(shape), facecolor=look.fill, edgecolor=look.edge, linewidth=look.edge_width, hatch=look.hatch or None,
        hatchcolor=look.hatch_colour, joinstyle="round", zorder=look.order, **names,
    )  # fmt: skip


def _outline(shape: shapely.Geometry) -> Outline:
    """All rings of a shape as one path; holes turn the other way round, so that they stay empty."""
    import shapely

    vertices, codes = [], []
    for ring in shapely.get_rings(shapely.get_parts(shapely.orient_polygons(shape))):
        points = shapely.get_coordinates(ring)
        vertices.append(points)
        codes += [Outline.MOVETO, *[Outline.LINETO] * (len(points) - 2), Outline.CLOSEPOLY]
    return Outline(np.concatenate(vertices), codes)


# ---------------------------------------------------------------- names


@dataclass(frozen=True)
class _Box:
    """A rectangle around a name: its middle and its extent."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class _Name:
    """A name with its place; `anchor` is where its leader line starts, None for a name inside its province."""

    lines: tuple[str, ...]
    points: float
    box: _Box
    ink: str
    anchor: tuple[float, float] | None = None

    @property
    def leader(self) -> tuple[tuple[float, float], tuple[float, float]]:
        side = -0.5 if self.anchor[0] < self.box.x else 0.5
        return self.anchor, (self.box.x + side * self.box.width, self.box.y)


def _placed_names(names: list[str], statuses: list[str], shapes: np.ndarray, panel: Area, inset: Area | None) -> list[_Name]:
    """A place for every name that is written: inside its province where it fits, else in the free space beside the map."""
    written = [number for number, status in enumerate(statuses) if status in NAMED and shapes[number].area > 0]
    inside, beside = {}, []
    for number in written:
        found = _inside(names[number], shapes[number], _LOOKS[statuses[number]].ink)
        if found:
            inside[number] = found
        else:
            beside.append(number)
    points = min(_NAME_PT, max(_NAME_SMALLEST_PT, 1.6 * panel.height / max(len(beside), 1) * 72 / _LEADING))
    search = _Search(shapes, statuses, written, panel, inset, list(inside.values()))
    return [*inside.values(), *search.places({number: names[number] for number in beside}, points)]


def _inside(name: str, shape: shapely.Geometry, ink: str) -> _Name | None:
    """The roomiest place of the name within the shape, on one line or two; None where it does not fit."""
    import shapely

    parts = shapely.get_parts(shape)
    part = parts[np.argmax(shapely.area(parts))]
    shapely.prepare(part)
    west, south, east, north = part.bounds
    for lines in _set_in_lines(name):
        width, height = _extent(lines, _NAME_PT)
        xs, ys = np.arange(west + width / 2, east - width / 2, 0.04), np.arange(south + height / 2, north - height / 2, 0.04)
        if not len(xs) or not len(ys):
            continue
        x, y = (grid.ravel() for grid in np.meshgrid(xs, ys))
        boxes = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        fits = shapely.contains(part, boxes)
        if fits.any():
            room = shapely.distance(part.exterior, boxes[fits])
            best = np.argmax(room)
            return _Name(lines, _NAME_PT, _Box(x[fits][best], y[fits][best], width, height), ink)
    return None


def _set_in_lines(name: str) -> Iterator[tuple[str, ...]]:
    yield (name,)
    if " " in name:
        yield tuple(style.wrap(name, 1.01 * max(style.text_width(word, _NAME_PT, "bold") for word in name.split(" ")), _NAME_PT, "bold"))


def _extent(lines: tuple[str, ...], points: float) -> tuple[float, float]:
    """Width and height of the lines with a little air around them."""
    return max(style.text_width(line, points, "bold") for line in lines) + 0.06, len(lines) * _LEADING * points / 72 + 0.02


class _Search:
    """Finds places beside the map: off the served area, off all other names, leader lines short and not crossing."""

    def __init__(self, shapes: np.ndarray, statuses: list[str], written: list[int], panel: Area, inset: Area | None, inside: list[_Name]):
        import shapely

        self.shapes, self.written, self.panel = shapes, written, panel
        served = [shape for shape, status in zip(shapes, statuses, strict=True) if status != "outside"]
        self.taken = shapely.union_all(served).buffer(0.05)
        if inset is not None:
            self.taken = self.taken.union(shapely.box(inset.left - 0.08, inset.bottom - 0.08, inset.right + 0.08, inset.top + 0.08))
        shapely.prepare(self.taken)
        self.inside = [_rectangle(name.box) for name in inside]

    def places(self, names: dict[int, str], points: float) -> list[_Name]:
        """Each name at its cheapest place given the others; looked over again until nothing moves."""
        anchors = {number: self._anchor(number) for number in names}
        order = sorted(names, key=lambda number: (-anchors[number][1], anchors[number][0]))
        free = {number: self._free(names[number], points) for number in order}
        placed: dict[int, _Name] = {}
        for _ in range(4):
            before = dict(placed)
            for number in order:
                others = [name for other, name in placed.items() if other != number]
                placed[number] = self._cheapest(number, names[number], points, anchors[number], free[number], others)
            if placed == before:
                break
        return [placed[number] for number in order]

    def _anchor(self, number: int) -> tuple[float, float]:
        import shapely

        parts = shapely.get_parts(self.shapes[number])
        radius = shapely.maximum_inscribed_circle(parts[np.argmax(shapely.area(parts))], tolerance=0.01)
        x, y = shapely.get_coordinates(radius)[0]
        return float(x), float(y)

    def _free(self, name: str, points: float) -> np.ndarray:
        """Middles of all places in the panel where the name covers nothing of the served area."""
        import shapely

        width, height = _extent((name,), points)
        xs = np.arange(self.panel.left + width / 2, self.panel.right - width / 2, 0.08)
        ys = np.arange(self.panel.bottom + height / 2, self.panel.top - height / 2, 0.06)
        x, y = (grid.ravel() for grid in np.meshgrid(xs, ys))
        boxes = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        clear = ~shapely.intersects(self.taken, boxes)
        return np.column_stack([x[clear], y[clear]])

    def _cheapest(self, number: int, name: str, points: float, anchor: tuple[float, float], free: np.ndarray, others: list[_Name]) -> _Name:
        import shapely

        width, height = _extent((name,), points)
        side = np.where(free[:, 0] > anchor[0], -0.5, 0.5)
        ends = free + np.column_stack([side * width, np.zeros(len(free))])
        across, up = np.abs(ends - anchor).T
        cost = np.hypot(across, up) + 0.7 * up
        near = np.argsort(cost, kind="stable")[:600]
        cost, middles, ends = cost[near], free[near], ends[near]
        boxes = shapely.box(middles[:, 0] - width / 2, middles[:, 1] - height / 2, middles[:, 0] + width / 2, middles[:, 1] + height / 2)
        leaders = shapely.linestrings(np.stack([np.broadcast_to(anchor, ends.shape), ends], axis=1))
        for other in others:
            rectangle, leader = _rectangle(other.box), shapely.linestrings(other.leader)
            cost = cost + 100 * shapely.intersects(boxes, rectangle.buffer(0.04)) + 100 * shapely.intersects(leaders, rectangle.buffer(0.02))
            cost = cost + 100 * shapely.intersects(leaders, leader) + 100 * shapely.intersects(boxes, leader.buffer(0.03))
        for rectangle in self.inside:
            cost = cost + 100 * shapely.intersects(leaders, rectangle)
        crossed = [self.shapes[other] for other in self.written if other != number]
        if crossed:
            cost = cost + 1.5 * shapely.length(shapely.intersection(leaders, shapely.union_all(crossed)))
        best = np.argmin(cost)
        x, y = (float(part) for part in middles[best])
        return _Name((name,), points, _Box(x, y, width, height), style.INK, anchor)


def _rectangle(box: _Box) -> shapely.Geometry:
    import shapely

    return shapely.box(box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2)


def _write_name(fig: Figure, name: _Name) -> None:
    step = _LEADING * name.points / 72
    first = name.box.y + (len(name.lines) - 1) * step / 2 - 0.35 * name.points / 72
    for number, line in enumerate(name.lines):
        style.write(fig, name.box.x, first - number * step, line, name.points, weight="bold", colour=name.ink, ha="center")
    if name.anchor:
        (x, y), end = name.leader
        fig.add_artist(Line2D([x, end[0]], [y, end[1]], color=style.INK, lw=1.3, transform=fig.dpi_scale_trans, zorder=4))
        fig.add_artist(
            Line2D([x], [y], marker="o", ms=6, mfc=style.INK, mec=style.PAPER, mew=1, ls="", transform=fig.dpi_scale_trans, zorder=4.1)
        )  # fmt: skip


# ---------------------------------------------------------------- beside the map


def _write_key(fig: Figure, area: Area, words: FigureWords) -> None:
    """The big number with its note, and below it what each look of a province means."""
    top = area.top
    if words.terms.get("big"):
        lines, size = style.fit(words.terms["big"], area.width, 76, "bold")
        top = style.write_lines(fig, area.left, top + 0.18, lines, size, weight="bold", colour=style.CURRENT) + 0.02
    if words.terms.get("big_note"):
        lines, size = style.fit(words.terms["big_note"], area.width, 19, lines=3)
        top = style.write_lines(fig, area.left, top, lines, size)
    shown = [status for status in STATUSES if words.terms.get(status)]
    step = min(0.56, (top - area.bottom - 0.1) / max(len(shown), 1))
    for number, status in enumerate(shown):
        middle = area.bottom + (len(shown) - number - 0.5) * step
        look = _LOOKS[status]
        edge = look.edge if look.edge != style.PAPER else "none"
        fig.add_artist(
            Rectangle(
                (area.left, middle - 0.17), 0.52, 0.34, transform=fig.dpi_scale_trans, facecolor=look.fill, edgecolor=edge, linewidth=look.edge_width,
                hatch=look.hatch or None, hatchcolor=look.hatch_colour, label=f"key-{status}",
            )
        )  # fmt: skip
        lines, size = style.fit(words.terms[status], area.width - 0.72, 19, "bold" if status in NAMED else "normal", lines=1)
        style.write(fig, area.left + 0.72, middle - 0.36 * size / 72, lines[0], size, weight="bold" if status in NAMED else "normal")


def _draw_inset(fig: Figure, box: Area, islands: pd.DataFrame, column: str) -> None:
    """The archipelagos as points in a box, in their true position to each other; rows without bounds are lesser points."""
    fig.add_artist(
        Rectangle((box.left, box.bottom), box.width, box.height, transform=fig.dpi_scale_trans, facecolor=style.PAPER, edgecolor=style.MUTED, linewidth=1.3, zorder=4, label="inset")
    )  # fmt: skip
    numbers = islands[["lon_deg_e", "lat_deg_n", "bbox_lon_min", "bbox_lat_min", "bbox_lat_max"]].apply(pd.to_numeric, errors="coerce")
    south, north, west = numbers["bbox_lat_min"].min(), numbers["bbox_lat_max"].max(), numbers["bbox_lon_min"].min()
    per_degree = (box.height - 0.2) / (north - south)
    squeeze = np.cos(np.radians((south + north) / 2))
    for name, point in zip(islands[column], numbers.itertuples(index=False), strict=True):
        x = box.left + 0.1 + (point.lon_deg_e - west) * squeeze * per_degree
        y = box.bottom + 0.1 + (point.lat_deg_n - south) * per_degree
        archipelago = not np.isnan(point.bbox_lat_min)
        fig.add_artist(
            Line2D([x], [y], marker="o", ms=8 if archipelago else 4, color=style.INK, ls="", transform=fig.dpi_scale_trans, zorder=4.5, label="island")
        )  # fmt: skip
        if archipelago:
            lines, size = style.fit(name, box.right - x - 0.2, _NAME_PT, "bold", lines=2, smallest=9)
            style.write_lines(fig, x + 0.12, y + len(lines) * style.line_height(size) / 2, lines, size, weight="bold")
