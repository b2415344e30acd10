"""The erratum: what the ledger says of single figures, in words, for the report and for slides."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from kcq_eval.evaluation import Evaluation
from kcq_eval.findings import main_source
from kcq_eval.ledger import ACCEPTED, CONFIRMED, DISPUTED, NONE, OPEN, OVERRIDE, Correction
from kcq_eval.statements import claim_number, statement
from kcq_eval.tables import in_the_source
from kcq_eval.texts import Texts

_ORDER = (CONFIRMED, OPEN, DISPUTED, ACCEPTED)
COLUMNS = ("claim", "statement", "printed", "corrected", "state_of_entry", "since", "reason")


@dataclass(frozen=True)
class ErratumRow:
    """One figure of the erratum; every field is finished text in the run's language, except `printed`, which keeps the source's
    own characters where it prints a number."""

    claim: str
    statement: str
    printed: str
    corrected: str
    state: str
    date: str
    reason: str


def erratum_rows(evaluation: Evaluation, texts: Texts) -> list[ErratumRow]:
    """The ledger's entries by state (confirmed, open, disputed, accepted), then in the order of documents and claims."""
    found = sorted(evaluation.ledger, key=lambda correction: _ORDER.index(correction.status))  # sorting keeps the order within a state
    return [
        ErratumRow(
            claim_number(correction.claim, texts, main_source=main_source(evaluation)),
            statement(correction.claim, texts),
            in_the_source(correction.claim, texts),
            _corrected_to(correction, texts),
            texts(f"ledger.state.{correction.status}"),
            texts.date(correction.date),
            correction.reason(texts.language),
        )
        for correction in found
    ]


def erratum_table(evaluation: Evaluation, texts: Texts) -> pd.DataFrame:
    """The same as a table, headed in the run's language."""
    rows = [(r.claim, r.statement, r.printed, r.corrected, r.state, r.date, r.reason) for r in erratum_rows(evaluation, texts)]
    return pd.DataFrame(rows, columns=[texts(f"column.{column}") for column in COLUMNS], dtype=object)


def _corrected_to(correction: Correction, texts: Texts) -> str:
    if correction.status == ACCEPTED or correction.action == NONE:
        return texts("ledger.unchanged" if correction.status == ACCEPTED else "ledger.unknown")
    if correction.action != OVERRIDE:
        return texts("ledger.unknown")
    corrected = in_the_source(correction.corrected, texts)
    return corrected if correction.changes_estimates else texts("ledger.proposed", corrected=corrected)
