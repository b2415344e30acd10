"""A marked copy of a Word document: what does not hold is shaded and has a comment; the document itself is never changed."""

from __future__ import annotations

import copy
import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kcq_eval.check.matching import UNKNOWN, Finding
from kcq_eval.check.readers import tidied

AUTHOR, INITIALS = "kcq-eval", "kcq"
_SHADES = {UNKNOWN: "FFEB9C"}
_SHADE = "FFC7CE"
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def write_marked(draft: Path, place: Path, findings: Iterable[tuple[str, Finding]], told: Callable[[Finding], str]) -> int:
    """Write the copy; how many findings could be marked.

    Args:
        findings: Each with the text of the piece it stands in.
        told: What the comment on a finding says.
    """
    import docx
    from docx.oxml.ns import qn
    from docx.text.paragraph import Paragraph

    document = docx.Document(str(draft))
    wanted: dict[str, list[Finding]] = defaultdict(list)
    for text, finding in findings:
        wanted[text].append(finding)
    marked = 0
    for element in list(document.element.body.iter(qn("w:p"))):
        found = wanted.get(tidied("".join(text.text or "" for text in element.iter(qn("w:t")))))
        for finding in found or ():
            runs = list(_runs_of(element, finding, qn))
            for run in runs:
                _shade(run, _SHADES.get(finding.verdict, _SHADE), qn)
            if runs:
                paragraph = Paragraph(element, document)
                by_element = {id(run._r): run for run in paragraph.runs}
                own = [by_element[id(run)] for run in runs if id(run) in by_element]
                if own:
                    document.add_comment(own, text=told(finding), author=AUTHOR, initials=INITIALS)
                marked += 1
    for comment in document.part._comments_part.element.iter(qn("w:comment")) if marked else ():
        comment.attrib.pop(qn("w:date"), None)
    buffer = io.BytesIO()
    document.save(buffer)
    place.write_bytes(_timeless(buffer.getvalue()))
    return marked


def _runs_of(paragraph, finding: Finding, qn: Callable[[str], str]) -> Iterator:
    """The runs that hold a numeral and nothing else, cut out of the runs it stands in."""
    texts = [text for text in paragraph.iter(qn("w:t")) if text.getparent().tag == qn("w:r")]
    whole = "".join(text.text or "" for text in texts)
    start = _place_in(whole, finding)
    if start is None:
        return
    end, here = start + len(finding.text), 0
    for text in texts:
        length = len(text.text or "")
        first, last = max(start - here, 0), min(end - here, length)
        if first < last:
            yield _cut(text, first, last, qn)
        here += length


def _place_in(whole: str, finding: Finding) -> int | None:
    """Where a numeral stands in a paragraph whose white space was not tidied."""
    before = len(tidied(whole[: finding.start])) if finding.start else 0
    places, place = [], whole.find(finding.text)
    while place >= 0:
        places.append(place)
        place = whole.find(finding.text, place + 1)
    return min(places, key=lambda place: abs(len(tidied(whole[:place])) - before), default=None)


def _cut(text, first: int, last: int, qn: Callable[[str], str]):
    """The run of a text's part alone; what stands before and after it gets runs of its own."""
    run, words = text.getparent(), text.text or ""
    others = [child for child in run if child.tag != qn("w:rPr") and child is not text]
    if others or (first == 0 and last == len(words)):
        return run
    for piece, after in ((words[:first], False), (words[last:], True)):
        if piece:
            sibling = copy.deepcopy(run)
            other = sibling.find(qn("w:t"))
            other.text = piece
            other.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            (run.addnext if after else run.addprevious)(sibling)
    text.text = words[first:last]
    return run


def _shade(run, colour: str, qn: Callable[[str], str]) -> None:
    from docx.oxml import OxmlElement

    properties = run.get_or_add_rPr()
    for old in properties.findall(qn("w:shd")):
        properties.remove(old)
    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        shade.set(qn(f"w:{name}"), value)
    later = [child for child in properties if child.tag in {qn(f"w:{name}") for name in ("fitText", "vertAlign", "rtl", "cs", "em", "lang", "eastAsianLayout", "specVanish", "oMath")}]
    later[0].addprevious(shade) if later else properties.append(shade)


def _timeless(content: bytes) -> bytes:
    """The same package without the time it was written at."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            target.writestr(zipfile.ZipInfo(part.filename, _FIXED_TIME), source.read(part), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
