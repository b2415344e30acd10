"""The one contract for parameters: names, types, choices, defaults and help of everything a run can be told.

It feeds the notebooks' parameter cells, the command line, and the table that `kcq-eval parameters` prints.
"""

from __future__ import annotations

import functools
import os
import re
import typing
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from kcq_eval.datafiles import project_root
from kcq_eval.errors import Problem, Problems, nearest

FIGURE_FORMATS = ("png", "svg", "pdf")
INPUTS = ("register", "criteria", "commentary", "template")  # files of the user's
SELECTIONS = {"support_types": "support_type", "sectors": "sector", "provinces": "province"}  # parameters that choose rows, by dimension
FOLDERS = (*INPUTS, "data_dir", "out_dir")  # where things lie; what lies there counts, not where
_PERIOD = re.compile(r"([0-9]{4})(?:\s*[-–]\s*([0-9]{4}))?")
_YEARS = range(1990, 2101)


@functools.total_ordering
@dataclass(frozen=True)
class Period:
    """Calendar years from `start` to `end`, both included. Printed "2021–2023", written "2021-2023"."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """Raises ValueError: not a year or two years in order, or outside 1990–2100."""
        match = _PERIOD.fullmatch(text.strip())
        if not match:
            raise ValueError(text)
        start, end = int(match[1]), int(match[2] or match[1])
        if start > end or start not in _YEARS or end not in _YEARS:
            raise ValueError(text)
        return cls(start, end)

    @property
    def years(self) -> range:
        return range(self.start, self.end + 1)

    @property
    def midpoint(self) -> float:
        return (self.start + self.end) / 2

    @property
    def text(self) -> str:
        """As readers see it, with an en dash."""
        return str(self).replace("-", "–")

    def __str__(self) -> str:
        return str(self.start) if self.start == self.end else f"{self.start}-{self.end}"

    def __lt__(self, other: Period) -> bool:
        return (self.start, self.end) < (other.start, other.end)

    def __contains__(self, other: Period) -> bool:
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class Help:
    """What a parameter is, for the user; `form` says how free text is written."""

    vi: str
    en: str
    form: str = ""


def _as_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | list | tuple):
        return value
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _period(value: Any) -> str:
    try:
        return str(Period.parse(str(value)))
    except ValueError:
        raise ValueError("2021-2023") from None


def _formats(value: Any) -> str:
    chosen = [part.strip().lower() for part in str(value).split(",") if part.strip()]
    if not chosen or set(chosen) - set(FIGURE_FORMATS):
        raise ValueError(",".join(FIGURE_FORMATS))
    return ",".join(f for f in FIGURE_FORMATS if f in {*chosen, "png"})  # the notebooks and the page show the PNG


def _chosen(value: Any) -> str:
    return ",".join(dict.fromkeys(part.strip() for part in str(value).split(",") if part.strip())) or "all"


Text = Annotated[str, BeforeValidator(_as_text)]
Codes = Annotated[str, BeforeValidator(_chosen), BeforeValidator(_as_text)]
PeriodText = Annotated[str, BeforeValidator(_period)]


# The parameter `register` is called like a method of pydantic's metaclass, which no instance sees.
warnings.filterwarnings("ignore", message='Field name "register" in "Parameters" shadows', category=UserWarning)


class Parameters(BaseModel):
    """The parameters of one run. Codes are checked against the data by `read_parameters`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: Annotated[PeriodText, Help("Giai đoạn đánh giá", "period evaluated", "YYYY-YYYY")] = "2021-2023"
    baseline: Annotated[PeriodText, Help("Kỳ so sánh (giai đoạn trước)", "period compared with", "YYYY-YYYY")] = "2018-2020"
    allow_unequal_periods: Annotated[
        bool, Help("Cho phép hai giai đoạn dài ngắn khác nhau", "allow periods of unequal length")
    ] = False
    language: Annotated[Literal["vi", "en"], Help("Ngôn ngữ kết quả", "language of the results")] = "vi"
    sources: Annotated[
        Text, Help("Nguồn số liệu, cách nhau bằng dấu phẩy", "sources to use, comma between them", "all | id,id")
    ] = "all"
    centre: Annotated[Text, Help("Trung tâm thực hiện", "centre evaluated", "data/vocabulary/centres.csv")] = "ipc1"
    scheme_kind: Annotated[
        Text, Help("Loại đề án được đánh giá", "scheme kind evaluated", "data/vocabulary/scheme_kinds.csv")
    ] = "focal"
    share_whole: Annotated[
        Literal["all", "rest"],
        Help("Mẫu số của tỷ trọng: mọi đề án, hay nhóm còn lại", "whole of the share: all schemes, or the remaining kinds"),
    ] = "all"
    price_basis: Annotated[
        Literal["nominal", "cpi", "gdp_deflator"],
        Help("Giá hiện hành, hay loại trừ yếu tố giá theo CPI, chỉ số giảm phát GDP", "current prices, or deflated by CPI or GDP deflator"),
    ] = "nominal"
    map_vintage: Annotated[
        Annotated[Literal["63", "34"], BeforeValidator(_as_text)],
        Help("Bản đồ 63 tỉnh (đến 30/6/2025) hay 34 tỉnh", "map of 63 provinces (to 30 June 2025) or of 34"),
    ] = "63"
    map_extent: Annotated[
        Literal["centre", "country"], Help("Bản đồ địa bàn trung tâm hay cả nước", "map of the centre's area or of the country")
    ] = "centre"
    explanation: Annotated[
        Text,
        Help(
            "Phương án hiệu chỉnh được chấp nhận", "which explanation to accept", "first | tied | claim id, + between several"
        ),
    ] = "first"
    figure_formats: Annotated[
        str, BeforeValidator(_as_text), BeforeValidator(_formats), Help("Định dạng hình (luôn có png)", "figure formats (always png)", "png,svg,pdf")
    ] = "png,svg,pdf"
    register: Annotated[
        Text, Help("Sổ theo dõi cơ sở được hỗ trợ (để trống: chỉ dùng số liệu công bố)", "facility register (empty: published figures only)", "xlsx | xls | ods | csv | parquet | folder")
    ] = ""
    register_numbers: Annotated[
        Literal["auto", "vi", "en"],
        Help("Dạng số viết bằng chữ trong sổ: vi 1.234,5; en 1,234.5; auto: theo bằng chứng trong sổ", "format of numbers that stand as text in the register: vi 1.234,5; en 1,234.5; auto: as the register itself proves"),
    ] = "auto"
    count_unit: Annotated[
        Literal["support", "facility"],
        Help("Sổ đếm mỗi lượt hỗ trợ, hay mỗi cơ sở một lần trong giai đoạn", "the register counts every support, or a facility once per period"),
    ] = "support"
    support_types: Annotated[
        Codes, Help("Chỉ tính các dòng của sổ thuộc loại hình hỗ trợ này", "count only the register's rows of these support types", "all | mã,mã · code,code")
    ] = "all"
    sectors: Annotated[
        Codes, Help("Chỉ tính các dòng của sổ thuộc ngành này", "count only the register's rows of these sectors", "all | mã,mã · code,code")
    ] = "all"
    provinces: Annotated[
        Codes, Help("Chỉ tính các dòng của sổ thuộc tỉnh, thành phố này", "count only the register's rows of these provinces", "all | mã,mã · code,code")
    ] = "all"
    criteria: Annotated[
        Text, Help("Tệp tiêu chí đề án điểm (để trống: không xét)", "rules file of a focal scheme's criteria (empty: none)", "csv")
    ] = ""
    commentary: Annotated[
        Text, Help("Tệp lời bình của người đánh giá (để trống: không có)", "the evaluator's own passages (empty: none)", "md")
    ] = ""
    template: Annotated[
        Text, Help("Mẫu trình chiếu của đơn vị (để trống: mẫu có sẵn)", "the centre's own slide template (empty: the built-in one)", "pptx")
    ] = ""
    with_names: Annotated[
        bool, Help("Ghi tên cơ sở, mã số thuế vào kết quả", "write facilities' names and tax codes into the results")
    ] = False
    data_dir: Annotated[Text, Help("Thư mục số liệu", "data folder", "path")] = "data"
    out_dir: Annotated[Text, Help("Thư mục ghi kết quả", "folder written to", "path")] = "outputs/dev"

    @property
    def formats(self) -> tuple[str, ...]:
        return tuple(self.figure_formats.split(","))

    @property
    def current_period(self) -> Period:
        return Period.parse(self.period)

    @property
    def baseline_period(self) -> Period:
        return Period.parse(self.baseline)


@dataclass(frozen=True)
class Entry:
    """One parameter as the user meets it."""

    name: str
    type: str
    default: Any
    choices: tuple[str, ...]
    help: Help


def entries() -> list[Entry]:
    """All parameters, in the order of the contract."""
    result = []
    for name, field in Parameters.model_fields.items():
        choices = tuple(map(str, typing.get_args(field.annotation))) if typing.get_origin(field.annotation) is Literal else ()
        kind = "bool" if field.annotation is bool else "str"
        (told,) = [m for m in field.metadata if isinstance(m, Help)]
        result.append(Entry(name, kind, field.default, choices, told))
    return result


def without_place(name: str, value: Any) -> Any:
    """A parameter's value as results may tell it: of the user's files outside the project the name, not where they lie."""
    place = Path(str(value))
    return place.name if name in FOLDERS and (place.is_absolute() or str(value).startswith(("..", "./", "~"))) else value


def parameters_cell() -> str:
    """Source of the notebooks' cell tagged `parameters`: one line per parameter with its type and meaning."""
    lines = []
    for entry in entries():
        choices = " | ".join(entry.choices) or entry.help.form
        default = f'"{entry.default}"' if entry.type == "str" else repr(entry.default)
        meaning = f"{entry.help.vi} · {entry.help.en}" + (f" [{choices}]" if choices else "")
        lines.append(f"{entry.name}: {entry.type} = {default}  # {meaning}")
    return "\n".join(lines)


def read_parameters(given: Mapping[str, Any], *, file: str = "parameters") -> Parameters:
    """Parameters from names and values, all problems at once.

    Raises:
        BadInput: An unknown name, a value outside its choices, an impossible period or baseline.
    """
    problems = Problems()
    try:
        parameters = Parameters(**given)
    except ValidationError as error:
        problems += [_problem(detail, file) for detail in error.errors()]
        problems.stop()
    if parameters.baseline_period.end >= parameters.current_period.start:
        problems.append(
            Problem("baseline_not_before", file, None, "baseline", parameters.baseline, f"< {parameters.current_period.start}")
        )
    lengths = len(parameters.current_period.years), len(parameters.baseline_period.years)
    if lengths[0] != lengths[1] and not parameters.allow_unequal_periods:
        problems.append(
            Problem("unequal_periods", file, None, "baseline", f"{parameters.baseline} ({lengths[1]})", f"{parameters.period} ({lengths[0]})")
        )
    problems.stop()
    return parameters


def from_here(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters whose files are named relative to the working directory, told relative to the project."""
    placed = dict(given)
    for name in ("data_dir", *INPUTS):
        place = given.get(name)
        if isinstance(place, str) and place and Path(place).exists() and not Path(place).is_absolute():
            try:
                placed[name] = os.path.relpath(place, project_root())
            except ValueError:  # another drive
                placed[name] = os.path.abspath(place)
    return placed


def value_problems(name: str, value: Any, *, file: str = "parameters") -> list[Problem]:
    """What is wrong with the value of one parameter, or with its name; codes are checked against the data elsewhere."""
    try:
        Parameters(**{name: value})
    except ValidationError as error:
        return [_problem(detail, file) for detail in error.errors()]
    return []


def _problem(detail: Any, file: str) -> Problem:
    name = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        names = [entry.name for entry in entries()]
        return Problem("unknown_parameter", file, None, name, name, ", ".join(names), nearest(name, names))
    (entry,) = [e for e in entries() if e.name == name]
    found = str(detail["input"])
    if entry.choices:
        return Problem("unknown_value", file, None, name, found, ", ".join(entry.choices), nearest(found, entry.choices))
    expected = "true, false" if entry.type == "bool" else entry.help.form
    message = "bad_period" if name in ("period", "baseline") else "unknown_value"
    return Problem(message, file, None, name, found, expected)
