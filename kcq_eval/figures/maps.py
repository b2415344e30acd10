"""The map of the provinces a programme reached. geopandas is loaded by the first map drawn, not by the import."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from kcq_eval.figures import style
from kcq_eval.figures.style import Area, FigureWords

if TYPE_CHECKING:
    import geopandas
    from shapely.geometry.base import BaseGeometry

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
_INSET_WIDTH, _INSET_HEIGHT = 2.75, 2.1


@style.conference()
def coverage_map(provinces: pd.DataFrame, words: FigureWords, *, geojson: Path, key: str, islands: pd.DataFrame | None = None) -> Figure:
    """Provinces by what became of them: kept, new, left, never supported; neighbours outside the served area are muted.

    Columns of `provinces`: code, name, status (one of `STATUSES`). `key` is the property of `geojson` that holds the code.
    Terms: kept, new, left, never (ready with their counts, a missing one is not shown), big and big_note (the number beside
    the map), islands_column (`name_vi` or `name_en`).

    The map shows the served area. Where no province is outside, it is a map of the country, and `islands`
    (`islands_inset_points.csv`) is drawn as a boxed inset, as Vietnamese maps of the country must show both archipelagos.

    Raises:
        ValueError: A status that is not one of `STATUSES`, or a code that has no polygon.
    """
    shapes = _shapes(provinces, geojson, key)
    fig, area = style.frame(words)
    panel = Area(area.left, area.bottom - 0.05, area.width - _KEY_WIDTH - 0.25, area.height + 0.15)
    national = "outside" not in set(provinces["status"])
    inset = Area(panel.right - _INSET_WIDTH, panel.bottom + 0.05, _INSET_WIDTH, _INSET_HEIGHT) if national and islands is not None else None

    on_canvas = _onto_canvas(shapes, panel)
    ax = panel.axes(fig, (panel.left, panel.right), (panel.bottom, panel.top))
    for code, status, shape in zip(provinces["code"], provinces["status"], on_canvas, strict=True):
        if not shape.is_empty:
            ax.add_patch(_patch(shape, _LOOKS[status], gid=f"province-{code}", label=status))
    _write_names(fig, ax, provinces, on_canvas, panel, inset)
    if inset is not None:
        _draw_inset(fig, inset, islands, words.terms.get("islands_column", "name_vi"))
    _write_key(fig, Area(area.right - _KEY_WIDTH, area.bottom, _KEY_WIDTH, area.height), words)
    return fig


# ---------------------------------------------------------------- geometry


def _shapes(provinces: pd.DataFrame, geojson: Path, key: str) -> geopandas.GeoSeries:
    """The polygon of each row, in metres of an equal-area conic projection fit for the served ones."""
    strange = sorted(set(provinces["status"]) - set(STATUSES))
    if strange:
        raise ValueError(f"unknown status {', '.join(map(repr, strange))}; expected any of {', '.join(STATUSES)}")
    polygons = _polygons(Path(geojson), key)
    missing = [code for code in provinces["code"] if code not in polygons.index]
    if missing:
        raise ValueError(f"no polygon with {key} {', '.join(missing)} in {Path(geojson).name}")
    chosen = polygons.loc[list(provinces["code"])]
    served = chosen[(provinces["status"] != "outside").to_numpy()]
    west, south, east, north = served.total_bounds
    sixth = (north - south) / 6
    return chosen.to_crs(
        f"+proj=aea +lat_1={south + sixth:.4f} +lat_2={north - sixth:.4f} +lat_0={(south + north) / 2:.4f} +lon_0={(west + east) / 2:.4f} +datum=WGS84 +units=m"
    ).where(pd.Series(True, index=chosen.index))


@functools.lru_cache(maxsize=4)
def _polygons(geojson: Path, key: str) -> geopandas.GeoSeries:
    import json

    import geopandas

    features = json.loads(geojson.read_text(encoding="utf-8"))["features"]
    frame = geopandas.GeoDataFrame.from_features(features, crs="EPSG:4326")
    return frame.set_index(frame[key].astype(str)).geometry


def _onto_canvas(shapes: geopandas.GeoSeries, panel: Area) -> list[BaseGeometry]:
    raise NotImplementedError
