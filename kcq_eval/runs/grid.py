"""A grid of runs: the file that names axes over parameters, checked wholly before anything runs and never expanded where it is too large.

    fixed: {language: en}
    axes:
      price_basis: every
      period: {from: 2016-2018, to: 2021-2023}
      baseline: before
      map_vintage, map_extent: [["63", centre], ["34", country]]
    exclude:
      - {price_basis: cpi, period: [2016-2018, 2017-2019]}
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kcq_eval.errors import BadInput, Problem, Problems, nearest
from kcq_eval.parameters import Parameters, Period, entries, read_parameters, value_problems
from kcq_eval.vocabulary import ALL

EVERY, BEFORE = "every", "before"
KEYS, RANGE_KEYS = ("fixed", "axes", "exclude"), ("from", "to", "step")
PERIODS = ("period", "baseline")
_FORM = "axes: {price_basis: [nominal, cpi]}"
# What changes nothing about whether a run is possible.
_PRESENTATION = ("language", "share_whole", "price_basis", "map_vintage", "map_extent", "figure_formats", "with_names")


@dataclass(frozen=True)
class Axis:
    """Parameters that change together, and the values they take, one tuple for one step of the axis."""

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Grid:
    """All runs that a file asks for: every combination of its axes but those excluded."""

    fixed: Mapping[str, Any]
    axes: tuple[Axis, ...]
    exclude: tuple[Mapping[str, tuple[Any, ...]], ...]
    file: str

    @property
    def size(self) -> int:
        """Combinations before exclusions, counted without making them."""
        return math.prod(len(axis.values) for axis in self.axes)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that change."""
        return tuple(name for axis in self.axes for name in axis.names)

    def combinations(self) -> Iterator[dict[str, Any]]:
        """The parameters of each run, as given."""
        for steps in itertools.product(*(axis.values for axis in self.axes)):
            given = dict(self.fixed) | {name: value for axis, step in zip(self.axes, steps) for name, value in zip(axis.names, step)}
            if given.get("baseline") == BEFORE:
                given["baseline"] = _before(given.get("period", _default("period")))
            if not any(all(given.get(name, _default(name)) in values for name, values in rule.items()) for rule in self.exclude):
                yield given

    def parameters(self) -> list[Parameters]:
        """The runs' parameters.

        Raises:
            BadInput: Combinations that no run can have, each kind of problem once.
        """
        problems, found = Problems(), []
        for given in self.combinations():
            try:
                found.append(read_parameters(given, file=self.file))
            except BadInput as error:
                problems += [problem for problem in error.problems if problem not in problems]
        if not found and not problems:
            problems.append(Problem("grid_empty", self.file, None, "exclude"))
        problems.stop()
        return found


def evidence_of(parameters: Parameters) -> tuple[Any, ...]:
    """What of the parameters says which data a run rests on; the rest only says how they are told."""
    return tuple(value for name, value in parameters.model_dump().items() if name not in (*_PRESENTATION, "out_dir"))


def load_grid(path: Path, *, most: int, placed: Callable[[dict[str, Any]], dict[str, Any]] = lambda given: given) -> Grid:
    """Read a grid.

    Args:
        most: The largest number of runs that is accepted.
        placed: Tells files and folders as the project finds them.

    Raises:
        BadInput: Everything that cannot be used, all at once: unknown names and values, too many runs.
    """
    problems = Problems()
    read = _read(path, problems)
    problems.stop()
    grid = _Reader(path.name, problems, placed).grid(read)
    problems.stop()
    if grid.size > most:
        raise BadInput([Problem("grid_too_large", path.name, None, "axes", _thousands(grid.size), f"≤ {_thousands(most)}")])
    return grid


def _read(path: Path, problems: Problems) -> dict[str, Any]:
    import yaml

    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError:
        near = nearest(path.name, [p.name for p in path.parent.glob("*.y*ml")]) if path.parent.is_dir() else ""
        problems.append(Problem("missing_file", str(path), nearest=near))
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem("bad_yaml", path.name, mark.line + 1 if mark else None, expected=_FORM))
        return {}
    if not isinstance(read, dict):
        problems.append(Problem("bad_yaml", path.name, expected=_FORM))
        return {}
    return read


class _Reader:
    """Turns what stands in the file into a grid, and collects what cannot be."""

    def __init__(self, file: str, problems: Problems, placed: Callable[[dict[str, Any]], dict[str, Any]]):
        self._file, self._problems, self._placed = file, problems, placed
        self._kinds = {entry.name: entry for entry in entries()}

    def grid(self, read: dict[str, Any]) -> Grid:
        for key in [key for key in read if key not in KEYS]:
            self._problem("grid_key", str(key), str(key), ", ".join(KEYS), nearest(str(key), KEYS))
        fixed, axes, exclude = read.get("fixed") or {}, read.get("axes"), read.get("exclude") or []
        if not isinstance(fixed, dict):
            self._problem("grid_form", "fixed", str(fixed), "fixed: {language: en}")
            fixed = {}
        if not isinstance(axes, dict) or not axes:
            self._problem("grid_form", "axes", "" if axes is None else str(axes), _FORM)
            axes = {}
        if not isinstance(exclude, list) or not all(isinstance(rule, dict) and rule for rule in exclude):
            self._problem("grid_form", "exclude", str(exclude), "exclude: [{price_basis: cpi, language: en}]")
            exclude = []
        fixed = {str(name): self._normal(str(name), [value])[0] for name, value in fixed.items()}
        told = [tuple(part.strip() for part in str(name).split(",")) for name in axes]
        names = [name for together in told for name in together]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1 or name in fixed):
            self._problem("grid_twice", name)
        made = [self._axis(together, values, fixed, names) for together, values in zip(told, axes.values())]
        rules = []
        for rule in exclude:
            rules.append({str(name): tuple(self._normal(str(name), value if isinstance(value, list) else [value])) for name, value in rule.items()})
        return Grid(fixed, tuple(axis for axis in made if axis), tuple(rules), self._file)

    def _axis(self, names: tuple[str, ...], given: Any, fixed: dict[str, Any], swept: list[str]) -> Axis | None:
        unknown = [name for name in names if name not in self._kinds or name == "out_dir"]
        for name in unknown:
            valid = [known for known in self._kinds if known != "out_dir"]
            self._problem("unknown_parameter", name, name, ", ".join(valid), "" if name == "out_dir" else nearest(name, valid))
        if unknown:
            return None
        if len(names) > 1:
            return self._together(names, given)
        (name,) = names
        values = self._values(name, given, fixed, swept)
        if values is None:
            return None
        if not values:
            self._problem("grid_form", name, str(given), _FORM)
        values = self._normal(name, values)
        for value in dict.fromkeys(str(value) for place, value in enumerate(values) if value in values[:place]):
            self._problem("grid_value_twice", name, value)
        return Axis(names, tuple((value,) for value in values))

    def _together(self, names: tuple[str, ...], given: Any) -> Axis | None:
        """Several parameters that change together: a list of lists, one value for each."""
        if not isinstance(given, list) or not given or not all(isinstance(step, list) and len(step) == len(names) for step in given):
            self._problem("grid_form", ", ".join(names), str(given), f"{', '.join(names)}: [[…, …], […, …]]")
            return None
        columns = [self._normal(name, [step[place] for step in given]) for place, name in enumerate(names)]
        return Axis(names, tuple(zip(*columns)))

    def _values(self, name: str, given: Any, fixed: dict[str, Any], swept: list[str]) -> list[Any] | None:
        if isinstance(given, list):
            return given
        if isinstance(given, dict):
            return self._range(name, given)
        if given == EVERY:
            return self._every(name, fixed, swept)
        return [given]

    def _range(self, name: str, given: dict[str, Any]) -> list[Any] | None:
        """Periods of one length from the first to the last, so many years apart."""
        form = "{from: 2016-2018, to: 2021-2023, step: 1}"
        step = given.get("step", 1)
        try:
            first, last = (Period.parse(str(given[key])) for key in ("from", "to"))
        except (KeyError, ValueError):
            first = last = None
        sound = name in PERIODS and set(given) <= set(RANGE_KEYS) and first and isinstance(step, int) and not isinstance(step, bool) and step > 0
        if not sound or len(first.years) != len(last.years) or first > last:
            self._problem("grid_range", name, str(given), form if name in PERIODS else _FORM)
            return None
        return [str(Period(start, start + len(first.years) - 1)) for start in range(first.start, last.start + 1, step)]

    def _every(self, name: str, fixed: dict[str, Any], swept: list[str]) -> list[Any] | None:
        """All values that a parameter can take, where the contract or the data say which."""
        entry = self._kinds[name]
        if entry.choices:
            return list(entry.choices)
        if entry.type == "bool":
            return [False, True]
        try:
            return self._from_data(name, fixed, swept)
        except BadInput as error:
            self._problems += [problem for problem in error.problems if problem not in self._problems]
            return None
        except LookupError:
            self._problem("grid_every", name, EVERY, entry.help.form)
            return None

    def _from_data(self, name: str, fixed: dict[str, Any], swept: list[str]) -> list[Any]:
        """Raises LookupError: The data do not say which values there are."""
        from kcq_eval.claims import load_published
        from kcq_eval.datafiles import resolve_folder

        if "data_dir" in swept:
            raise LookupError(name)
        published = load_published(resolve_folder(fixed.get("data_dir", _default("data_dir"))))
        if name == "centre":
            return list(published.vocabulary.centres)
        if name == "scheme_kind":
            return [*published.vocabulary.scheme_kinds, ALL]
        if name == "sources":
            return [ALL, *published.sources] if len(published.sources) > 1 else [ALL]
        if name == "period":
            return [str(period) for period in sorted({claim.quantity.period for claim in published.claims})]
        if name == "explanation" and "sources" not in swept:
            return self._explanations(fixed)
        raise LookupError(name)

    @staticmethod
    def _explanations(fixed: dict[str, Any]) -> list[str]:
        """Every minimal explanation of what contradicts, and all of the smallest ones set aside together."""
        from kcq_eval.evaluation import evaluate

        chosen = {name: fixed[name] for name in ("sources", "data_dir") if name in fixed}
        found = evaluate(read_parameters(chosen)).corrected.explanations
        return ["+".join(explanation) for explanation in found] + ["tied"] if found else ["first"]

    def _normal(self, name: str, values: list[Any]) -> list[Any]:
        """Values in the form that the contract gives them; what is wrong with one is kept as a problem, and the value as it is."""
        normal = []
        for value in values:
            placed = self._placed({name: value})[name]
            problems = value_problems(name, placed, file=self._file) if name != "out_dir" else [Problem("unknown_parameter", self._file, None, name, name)]
            if not problems:
                normal.append(getattr(Parameters(**{name: placed}), name))
            elif name == "baseline" and value == BEFORE:
                normal.append(BEFORE)
            else:
                self._problems += [problem for problem in problems if problem not in self._problems]
                normal.append(value)
        return normal

    def _problem(self, message: str, column: str, found: str = "", expected: str = "", near: str = "") -> None:
        self._problems.append(Problem(message, self._file, None, column, found, expected, near))


def _before(period: str) -> str:
    """The years just before a period, as many; what is no period stays for the contract to refuse."""
    try:
        of = Period.parse(period)
        return str(Period(of.start - len(of.years), of.start - 1))
    except ValueError:
        return BEFORE


@functools.cache
def _default(name: str) -> Any:
    return Parameters.model_fields[name].default


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")
