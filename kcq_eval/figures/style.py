"""The look of every figure: page, type, the frame around a chart, and the one place that saves.

Lengths are inches from the lower left corner of the page as it is laid out, type sizes are points there. Margins are fixed
and texts are measured before they are placed, so that no figure needs an automatic layout or a tight box (both draw
everything twice).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from kcq_eval.figures import palette, saving
from kcq_eval.kept import write_whole

FORMATS = ("png", "svg", "pdf")
DPI = 150

FONT_FOLDER = Path(__file__).parent / "fonts"
FAMILY = "KCQ Sans"

BOUND_PX = 0.5  # narrower than this on the 1920 px canvas, bounds are a point

_KICKER_PT = 14.0
_SOURCE_PT, _SOURCE_ONE_LINE_PT, _SOURCE_SMALLEST_PT = 12.5, 11.5, 9.0
_LEADING = 1.2

_RC = {
    "font.family": [FAMILY, "DejaVu Sans"],
    "font.size": 18.0,
    "text.color": palette.INK,
    "text.hinting": "no_hinting",
    "text.parse_math": False,
    "text.usetex": False,
    "axes.unicode_minus": True,
    "figure.facecolor": palette.PAPER,
    "savefig.facecolor": "auto",
    "savefig.bbox": None,
    "savefig.transparent": False,
    "hatch.linewidth": 1.6,
    "lines.solid_capstyle": "butt",
    "path.simplify": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "kcq_eval",
    "svg.id": None,
    "pdf.fonttype": 3,
    "pdf.compression": 6,
    "pdf.use14corefonts": False,
}


@dataclass(frozen=True)
class FigureWords:
    """All words of one figure, ready in the reader's language; charts format no number.

    Attributes:
        title: The figure's one message; a kicker stands before it.
        subtitle: What is shown: measure, scope, unit.
        source_line: Sources, and what the reader must know about them.
        alt: The figure told to somebody who cannot see it; the title when empty.
        terms: Words that a chart needs, by the keys its docstring names.
        axis: Unit of the values.
        kicker: What the title begins with and the figure sets apart: that the results rest on invented rows.
        language: Of all these words, as SVG names it.
        numbers: Ids of the numbers that the figure tells.
    """

    title: str
    subtitle: str
    source_line: str
    alt: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)
    axis: str = ""
    kicker: str = ""
    language: str = ""
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """What a figure is laid out on: its size there, how much smaller it is printed, and the sizes of its heading.

    Attributes:
        name: "" for the screen; what stands before the suffix of a file's name otherwise.
        width, height: Inches.
        scale: Inches of the finished picture for one of the layout.
        dpi: Pixels of a PNG for one inch of the layout.
        grey: Without colours.
    """

    name: str
    width: float
    height: float
    scale: float
    dpi: float
    grey: bool
    margin: float
    title: tuple[float, float]
    subtitle: tuple[float, float]


SCREEN = Page("", 12.8, 7.2, 1.0, DPI, grey=False, margin=0.55, title=(28.0, 16.0), subtitle=(17.0, 13.0))
_A4 = 160 / 25.4 / 10.0  # the text of an A4 page is 160 mm wide
PRINT = Page("print", 10.0, 7.0, _A4, 300 * _A4, grey=True, margin=0.12, title=(23.0, 15.0), subtitle=(15.5, 13.0))
PAGES = (SCREEN, PRINT)
_page: ContextVar[Page] = ContextVar("page", default=SCREEN)


class Drawing(Figure):
    """A figure that knows its words and the page it is laid out for."""

    def __init__(self, words: FigureWords, page: Page):
        super().__init__(figsize=(page.width, page.height), dpi=page.dpi)
        FigureCanvasAgg(self)
        self.words, self.page = words, page

    @property
    def alt(self) -> str:
        return self.words.alt or self.words.title


@dataclass(frozen=True)
class Area:
    """A rectangle of the canvas, in inches from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def top(self) -> float:
        return self.bottom + self.height

    def axes(self, fig: Figure, x_limits: tuple[float, float], y_limits: tuple[float, float]) -> Axes:
        """Bare axes that fill the rectangle."""
        wide, high = fig.get_size_inches()
        ax = fig.add_axes((self.left / wide, self.bottom / high, self.width / wide, self.height / high))
        ax.set_axis_off()
        ax.set(xlim=x_limits, ylim=y_limits)
        return ax


@contextmanager
def conference() -> Iterator[None]:
    """The look is borrowed: matplotlib's settings are the caller's again afterwards, and have no part in it. Also a decorator."""
    _register_fonts()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


@functools.cache
def _register_fonts() -> None:
    for file in sorted(FONT_FOLDER.glob("*.otf")):
        font_manager.fontManager.addfont(file)


# ---------------------------------------------------------------- type


def text_width(text: str, points: float, weight: str = "normal") -> float:
    """Width of one line in inches, as it will be drawn. Unhinted type scales, so that it is measured at one size only."""
    return _width_at_72(text, weight) * points / 72


@functools.lru_cache(maxsize=16384)
def _width_at_72(text: str, weight: str) -> float:
    _register_fonts()
    font = FontProperties(family=_RC["font.family"], size=72, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def line_height(points: float) -> float:
    """Distance between two baselines in inches."""
    return points * _LEADING / 72


def wrap(text: str, width: float, points: float, weight: str = "normal", *, even: bool = True) -> list[str]:
    """Breaks at ordinary spaces into the fewest lines that fit `width`.

    `even` makes the lines alike in length, or breaks after a comma, colon or semicolon. A single word that is wider than
    `width` stands alone on its line; no-break spaces hold.
    """
    lines = _greedy(text, width, points, weight)
    if not even:
        return lines
    if len(lines) == 2:
        words = text.split(" ")
        wide = [text_width(word, points, weight) + text_width(" ", points, weight) for word in words]
        breaks = range(1, len(words))
        fitting = [n for n in breaks if max(sum(wide[:n]), sum(wide[n:])) <= width] or [len(lines[0].split(" "))]
        best = min(
            fitting, key=lambda n: abs(sum(wide[:n]) - sum(wide[n:])) / width - (0.45 if words[n - 1][-1:] in ",;:" else 0.0)
        )
        return [" ".join(words[:best]), " ".join(words[best:])]
    if len(lines) > 2:
        narrow, wide = width / len(lines), width
        for _ in range(8):
            middle = (narrow + wide) / 2
            narrower = _greedy(text, middle, points, weight)
            if len(narrower) > len(lines) or any(text_width(line, points, weight) > width for line in narrower):
                narrow = middle
            else:
                wide, lines = middle, narrower
    return lines


def _greedy(text: str, width: float, points: float, weight: str) -> list[str]:
    lines: list[str] = []
    used, space = 0.0, text_width(" ", points, weight)
    for word in text.split(" "):
        wide = text_width(word, points, weight)
        if lines and used + space + wide <= width:
            lines[-1] += f" {word}"
            used += space + wide
        else:
            lines.append(word)
            used = wide
    return lines


def fit(
    text: str, width: float, points: float, weight: str = "normal", *, lines: int = 1, smallest: float = 11.0, even: bool = True
) -> tuple[list[str], float]:
    """The text in at most so many lines, and the largest size up to `points` at which it fits.

    Raises:
        ValueError: It does not fit at the smallest size either; a text is never cut.
    """
    size = points
    while True:
        found = wrap(text, width, size, weight, even=even)
        if len(found) <= lines and all(text_width(line, size, weight) <= width for line in found):
            return found, size
        if size <= smallest:
            raise ValueError(f"{text!r} does not fit into {lines} line(s) of {width:.1f} in at {smallest:g} pt")
        size = max(smallest, size - 0.5)


def fit_alike(
    texts: Sequence[str], width: float, points: float, weight: str = "normal", *, lines: int = 1, smallest: float = 11.0
) -> tuple[list[list[str]], float]:
    """Texts of one kind, each in at most so many lines, and the size at which all of them fit."""
    size = min((fit(text, width, points, weight, lines=lines, smallest=smallest)[1] for text in texts), default=points)
    return [wrap(text, width, size, weight) for text in texts], size


def write(
    fig: Figure, x: float, baseline: float, text: str, points: float, *, weight: str = "normal", colour: str = palette.INK, ha: str = "left"
) -> Text:
    """One line of type at a place in inches."""
    place = {"ha": ha, "va": "baseline", "transform": fig.dpi_scale_trans}
    return fig.text(x, baseline, text, size=points, weight=weight, color=colour, zorder=5, **place)


def write_lines(
    fig: Figure,
    x: float,
    top: float,
    lines: Sequence[str],
    points: float,
    *,
    weight: str = "normal",
    colour: str = palette.INK,
    ha: str = "left",
) -> float:
    """Lines of type below each other; `top` is the upper edge of the first line, the lower edge of the last is returned."""
    step = line_height(points)
    for number, line in enumerate(lines):
        write(fig, x, top - number * step - 0.93 * points / 72, line, points, weight=weight, colour=colour, ha=ha)
    return top - len(lines) * step


@dataclass(frozen=True)
class Run:
    """A piece of a line that has its own weight, size or colour."""

    text: str
    points: float
    weight: str = "normal"
    colour: str = palette.INK

    @property
    def width(self) -> float:
        return text_width(self.text, self.points, self.weight)


def runs_width(runs: Sequence[Run]) -> float:
    return sum(run.width for run in runs) + sum(_space(run) for run in runs[:-1])


def shrunk(runs: Sequence[Run], width: float) -> list[Run]:
    """The runs, smaller by one factor where the line would be wider than `width`."""
    factor = min(1.0, width / runs_width(runs)) if runs else 1.0
    return [replace(run, points=run.points * factor) for run in runs]


def write_runs(fig: Figure, left: float, baseline: float, runs: Sequence[Run]) -> None:
    """Several runs after each other on one baseline, a space between them."""
    for run in runs:
        write(fig, left, baseline, run.text, run.points, weight=run.weight, colour=run.colour)
        left += run.width + _space(run)


def _space(run: Run) -> float:
    return 0.32 * run.points / 72


# ---------------------------------------------------------------- frame


def frame(words: FigureWords) -> tuple[Drawing, Area]:
    """A page with title, subtitle and source line, and the rectangle left for the chart."""
    page = _page.get()
    fig = Drawing(words, page)
    margin, width = page.margin, page.width - 2 * page.margin

    top = page.height - (0.38 if page is SCREEN else 0.1)
    title = words.title
    if words.kicker and title.startswith(words.kicker):
        title = title.removeprefix(words.kicker).lstrip(": ")
        tag(fig, margin, top - 0.25, Run(words.kicker, _KICKER_PT, "bold", palette.PAPER), palette.INK)
        top -= 0.42
    lines, size = fit(title, width, page.title[0], "bold", lines=2, smallest=page.title[1])
    top = write_lines(fig, margin, top, lines, size, weight="bold")
    if words.subtitle:
        lines, size = fit(words.subtitle, width, page.subtitle[0], lines=2, smallest=page.subtitle[1])
        top = write_lines(fig, margin, top - 0.08, lines, size, colour=palette.MUTED)

    bottom = 0.3 if page is SCREEN else 0.1
    if words.source_line:
        lines, size = _source_lines(words.source_line, width)
        bottom += len(lines) * line_height(size)
        write_lines(fig, margin, bottom, lines, size, colour=palette.MUTED)
    bottom += 0.2
    return fig, Area(margin, bottom, width, top - 0.25 - bottom)


def tag(fig: Figure, left: float, baseline: float, run: Run, colour: str) -> None:
    """A word on a ground of its own."""
    ground = FancyBboxPatch(
        (left, baseline - 0.28 * run.points / 72), run.width + 0.2, 1.3 * run.points / 72, boxstyle="round,pad=0,rounding_size=0.05",
        transform=fig.dpi_scale_trans, facecolor=colour, edgecolor="none", zorder=3,
    )  # fmt: skip
    fig.add_artist(ground)
    write(fig, left + 0.1, baseline, run.text, run.points, weight=run.weight, colour=run.colour)


def rule(fig: Figure, left: float, right: float, y: float) -> None:
    """A fine line across, between two rows."""
    look = {"facecolor": palette.TRACK, "edgecolor": "none", "zorder": 0.5}
    fig.add_artist(Rectangle((left, y - 0.005), right - left, 0.01, transform=fig.dpi_scale_trans, **look))


def _source_lines(text: str, width: float) -> tuple[list[str], float]:
    """One line where a slightly smaller size allows it, else up to three."""
    single = text_width(text, _SOURCE_ONE_LINE_PT)
    if single <= width:
        return [text], min(_SOURCE_PT, _SOURCE_ONE_LINE_PT * width / single)
    return fit(text, width, _SOURCE_PT, lines=3, smallest=_SOURCE_SMALLEST_PT, even=False)


def bounds_show(lower: float, upper: float, inches_per_unit: float) -> bool:
    """Whether the bounds are far enough apart to be seen; an unknown end (NaN) draws nothing."""
    return (upper - lower) * inches_per_unit * DPI > BOUND_PX


# ---------------------------------------------------------------- drawing and saving


def drawn(draw: Callable[[], Drawing], page: Page) -> Drawing:
    """What `draw` draws, laid out for a page."""
    token = _page.set(page)
    try:
        drawing = draw()
    finally:
        _page.reset(token)
    if page.grey:
        saving.make_grey(drawing)
    return drawing


def save(drawing: Drawing, folder: Path, name: str, formats: Sequence[str] = FORMATS) -> dict[str, str]:
    """Writes `name`.png, .svg and .pdf, each drawn once, and returns the SHA-256 of each by what follows the name (png, print.png).

    A page that is not the screen's stands in the name: `name`.print.png. The bytes depend on nothing but the drawing: no
    time, no folder, no random id. A file is there whole or not at all.

    All files say what the figure shows: title and alternative text are `<title>` and `<desc>` of the SVG (role `img`, with
    the alternative text as its label), Title and Subject of the PDF, the texts Title and Description of the PNG. Letters are
    outlines; what was written is there to be read back, taken from the artists themselves, one text each, in the
    order of drawing: in the SVG `<metadata><texts xmlns="urn:kcq-eval:drawn-texts"><t>line</t>…</texts></metadata>`, in the
    PNG the international text `Drawn-Texts` with a line feed between two, in the PDF's Keywords with " | " between them.

    Raises:
        ValueError: A format that is not one of `FORMATS`; nothing is written then.
    """
    unknown = [form for form in formats if form not in FORMATS]
    if unknown:
        raise ValueError(f"unknown figure format {', '.join(map(repr, unknown))}; expected any of {', '.join(FORMATS)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {}
    for form in dict.fromkeys(formats):
        with conference():
            content = saving.rendered(drawing, form)
        ending = file_ending(drawing.page, form)
        hashes[ending] = write_whole(folder / f"{name}.{ending}", content)
    return hashes


def file_ending(page: Page, form: str) -> str:
    """What follows a figure's name: `png`, `print.png`."""
    return f"{page.name}.{form}" if page.name else form
