"""The map of the provinces a programme reached. geopandas is loaded by the first map drawn, not by the import."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from kcq_eval.figures import names, palette, style
from kcq_eval.figures.names import Name
from kcq_eval.figures.style import Area, FigureWords

if TYPE_CHECKING:
    import geopandas
    import shapely

STATUSES = ("kept", "reached", "new", "left", "never", "outside")
NAMED = ("kept", "reached", "new", "left")  # provinces that are written on the map


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
    "kept": _Look(palette.KEPT, palette.PAPER, 1.4, "", palette.KEPT, palette.PAPER, 4),
    "reached": _Look(palette.KEPT, palette.PAPER, 1.4, "", palette.KEPT, palette.PAPER, 4),
    "new": _Look(palette.NEW, palette.PAPER, 1.4, "//", palette.NEW_HATCH, palette.INK, 5),
    "left": _Look(palette.PAPER, palette.LEFT, 2.4, "...", palette.LEFT, palette.INK, 6),
    "never": _Look(palette.NEVER, palette.NEVER_EDGE, 0.8, "", palette.PAPER, palette.INK, 3),
    "outside": _Look(palette.OUTSIDE, palette.OUTSIDE_EDGE, 0.6, "", palette.PAPER, palette.INK, 2),
}

_KEY_SHARE = 0.3  # of the width, beside the map
_DETAIL_IN = 0.012  # what a simplified boundary may leave out: a pixel or two
_INSET_SHARE, _INSET_HEIGHT = 0.235, 1.5


@style.conference()
def coverage_map(
    provinces: pd.DataFrame, words: FigureWords, *, geojson: Path, key: str, islands: pd.DataFrame | None = None
) -> Figure:
    """Provinces by what became of them: kept, new, left, never supported, or only reached where the period before is not known; neighbours outside the served area are muted.

    Columns of `provinces`: code, name, status (one of `STATUSES`). `key` is the property of `geojson` that holds the code.
    Terms: kept, new, left, never (ready with their counts; a missing one is not shown), big and big_note (the number beside
    the map), islands_column (`name_vi` or `name_en`).

    The map shows the served area. Where no province is outside, it is a map of the country, and `islands`
    (`islands_inset_points.csv`) is drawn as a boxed inset, as Vietnamese maps of the country must show both archipelagos.

    Raises:
        ValueError: A status that is not one of `STATUSES`, a code that has no polygon, or a map of the country without islands.
    """
    statuses = provinces["status"].tolist()
    shapes = _projected(provinces, geojson, key)
    country = "outside" not in statuses
    if country and islands is None:
        raise ValueError("a map of the country shows both archipelagos; give `islands`")
    fig, area = style.frame(words)
    key_width, inset_width = _KEY_SHARE * area.width, _INSET_SHARE * area.width
    panel = Area(area.left, area.bottom - 0.05, area.width - key_width - 0.2, area.height + 0.15)
    inset = None
    if country:
        inset = Area(panel.right - inset_width - 0.3, panel.bottom + 0.02, inset_width, _INSET_HEIGHT)

    shapes = _onto_canvas(shapes, statuses, panel, room_right=inset_width if inset else 0.0)
    ax = panel.axes(fig, (panel.left, panel.right), (panel.bottom, panel.top))
    for code, status, shape in zip(provinces["code"], statuses, shapes, strict=True):
        if shape.area > 0:
            ax.add_artist(_patch(shape, _LOOKS[status], gid=f"province-{code}", label=status))
    served = np.array([status != "outside" for status in statuses])
    written = {n: name for n, name in enumerate(provinces["name"]) if statuses[n] in NAMED and shapes[n].area > 0}
    for number, name in names.placed(written, shapes, shapes[served], panel, [inset] if inset else []).items():
        _write_name(fig, name, _LOOKS[statuses[number]])
    if inset is not None:
        _draw_inset(fig, inset, islands, words.terms.get("islands_column", "name_vi"))
    _write_key(fig, Area(area.right - key_width, area.bottom, key_width, area.height), words)
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
    edge, below = 0.06, 0.06 if served.all() else 0.2  # a strip of the neighbours
    per_metre = min((panel.height - edge - below) / (north - south), (panel.width - room_right - 2 * edge) / (east - west))
    centre = np.array([(west + east) / 2, (south + north) / 2])
    middle = np.array([panel.left + (panel.width - room_right) / 2, panel.bottom + (panel.height + below - edge) / 2])
    moved = shapely.transform(shapes, lambda points: (points - centre) * per_metre + middle)
    simple = shapely.coverage_simplify(moved, _DETAIL_IN)
    return shapely.clip_by_rect(simple, panel.left, panel.bottom, panel.right, panel.top)


def _patch(shape: shapely.Geometry, look: _Look, **names: str) -> PathPatch:
    return PathPatch(
        _outline(shape),
        facecolor=look.fill,
        edgecolor=look.edge,
        linewidth=look.edge_width,
        hatch=look.hatch or None,
        hatchcolor=look.hatch_colour,
        joinstyle="round",
        zorder=look.order,
        **names,
    )


def _outline(shape: shapely.Geometry) -> Outline:
    """All rings of a shape as one path; holes turn the other way round, so that they stay empty."""
    import shapely

    vertices, codes = [], []
    for ring in shapely.get_rings(shapely.get_parts(shapely.orient_polygons(shape))):
        points = shapely.get_coordinates(ring)
        vertices.append(points)
        codes += [Outline.MOVETO, *[Outline.LINETO] * (len(points) - 2), Outline.CLOSEPOLY]
    return Outline(np.concatenate(vertices), codes)


def _write_name(fig: Figure, name: Name, look: _Look) -> None:
    ink = palette.INK if name.leader else look.ink
    step = names.LEADING * name.points / 72
    first = name.y + (len(name.lines) - 1) * step / 2 - 0.35 * name.points / 72
    for number, line in enumerate(name.lines):
        style.write(fig, name.x, first - number * step, line, name.points, weight="bold", colour=ink, ha="center")
    if look.hatch and not name.leader:  # the hatch makes room for the name
        ground = {"facecolor": look.fill, "edgecolor": "none", "transform": fig.dpi_scale_trans, "zorder": 3.8}
        fig.add_artist(Rectangle(name.rectangle[:2], name.width, name.height, **ground))
    if name.leader:
        x, y, end_x, end_y = name.leader
        along = {"xdata": [x, end_x], "ydata": [y, end_y], "transform": fig.dpi_scale_trans}
        fig.add_artist(
            Line2D(**along, color=palette.PAPER, alpha=0.75, linewidth=3.6, zorder=3.9)
        )  # a casing, to be seen on dark fills
        fig.add_artist(Line2D(**along, color=palette.INK, linewidth=1.4, zorder=4, label="leader"))
        dot = {"marker": "o", "markersize": 4.8, "markerfacecolor": palette.INK, "markeredgecolor": palette.PAPER}
        fig.add_artist(Line2D([x], [y], **dot, transform=fig.dpi_scale_trans, zorder=4.1))


# ---------------------------------------------------------------- beside the map


def _write_key(fig: Figure, area: Area, words: FigureWords) -> None:
    """The big number with its note, and below it what each look of a province means."""
    top = area.top
    if words.terms.get("big"):
        lines, size = style.fit(words.terms["big"], area.width, 76, "bold")
        top = style.write_lines(fig, area.left, top + 0.18, lines, size, weight="bold", colour=palette.CURRENT) + 0.02
    if words.terms.get("big_note"):
        lines, size = style.fit(words.terms["big_note"], area.width, 19, lines=3)
        top = style.write_lines(fig, area.left, top, lines, size)
    shown = [status for status in STATUSES if words.terms.get(status)]
    step = min(0.56, (top - area.bottom - 0.1) / max(len(shown), 1))
    for number, status in enumerate(shown):
        middle = area.bottom + (len(shown) - number - 0.5) * step
        look = _LOOKS[status]
        edge = look.edge if look.edge != palette.PAPER else look.fill  # with no edge at all, PDF draws no hatch
        fig.add_artist(
            Rectangle(
                (area.left, middle - 0.17),
                0.52,
                0.34,
                transform=fig.dpi_scale_trans,
                facecolor=look.fill,
                edgecolor=edge,
                linewidth=look.edge_width,
                hatch=look.hatch or None,
                hatchcolor=look.hatch_colour,
                label=f"key-{status}",
            )
        )
        lines, size = style.fit(words.terms[status], area.width - 0.72, 19, "bold" if status in NAMED else "normal", lines=1)
        style.write(
            fig, area.left + 0.72, middle - 0.36 * size / 72, lines[0], size, weight="bold" if status in NAMED else "normal"
        )


def _draw_inset(fig: Figure, box: Area, islands: pd.DataFrame, column: str) -> None:
    """The archipelagos as points in a box, in their true position to each other; rows without bounds are lesser points."""
    fig.add_artist(
        Rectangle(
            (box.left, box.bottom),
            box.width,
            box.height,
            transform=fig.dpi_scale_trans,
            facecolor=palette.PAPER,
            edgecolor=palette.MUTED,
            linewidth=1.3,
            zorder=4,
            label="inset",
        )
    )
    numbers = islands[["lon_deg_e", "lat_deg_n", "bbox_lon_min", "bbox_lat_min", "bbox_lat_max"]].apply(
        pd.to_numeric, errors="coerce"
    )
    south, north, west = numbers["bbox_lat_min"].min(), numbers["bbox_lat_max"].max(), numbers["bbox_lon_min"].min()
    per_degree = (box.height - 0.5) / (north - south)
    squeeze = np.cos(np.radians((south + north) / 2))
    for name, point in zip(islands[column], numbers.itertuples(index=False), strict=True):
        x = box.left + 0.1 + (point.lon_deg_e - west) * squeeze * per_degree
        y = box.bottom + 0.25 + (point.lat_deg_n - south) * per_degree
        archipelago = not np.isnan(point.bbox_lat_min)
        fig.add_artist(
            Line2D(
                [x],
                [y],
                marker="o",
                ms=8 if archipelago else 4,
                color=palette.INK,
                ls="",
                transform=fig.dpi_scale_trans,
                zorder=4.5,
                label="island",
            )
        )
        if archipelago:
            lines, size = style.fit(name, box.right - x - 0.2, 14, "bold", lines=2, smallest=9)
            style.write_lines(fig, x + 0.12, y + len(lines) * style.line_height(size) / 2, lines, size, weight="bold")
