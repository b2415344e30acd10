"""Places for the names on a map: inside their province where they fit, else beside the map with a leader line.

All lengths are inches of the canvas. The search is a fixed one over a grid of places, so that the same map is lettered the
same way each time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcq_eval.figures import style
from kcq_eval.figures.style import Area

if TYPE_CHECKING:
    import shapely

LEADING = 1.12
MOST_BESIDE = 30  # more leader lines than that nobody can follow
_POINTS = 14.0
_SIZES = (14.0, 12.0, 10.5, 9.0, 8.0, 7.0)  # tried beside the map
_GRID_X, _GRID_Y = 0.16, 0.12  # distances between the places tried
_NEAREST = 700  # places tried for each name
_CELL = 0.04  # of the raster that says where the map is
_AIR = 0.05  # kept free between the map and a name
_COLLISION = 100.0
_ORDERS = ((0, -1), (0, 1), (-1, 0), (1, 0))  # in which the names are placed first: from the north, south, east, west


@dataclass(frozen=True)
class Name:
    """A name at its place.

    Attributes:
        lines: The name on one line or two.
        points: Its size.
        x, y: Middle of the rectangle around it.
        width, height: Extent of that rectangle.
        leader: Both ends of its leader line, from the province to the name; None inside the province.
    """

    lines: tuple[str, ...]
    points: float
    x: float
    y: float
    width: float
    height: float
    leader: tuple[float, float, float, float] | None = None

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        return (self.x - self.width / 2, self.y - self.height / 2, self.x + self.width / 2, self.y + self.height / 2)


def placed(
    names: dict[int, str], shapes: np.ndarray, map_shapes: np.ndarray, panel: Area, keep_off: Sequence[Area] = ()
) -> dict[int, Name]:
    """A place for each name; of a map with more than `MOST_BESIDE` beside it, only those that fit inside.

    Args:
        names: What is written, by the number of its shape.
        shapes: The shape of every province.
        map_shapes: The ones that a name beside the map must not cover.
        panel: Where names may stand.
        keep_off: Rectangles that are taken.
    """
    found = {number: inside(name, shapes[number]) for number, name in names.items()}
    result = {number: name for number, name in found.items() if name}
    beside = {number: names[number] for number, name in found.items() if not name}
    if 0 < len(beside) <= MOST_BESIDE:
        search = _Search({n: shapes[n] for n in names}, map_shapes, panel, keep_off, [name.rectangle for name in result.values()])
        result |= search.best(beside)
    return result


# ---------------------------------------------------------------- inside


def inside(name: str, shape: shapely.Geometry) -> Name | None:
    """The roomiest place of the name within the shape, on one line or two; None where it does not fit."""
    import shapely

    part = _largest(shape)
    shapely.prepare(part)
    west, south, east, north = part.bounds
    for lines in _settings(name):
        width, height = _extent(lines, _POINTS)
        xs, ys = np.arange(west + width / 2, east - width / 2, 0.03), np.arange(south + height / 2, north - height / 2, 0.03)
        x, y = (grid.ravel() for grid in np.meshgrid(xs, ys))
        corners = [shapely.contains_xy(part, x + a * width / 2, y + b * height / 2) for a in (-1, 0, 1) for b in (-1, 1)]
        likely = np.logical_and.reduce(corners) if len(x) else np.zeros(0, dtype=bool)
        x, y = x[likely], y[likely]
        boxes = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        fits = shapely.contains(part, boxes)
        if fits.any():
            best = np.argmax(shapely.distance(part.exterior, boxes[fits]))
            return Name(lines, _POINTS, float(x[fits][best]), float(y[fits][best]), width, height)
    return None


def _settings(name: str) -> Iterator[tuple[str, ...]]:
    yield (name,)
    words = name.split(" ")
    if len(words) > 1:
        half = min(range(1, len(words)), key=lambda n: max(len(" ".join(words[:n])), len(" ".join(words[n:]))))
        yield (" ".join(words[:half]), " ".join(words[half:]))


def _extent(lines: tuple[str, ...], points: float) -> tuple[float, float]:
    """Width and height of the lines from ascender to descender."""
    return max(style.text_width(line, points, "bold") for line in lines) + 0.03, ((len(lines) - 1) * LEADING + 1.12) * points / 72


def _largest(shape: shapely.Geometry) -> shapely.Geometry:
    import shapely

    parts = shapely.get_parts(shape)
    return parts[np.argmax(shapely.area(parts))]


# ---------------------------------------------------------------- beside


@dataclass(frozen=True)
class _Places:
    """The places open to one name: middles and extents of its rectangle, ends of its leader line, and what each costs."""

    name: str
    points: float
    width: float
    height: float
    x: np.ndarray
    y: np.ndarray
    leaders: np.ndarray  # columns: from x, from y, to x, to y
    cost: np.ndarray

    @functools.cached_property
    def rectangles(self) -> np.ndarray:
        half_width, half_height = self.width / 2, self.height / 2
        return np.column_stack([self.x - half_width, self.y - half_height, self.x + half_width, self.y + half_height])

    def name_at(self, place: int) -> Name:
        leader = tuple(float(end) for end in self.leaders[place])
        return Name((self.name,), self.points, float(self.x[place]), float(self.y[place]), self.width, self.height, leader)


class _Search:
    """Places names off the map and off each other, with short leader lines that cross neither names nor each other."""

    def __init__(
        self,
        written: dict[int, shapely.Geometry],
        map_shapes: np.ndarray,
        panel: Area,
        keep_off: Sequence[Area],
        rectangles_inside: list[tuple[float, ...]],
    ):
        import shapely

        self.written, self.panel, self.rectangles_inside = written, panel, rectangles_inside
        self.all_written = shapely.union_all(list(written.values()))
        shapely.prepare(self.all_written)
        self.xs = np.arange(panel.left, panel.right + _CELL, _CELL)
        self.ys = np.arange(panel.bottom, panel.top + _CELL, _CELL)
        x, y = np.meshgrid(self.xs, self.ys)
        land = shapely.union_all(map_shapes).buffer(_AIR, quad_segs=2)
        shapely.prepare(land)
        taken = shapely.contains_xy(land, x.ravel(), y.ravel()).reshape(x.shape)
        for area in keep_off:
            taken |= (x > area.left - _AIR) & (x < area.right + _AIR) & (y > area.bottom - _AIR) & (y < area.top + _AIR)
        self.taken_before = np.pad(taken, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)

    def best(self, names: dict[int, str]) -> dict[int, Name]:
        """The cheapest lettering found from several beginnings, in the largest of the sizes at which nothing collides."""
        import shapely

        anchors = {n: shapely.get_coordinates(shapely.maximum_inscribed_circle(_largest(self.written[n]), 0.01))[0] for n in names}
        for points in _SIZES:
            places = {n: self._places(name, points, n, anchors[n]) for n, name in names.items()}
            if any(not len(own.x) for own in places.values()):
                continue
            table = _CostTable(places)
            letterings = []
            for along in _ORDERS:
                order = sorted(names, key=lambda n: (float(anchors[n] @ np.array(along)), n))
                letterings.append(table.lettering(order))
            chosen = table.with_exchanges(min(letterings, key=table.total))
            if table.total(chosen) < _COLLISION:
                break
        return {number: places[number].name_at(place) for number, place in chosen.items()}

    def _places(self, name: str, points: float, number: int, anchor: np.ndarray) -> _Places:
        width, height = _extent((name,), points)
        panel, gap = self.panel, 0.05
        edges = np.arange(panel.left, panel.right, _GRID_X)
        levels = np.arange(panel.bottom + height / 2, panel.top - height / 2, _GRID_Y)
        found = []
        # beside the end of its line to the right or to the left, above it, below it
        for toward_x, toward_y, extra in ((1, 0, 0.0), (-1, 0, 0.0), (0, 1, 0.12), (0, -1, 0.12)):
            end_x, y = (grid.ravel() for grid in np.meshgrid(edges, levels))
            x = end_x + toward_x * (width / 2 + gap)
            end_y = y - toward_y * (height / 2 + 0.02)
            across, up = end_x - anchor[0], end_y - anchor[1]
            if toward_x:
                ahead = (across * toward_x > 0) & (np.abs(up) < 2.5 * np.abs(across))
            else:
                ahead = (up * toward_y > 0) & (np.abs(across) < 0.7 * np.abs(up))
            within = (x - width / 2 >= panel.left) & (x + width / 2 <= panel.right)
            kept = ahead & within
            found.append(np.column_stack([x, y, end_x, end_y, np.full(len(x), extra)])[kept])
        x, y, end_x, end_y, extra = np.concatenate(found).T
        free = self._free(x, y, width, height)
        x, y, end_x, end_y, extra = (column[free] for column in (x, y, end_x, end_y, extra))
        across, up = np.abs(end_x - anchor[0]), np.abs(end_y - anchor[1])
        length = np.hypot(across, up)
        cost = length + 0.5 * np.minimum(across, up) + extra
        near = np.argsort(cost, kind="stable")[:_NEAREST]
        x, y, cost = x[near], y[near], cost[near]
        leaders = np.column_stack([np.broadcast_to(anchor, (len(near), 2)), end_x[near], end_y[near]])
        own = _Places(name, points, width, height, x, y, leaders, cost)
        cost += 1.5 * self._over_others(leaders, number)
        for rectangle in self.rectangles_inside:
            cost += _COLLISION * _segments_meet_box(leaders, rectangle)
        return own

    def _free(self, x: np.ndarray, y: np.ndarray, width: float, height: float) -> np.ndarray:
        """Whether a rectangle around each middle touches no cell that is taken (by a summed-area table)."""
        left = np.clip(((x - width / 2 - self.xs[0]) / _CELL).astype(int), 0, len(self.xs) - 1)
        right = np.clip(((x + width / 2 - self.xs[0]) / _CELL).astype(int) + 1, 0, len(self.xs))
        low = np.clip(((y - height / 2 - self.ys[0]) / _CELL).astype(int), 0, len(self.ys) - 1)
        high = np.clip(((y + height / 2 - self.ys[0]) / _CELL).astype(int) + 1, 0, len(self.ys))
        table = self.taken_before
        return table[high, right] - table[low, right] - table[high, left] + table[low, left] == 0

    def _over_others(self, leaders: np.ndarray, number: int) -> np.ndarray:
        """Roughly how many inches of each leader lie over other provinces that are written."""
        import shapely

        shapely.prepare(self.written[number])
        steps = np.linspace(0, 1, 13)
        x = leaders[:, [0]] + (leaders[:, [2]] - leaders[:, [0]]) * steps
        y = leaders[:, [1]] + (leaders[:, [3]] - leaders[:, [1]]) * steps
        points = x.ravel(), y.ravel()
        over = (
            (shapely.contains_xy(self.all_written, *points) & ~shapely.contains_xy(self.written[number], *points))
            .reshape(x.shape)
            .mean(axis=1)
        )
        return over * np.hypot(leaders[:, 2] - leaders[:, 0], leaders[:, 3] - leaders[:, 1])


class _CostTable:
    """What places cost given where the other names stand; every pair is worked out once."""

    def __init__(self, places: dict[int, _Places]):
        self.places = places
        self.known: dict[tuple[int, int, int], np.ndarray] = {}

    def costs(self, number: int, chosen: dict[int, int]) -> np.ndarray:
        cost = self.places[number].cost.copy()
        for other, place in chosen.items():
            if other != number:
                pair = (number, other, place)
                if pair not in self.known:
                    self.known[pair] = _between(self.places[number], self.places[other], place)
                cost += self.known[pair]
        return cost

    def total(self, chosen: dict[int, int]) -> float:
        return round(sum(float(self.costs(number, chosen)[place]) for number, place in chosen.items()), 6)

    def lettering(self, order: Sequence[int], begun: dict[int, int] | None = None) -> dict[int, int]:
        """Each name at its cheapest place given the others, looked over again until nothing moves."""
        chosen = dict(begun or {})
        for _ in range(6):
            before = dict(chosen)
            for number in order:
                chosen[number] = int(np.argmin(self.costs(number, chosen)))
            if chosen == before:
                break
        return chosen

    def with_exchanges(self, chosen: dict[int, int]) -> dict[int, int]:
        """The dearest names take the places they would have if one other name stood aside, as long as that pays."""
        total = self.total(chosen)
        for _ in range(8 if len(chosen) <= 16 else 2):
            paid = {number: float(self.costs(number, chosen)[place]) for number, place in chosen.items()}
            dearest = sorted(paid, key=lambda number: (-paid[number], number))[:3]
            trials = []
            for number in dearest:
                for aside in chosen:
                    if aside == number:
                        continue
                    trial = {other: place for other, place in chosen.items() if other not in (number, aside)}
                    for moved in (number, aside):
                        trial[moved] = int(np.argmin(self.costs(moved, trial)))
                    trials.append((self.total(trial), sorted(trial.items())))
            best = min(trials, default=(total, []))
            if best[0] >= total:
                break
            total, chosen = best[0], dict(best[1])
        return chosen


def _between(own: _Places, other: _Places, place: int) -> np.ndarray:
    """What each own place costs while the other name stands at `place`: collisions, less a little for a common edge."""
    rectangle, leader = other.rectangles[place], other.leaders[place]
    rectangles = own.rectangles
    overlap = (
        (rectangles[:, 0] < rectangle[2] + 0.06)
        & (rectangles[:, 2] > rectangle[0] - 0.06)
        & (rectangles[:, 1] < rectangle[3] + 0.01)
        & (rectangles[:, 3] > rectangle[1] - 0.01)
    )
    collisions = overlap * 1.0
    collisions += _segments_meet_box(own.leaders, _grown(rectangle, 0.03))
    collisions += _segments_meet(own.leaders, leader)
    collisions += _boxes_meet_segment(_grown(rectangles.T, 0.03), leader)
    aligned = (np.abs(own.leaders[:, 2] - leader[2]) < 1e-6) & (np.abs(own.y - other.y[place]) < 1.0)
    return _COLLISION * collisions - 0.06 * aligned


def _grown(rectangle: np.ndarray, by: float) -> tuple:
    return rectangle[0] - by, rectangle[1] - by, rectangle[2] + by, rectangle[3] + by


def _segments_meet_box(segments: np.ndarray, box: Sequence[float]) -> np.ndarray:
    return _clipped(segments.T, box)


def _boxes_meet_segment(boxes: tuple, segment: np.ndarray) -> np.ndarray:
    return _clipped(segment, boxes)


def _clipped(segment: Sequence, box: Sequence) -> np.ndarray:
    """Whether a segment and a rectangle meet (by separating axes); either side may be an array of many."""
    x, y, to_x, to_y = segment
    left, bottom, right, top = box
    wide, high = np.abs(to_x - x), np.abs(to_y - y)  # doubled, as everything here
    across, up = x + to_x - (left + right), y + to_y - (bottom + top)
    width, height = right - left, top - bottom
    beside = np.abs((to_x - x) * up - (to_y - y) * across)
    return (np.abs(across) <= width + wide) & (np.abs(up) <= height + high) & (beside <= width * high + height * wide)


def _segments_meet(segments: np.ndarray, other: np.ndarray) -> np.ndarray:
    ax, ay, bx, by = segments.T
    cx, cy, dx, dy = other

    def turn(px, py, qx, qy, rx, ry):
        return (qx - px) * (ry - py) - (qy - py) * (rx - px)

    apart = turn(ax, ay, bx, by, cx, cy) * turn(ax, ay, bx, by, dx, dy) > 0
    return ~apart & (turn(cx, cy, dx, dy, ax, ay) * turn(cx, cy, dx, dy, bx, by) <= 0)
