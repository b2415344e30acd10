"""A drawing as PNG, SVG and PDF: what is said of it goes into each file, no time, no program's name and no random id does."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_pdf import Op, PdfFile, RendererPdf
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kcq_eval.figures import DRAWN_TEXTS
from kcq_eval.figures.palette import grey

if TYPE_CHECKING:
    from kcq_eval.figures.style import Drawing

TEXTS_NAMESPACE = "urn:kcq-eval:drawn-texts"
_ZLIB_RUN_LENGTHS = 3  # zlib's Z_RLE
_ROOT = re.compile(r'<svg [^>]*?width="[^"]*" height="[^"]*"[^>]*>')
_SIZE = re.compile(r'width="[^"]*" height="[^"]*"')


def drawn_texts(drawing: Drawing) -> list[str]:
    """Every text in the order of drawing, taken from what is drawn; one that was broken into lines is one again."""
    told: list[str] = []
    before: Text | None = None
    for text in (*drawing.texts, *(text for ax in drawing.axes for text in ax.texts)):
        if text.get_visible() and text.get_text().strip():
            if before is not None and _goes_on(before, text):
                told[-1] += f" {text.get_text()}"
            else:
                told.append(text.get_text())
            before = text
    return told


def _goes_on(before: Text, text: Text) -> bool:
    """Whether a line is the next of a text that was broken into lines."""
    from kcq_eval.figures.style import line_height

    alike = all(getattr(before, get)() == getattr(text, get)() for get in ("get_fontsize", "get_fontweight", "get_color", "get_ha"))
    (x, y), (next_x, next_y) = before.get_position(), text.get_position()
    return alike and x == next_x and abs(y - next_y - line_height(text.get_fontsize())) < 1e-6


def rendered(drawing: Drawing, form: str) -> bytes:
    """The bytes of a PNG, SVG or PDF."""
    buffer = io.BytesIO()
    {"png": _render_png, "svg": _render_svg, "pdf": _render_pdf}[form](drawing, buffer)
    return buffer.getvalue()


def make_grey(drawing: Drawing) -> None:
    """Every colour becomes its level of grey print."""
    for artist in drawing.findobj(lambda one: isinstance(one, Text | Line2D | Patch)):
        if isinstance(artist, Patch):
            fill, edge, hatch = artist.get_facecolor(), artist.get_edgecolor(), artist.get_hatchcolor()
            artist.set(facecolor=_grey(fill), edgecolor=_grey(edge), hatchcolor=_grey(hatch))
        else:
            artist.set_color(_grey(artist.get_color()))
        if isinstance(artist, Line2D):
            artist.set(markerfacecolor=_grey(artist.get_markerfacecolor()), markeredgecolor=_grey(artist.get_markeredgecolor()))


def _grey(colour: Any) -> tuple[float, float, float, float]:
    rgba = to_rgba(colour)
    return (*[grey(rgba[:3])] * 3, rgba[3])


def _render_png(drawing: Drawing, buffer: io.BytesIO) -> None:
    """As `savefig` does, but opaque and with run-length compression: half the time, and the file is no larger."""
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    image = Image.frombuffer("RGBA", canvas.get_width_height(physical=True), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    spoken = PngInfo()
    for name, text in (("Title", drawing.words.title), ("Description", drawing.alt), (DRAWN_TEXTS, "\n".join(drawn_texts(drawing)))):
        spoken.add_itxt(name, text)
    per_inch = round(drawing.dpi / drawing.page.scale)
    image.convert("L" if drawing.page.grey else "RGB").save(buffer, "png", compress_type=_ZLIB_RUN_LENGTHS, pnginfo=spoken, dpi=(per_inch, per_inch))


def _render_svg(drawing: Drawing, buffer: io.BytesIO) -> None:
    plain = io.StringIO()
    drawing.savefig(plain, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawn = plain.getvalue()
    root = _ROOT.search(drawn)
    wide, high = (side * drawing.page.scale * 25.4 for side in drawing.get_size_inches())
    opened = _SIZE.sub(f'width="{wide:.6g}mm" height="{high:.6g}mm"', root[0], count=1)
    language = f' lang="{drawing.words.language}"' if drawing.words.language else ""
    opened = f'{opened[:-1]} role="img"{language} aria-label={quoteattr(drawing.alt)}>'
    lines = "".join(f"\n  <t>{escape(line)}</t>" for line in drawn_texts(drawing))
    told = f"\n <title>{escape(drawing.words.title)}</title>\n <desc>{escape(drawing.alt)}</desc>"
    told += f'\n <metadata>\n <texts xmlns="{TEXTS_NAMESPACE}">{lines}\n </texts>\n </metadata>'
    buffer.write((drawn[: root.start()] + opened + told + drawn[root.end() :]).encode())


class _ScaledPdf(PdfFile):
    """A PDF whose one page, its hatches included, is drawn smaller by one factor."""

    def __init__(self, filename: Any, scale: float, metadata: dict[str, Any]):
        self._scale = scale
        super().__init__(filename, metadata=metadata)

    def newPage(self, width: float, height: float) -> None:  # noqa: N802 (matplotlib's name)
        super().newPage(width * self._scale, height * self._scale)
        self.width, self.height = width, height  # what lies beyond these is left out
        self.output(self._scale, 0, 0, self._scale, 0, 0, Op.concat_matrix)

    def beginStream(self, id: int, len: Any, extra: dict | None = None, png: Any = None) -> None:  # noqa: A002, N802
        if extra and "Matrix" in extra:
            extra["Matrix"] = [self._scale * number for number in extra["Matrix"]]
        super().beginStream(id, len, extra, png)


def _render_pdf(drawing: Drawing, buffer: io.BytesIO) -> None:
    told = {"CreationDate": None, "Creator": None, "Producer": None}
    told |= {"Title": drawing.words.title, "Subject": drawing.alt, "Keywords": " | ".join(drawn_texts(drawing))}
    before, (width, height) = drawing.dpi, drawing.get_size_inches()
    file = _ScaledPdf(buffer, drawing.page.scale, told)
    try:
        drawing.dpi = 72  # points
        file.newPage(width, height)
        renderer = MixedModeRenderer(drawing, width, height, before, RendererPdf(file, before, height, width))
        drawing.draw(renderer)
        renderer.finalize()
        file.finalize()
    finally:
        file.close()
        drawing.dpi = before
