"""The letter to a document's publisher: which figures cannot all be true, and what we ask to be confirmed.

One letter a document, as a page that prints on A4 and as Markdown. It names no person and is not dated: whoever sends it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kcq_eval.claims import Claim
from kcq_eval.deliverables.pages import template
from kcq_eval.evaluation import Evaluation
from kcq_eval.ledger import OPEN
from kcq_eval.sources import Source
from kcq_eval.statements import claim_names, claim_number, interval_text, statement
from kcq_eval.tables import in_the_source
from kcq_eval.texts import Texts, capital, markdown, sentence, uncapital

HTML, MARKDOWN = "letter.html", "letter.md"
_MOST_TOLD = 10  # groups that cannot all be true, in one letter

ASKED_COLUMNS = ("claim", "locator", "statement", "printed", "required_if", "remark")
RELATED_COLUMNS = ("claim", "locator", "statement", "printed")


@dataclass(frozen=True)
class Letter:
    """One letter, every field finished text in the run's language.

    Attributes:
        asked: Rows of ASKED_COLUMNS: the figures to be confirmed.
        conflict: One sentence, "" where the figures asked about are in no conflict; then `implied`, a sentence for each of them.
        also: Further groups that cannot all be true, in one sentence, or "".
        related: Rows of RELATED_COLUMNS: other figures that the letter mentions.
    """

    to: str
    subject: str
    opening: str
    asked: tuple[tuple[str, ...], ...]
    conflict: str
    implied: tuple[str, ...]
    also: str
    related: tuple[tuple[str, ...], ...]


def letters(evaluation: Evaluation, texts: Texts) -> list[Letter]:
    """A letter for every document with something to ask: entries of the ledger that are open or disputed, and suspects without
    an entry. None where there is nothing to ask. What a confirmed correction has settled is not argued again.
    """
    asked = [claim for claim in evaluation.published.claims if _is_asked(claim, evaluation)]
    sources = [source for source_id, source in evaluation.published.sources.items() if any(c.source_id == source_id for c in asked)]
    return [_letter(source, [c for c in asked if c.source_id == source.source_id], evaluation, texts) for source in sources]


def write_letters(folder: Path, evaluation: Evaluation, texts: Texts) -> bool:
    """Write `letter.html` and `letter.md` where there is anything to ask; whether there was."""
    found = letters(evaluation, texts)
    if found:
        page = template("letter.html").render(t=texts, language=texts.language, letters=found, asked=ASKED_COLUMNS, related=RELATED_COLUMNS)
        (folder / HTML).write_text(page, encoding="utf-8", newline="\n")
        (folder / MARKDOWN).write_text("\n\n---\n\n".join(_markdown(letter, texts) for letter in found) + "\n", encoding="utf-8", newline="\n")
    return bool(found)


def _is_asked(claim: Claim, evaluation: Evaluation) -> bool:
    correction = evaluation.ledger.get(claim.claim_id)
    return correction.to_be_asked if correction else claim.claim_id in evaluation.corrected.suspects


def _letter(source: Source, asked: list[Claim], evaluation: Evaluation, texts: Texts) -> Letter:
    ids = {claim.claim_id for claim in asked}
    conflicts = [conflict for conflict in evaluation.corrected.conflicts if not ids.isdisjoint(conflict)]
    told = conflicts[:_MOST_TOLD]
    mentioned = {claim_id for conflict in told for claim_id in conflict} - ids
    related = sorted(map(evaluation.published.claim, mentioned), key=lambda claim: evaluation.published.position(claim.claim_id))
    subject = texts("letter.subject", title=source.title(texts.language), date=texts.date(source.published))

    def row(claim: Claim) -> tuple[str, ...]:
        number = claim_number(claim, texts, main_source=source.source_id)
        return number, _locator(claim, source, evaluation, texts), statement(claim, texts), _printed(claim, evaluation, texts)

    return Letter(
        texts("letter.to", publisher=source.publisher), subject, texts("letter.opening"),
        tuple((*row(claim), _required(claim, evaluation, texts), _remark(claim, evaluation, texts)) for claim in asked),
        _conflict(told[0], source, evaluation, texts) if told else "",
        tuple(_implied(told[0], asked, source, evaluation, texts)) if told else (),
        _also(told[1:], len(conflicts) - len(told), source, evaluation, texts),
        tuple(row(claim) for claim in related),
    )  # fmt: skip


def _conflict(conflict: tuple[str, ...], source: Source, evaluation: Evaluation, texts: Texts) -> str:
    claims = [evaluation.published.claim(claim_id) for claim_id in conflict]
    told = "; ".join(
        f"{claim_number(claim, texts, main_source=source.source_id)}: {_printed(claim, evaluation, texts)} ({uncapital(statement(claim, texts))})" for claim in claims
    )
    return texts("letter.conflict", claims=told)


def _implied(conflict: tuple[str, ...], asked: list[Claim], source: Source, evaluation: Evaluation, texts: Texts) -> list[str]:
    """For each figure asked about, what the others of the group force it to be."""
    found = []
    for claim in asked:
        others = [other for other in conflict if other != claim.claim_id]
        implied = evaluation.corrected.implied(claim, others) if claim.claim_id in conflict and claim.printed else None
        if implied:
            names, name = (_names(ids, source, evaluation, texts) for ids in (others, [claim.claim_id]))
            forced = interval_text(implied, claim, texts)
            found.append(texts("letter.implied", others=names, claim=name, implied=forced, printed=in_the_source(claim, texts)))
    return found


def _also(groups: Sequence[tuple[str, ...]], more: int, source: Source, evaluation: Evaluation, texts: Texts) -> str:
    if not groups:
        return ""
    told = texts("letter.also", groups="; ".join(_names(group, source, evaluation, texts) for group in groups))
    return f"{told} {texts('letter.more', count=more)}" if more else told


def _names(claim_ids: Sequence[str], source: Source, evaluation: Evaluation, texts: Texts) -> str:
    return claim_names([evaluation.published.claim(claim_id) for claim_id in claim_ids], texts, main_source=source.source_id)


def _printed(claim: Claim, evaluation: Evaluation, texts: Texts) -> str:
    """As printed; beside it a correction that the source has confirmed already."""
    correction, printed = evaluation.ledger.get(claim.claim_id), in_the_source(claim, texts)
    if correction is None or not correction.changes_estimates or correction.corrected is None:
        return printed
    return texts("letter.corrected", printed=printed, corrected=in_the_source(correction.corrected, texts))


def _locator(claim: Claim, source: Source, evaluation: Evaluation, texts: Texts) -> str:
    if claim.source_id == source.source_id:
        return claim.locator
    return texts("letter.elsewhere", locator=claim.locator, title=evaluation.published.sources[claim.source_id].title(texts.language))


def _required(claim: Claim, evaluation: Evaluation, texts: Texts) -> str:
    required = evaluation.corrected.required(claim)
    if required:
        return interval_text(required, claim, texts)
    return texts("letter.without") if claim.claim_id in evaluation.corrected.suspects else ""


def _remark(claim: Claim, evaluation: Evaluation, texts: Texts) -> str:
    correction = evaluation.ledger.get(claim.claim_id)
    if correction is None:
        return ""
    told = [sentence(correction.reason(texts.language))]
    if correction.corrected:
        told.append(sentence(capital(texts("ledger.proposed", corrected=in_the_source(correction.corrected, texts)))))
    if correction.status == OPEN:
        return " ".join(told)
    state = capital(texts(f"ledger.state.{correction.status}"))
    return texts("letter.remark", state=state, date=texts.date(correction.date), reason=" ".join(told))


def _markdown(letter: Letter, texts: Texts) -> str:
    """The same letter as Markdown; everything that was read from files is shown as it stands."""
    lines = [
        texts("letter.place_and_date"), f"# {texts('letter.title')}", markdown(letter.subject), f"**{markdown(letter.to)}**", markdown(letter.opening),
        f"## {texts('letter.asked')}", _markdown_table(ASKED_COLUMNS, letter.asked, texts), markdown(texts("letter.numbering")),
    ]  # fmt: skip
    if letter.conflict:
        lines += [f"## {texts('letter.why')}", texts("letter.why_text"), markdown(letter.conflict)]
        lines += ["\n".join(f"- {markdown(line)}" for line in letter.implied)] if letter.implied else []
        lines += [markdown(letter.also)] if letter.also else []
    if letter.related:
        lines += [f"### {texts('letter.related')}", _markdown_table(RELATED_COLUMNS, letter.related, texts)]
    lines += [f"## {texts('letter.request')}", f"{texts('letter.request_text')}:", "\n".join(f"- {line}" for line in texts.lines("letter.requests"))]
    lines += [texts("letter.unchanged"), texts("letter.closing"), texts("letter.regards"), texts("letter.sender")]
    return "\n\n".join(lines)


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: Texts) -> str:
    head = [texts(f"column.{column}") for column in columns]
    lines = [head, ["---"] * len(columns), *([markdown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
