"""The ledger of findings about single published figures: `corrections.yaml` of the data folder, which a person edits.

A figure stays as printed, whatever the ledger says. An entry names a claim, what is known of it and since when:

| `status`    | what it says                                                       | what it does                              |
|-------------|--------------------------------------------------------------------|-------------------------------------------|
| `open`      | the source has been, or is to be, asked                            | nothing; the letter asks                  |
| `confirmed` | the source says that the figure was not meant as printed           | the action, in the estimates only         |
| `disputed`  | the source, or somebody else, holds that the figure is as it should be | nothing; the letter asks again        |
| `accepted`  | publisher or evaluator leave the discrepancy as it is               | nothing; told as settled, not asked about |

| `action`    | once confirmed                                                                                       |
|-------------|------------------------------------------------------------------------------------------------------|
| `override`  | estimates read `value` in place of what is printed: the same unit, hedge and rounding, the source's number format |
| `set_aside` | estimates are computed without the claim: what it should say is not known                            |
| `none`      | nothing                                                                                              |

`expect` repeats what the claim prints now; if the claims file says otherwise the run stops, so that a correction never lands
on a figure that it was not made for. The audit of what is printed reads nothing of this.
"""

from __future__ import annotations

import datetime
import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from kcq_eval.claims import Claim, Published, holds_whole, load_published
from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.printed import Printed, PrintedError, parse_ratio
from kcq_eval.vocabulary import Vocabulary

FILE = "corrections.yaml"
ACTIONS = (OVERRIDE, SET_ASIDE, NONE) = ("override", "set_aside", "none")
STATES = (OPEN, CONFIRMED, DISPUTED, ACCEPTED) = ("open", "confirmed", "disputed", "accepted")
KEYS = ("claim", "action", "value", "expect", "reason", "status", "date")
REASON_LANGUAGES = ("vi", "en")
MAX_BYTES = 500_000  # some thousand entries
_DEEPEST = 3  # the list, an entry, a reason in two languages


@dataclass(frozen=True)
class Correction:
    """One entry of the ledger.

    Attributes:
        claim: The claim exactly as printed.
        action: One of ACTIONS, taken only once `status` is `confirmed`.
        status: One of STATES.
        date: Since when that is its status.
        reason_vi, reason_en: Why, in a person's words; the same where only one text is given.
        value: What the source should have printed, "" unless `action` is `override`.
        corrected: The claim with `value` in place of what is printed; None unless `action` is `override`.
    """

    claim: Claim
    action: str
    status: str
    date: datetime.date
    reason_vi: str
    reason_en: str
    value: str = ""
    corrected: Claim | None = None

    @property
    def claim_id(self) -> str:
        return self.claim.claim_id

    @property
    def changes_estimates(self) -> bool:
        return self.status == CONFIRMED and self.action != NONE

    @property
    def to_be_asked(self) -> bool:
        """Whether the publisher has still to say something about it."""
        return self.status in (OPEN, DISPUTED)

    def reason(self, language: str) -> str:
        return self.reason_vi if language == "vi" else self.reason_en


@dataclass(frozen=True)
class Ledger:
    """All entries, in the order of documents and claim numbers; at most one a claim."""

    corrections: tuple[Correction, ...] = ()

    def __iter__(self) -> Iterator[Correction]:
        return iter(self.corrections)

    def __len__(self) -> int:
        return len(self.corrections)

    def get(self, claim_id: str) -> Correction | None:
        return next((correction for correction in self if correction.claim_id == claim_id), None)

    def of(self, source_ids: Iterable[str]) -> Ledger:
        """Only entries about these documents."""
        chosen = set(source_ids)
        return Ledger(tuple(correction for correction in self if correction.claim.source_id in chosen))

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Ids of the claims whose entry changes estimates."""
        return tuple(correction.claim_id for correction in self if correction.changes_estimates)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Ids of the claims that estimates are computed without."""
        return tuple(c.claim_id for c in self if c.changes_estimates and c.action == SET_ASIDE)

    def applied(self, published: Published) -> Published:
        """The claims that estimates are computed from: confirmed corrections made, everything else as printed."""
        instead = {c.claim_id: c.corrected for c in self if c.changes_estimates}
        claims = (instead.get(claim.claim_id, claim) for claim in published.claims)
        return replace(published, claims=tuple(claim for claim in claims if claim is not None))


@functools.lru_cache(maxsize=4)
def load_ledger(folder: Path) -> Ledger:
    """The ledger of a data folder, read once; empty where there is no file.

    The file is read as plain text in lists and names: no tag, anchor or alias of YAML is followed, every value stays the text
    that was typed.

    Raises:
        BadInput: Anything unusable, all problems at once, with line and key; also a claim that no longer prints what its entry
            expects, and unusable claims.
    """
    published = load_published(folder)
    problems = Problems()
    seen, found = set(), []
    for entry in _entries(folder, problems):
        found.append(_read(entry, published, problems))
        if entry.text("claim") in seen:
            problems.append(entry.problem("claim_twice", "claim"))
        seen |= {entry.text("claim")} - {""}
    problems.stop()
    return Ledger(tuple(sorted(found, key=lambda correction: published.position(correction.claim_id))))


def _read(entry: _Entry, published: Published, problems: Problems) -> Correction | None:
    wrong = Problems()
    claim = _claim(entry, published, wrong)
    entry.one_of("action", ACTIONS, wrong)
    entry.one_of("status", STATES, wrong)
    date = _date(entry.text("date"))
    if entry.text("date") and date is None:
        wrong.append(entry.problem("bad_form", "date", expected="YYYY-MM-DD"))
    action, corrected = entry.text("action"), None
    if claim and action in (OVERRIDE, SET_ASIDE) and not in_data(claim):
        wrong.append(entry.problem("words_only", "action", expected=NONE))
    elif action == OVERRIDE and not entry.text("value"):
        wrong.append(entry.problem("empty_value" if entry.given("value") else "missing_key", "value", expected="value: …"))
    elif action in (SET_ASIDE, NONE) and entry.given("value"):
        wrong.append(entry.problem("value_unused", "value", expected=f"action: {OVERRIDE}"))
    elif action == OVERRIDE and claim:
        corrected = _corrected(entry, claim, published, wrong)
    reasons = entry.reasons(wrong)
    problems += wrong
    if wrong or entry.unusable or claim is None:
        return None
    return Correction(claim, action, entry.text("status"), date, *reasons, entry.text("value"), corrected)


def _claim(entry: _Entry, published: Published, wrong: Problems) -> Claim | None:
    """The claim an entry is about, once it prints what the entry expects."""
    if not entry.text("claim"):
        return None  # told as a missing or empty key
    ids = [claim.claim_id for claim in published.claims]
    if entry.text("claim") not in ids:
        wrong.append(entry.problem("unknown_claim", "claim", expected="data/claims", near=nearest(entry.text("claim"), ids)))
        return None
    claim = published.claim(entry.text("claim"))
    if entry.given("expect") and not _prints(claim, entry.text("expect"), published):
        wrong.append(entry.problem("expect_differs", "expect", expected=f'"{in_data(claim)}"'))
    return claim


def in_data(claim: Claim) -> str:
    """What the claims file holds of the claim: its printed number or ratio, or the codes of its list; "" for words."""
    if claim.printed:
        return claim.printed.text
    return "{}/{}".format(*claim.ratio) if claim.ratio else ";".join(claim.items)


def reprinted(claim: Claim, text: str, published: Published) -> Claim:
    """The claim with another number or ratio in place of what is printed: the same unit, hedge, rounding and number format.

    Raises:
        PrintedError: The text is nothing that the claim could print.
    """
    if claim.ratio:
        return replace(claim, ratio=parse_ratio(text, _number_format(claim, published)))
    printed = Printed(text, claim.printed.unit, claim.printed.number_format, claim.printed.hedge, claim.printed.rounding)
    if printed.value < 0:
        raise PrintedError("negative", found=text, expected="≥ 0")
    if claim.relation in ("value", "difference") and not holds_whole(printed):
        raise PrintedError("not_whole", found=text, expected="0, 1, 2, …")
    return replace(claim, printed=printed)


def _prints(claim: Claim, text: str, published: Published) -> bool:
    if claim.ratio:
        try:
            return parse_ratio(text, _number_format(claim, published)) == claim.ratio
        except PrintedError:
            return False
    if claim.items:
        return set(_codes(text, claim, published.vocabulary)) == set(claim.items)
    return text == in_data(claim)


def _corrected(entry: _Entry, claim: Claim, published: Published, wrong: Problems) -> Claim | None:
    """The claim with the entry's value in place of what is printed."""
    text = entry.text("value")
    try:
        if claim.printed or claim.ratio:
            corrected = reprinted(claim, text, published)
        else:
            corrected = replace(claim, items=_items(entry, claim, published.vocabulary, wrong))
    except PrintedError as error:
        wrong.append(entry.problem(f"printed_{error.key}", "value", expected=error.expected))
        return None
    if text == in_data(claim) or (not claim.printed and corrected == claim):
        wrong.append(entry.problem("same_as_printed", "value", expected=f"≠ {in_data(claim)}"))
    return corrected


def _items(entry: _Entry, claim: Claim, vocabulary: Vocabulary, wrong: Problems) -> tuple[str, ...]:
    codes = _codes(entry.text("value"), claim, vocabulary)
    valid = vocabulary.codes(_list_dimension(claim, vocabulary))
    for code in codes:
        if code not in valid:
            near = vocabulary.nearest_code(_list_dimension(claim, vocabulary), code)
            wrong.append(entry.problem("unknown_code", "value", found=code, near=near))
        elif codes.count(code) > 1 and code not in (p.found for p in wrong):
            wrong.append(entry.problem("item_twice", "value", found=code, expected="1 ×"))
    return codes


def _codes(text: str, claim: Claim, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The parts of a list; provinces in any known spelling as their codes, what is not known as it stands."""
    return tuple(vocabulary.code(_list_dimension(claim, vocabulary), part) for part in text.split(";") if part.strip())


def _list_dimension(claim: Claim, vocabulary: Vocabulary) -> str:
    return vocabulary.measures[claim.quantity.measure].list_of or "sector"


def _number_format(claim: Claim, published: Published) -> str | None:
    return published.sources[claim.source_id].number_format or None


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None


# The file as text: names and values with their lines. PyYAML parses and composes; nothing is constructed.


class _Entry:
    """One entry: every key's value as it was typed, and the line it stands on."""

    def __init__(self, node: yaml.MappingNode, problems: Problems):
        self._line = _line(node)
        before = len(problems)
        self._nodes = _named(node, KEYS, problems)
        for key in KEYS:
            value = self._nodes.get(key)
            if value is None and key != "value":
                problems.append(Problem("missing_key", FILE, self._line, key, expected=f"{key}: …"))
            elif value is not None and not isinstance(value, yaml.ScalarNode) and key != "reason":
                problems.append(Problem("not_a_text", FILE, _line(value), key, expected=f"{key}: …"))
            elif isinstance(value, yaml.ScalarNode) and not value.value.strip() and key not in ("value", "expect"):
                problems.append(Problem("empty_value", FILE, _line(value), key, expected=f"{key}: …"))
        problems += [Problem("unprintable", FILE, _line(value), key) for key, value in self._nodes.items() if _is_unprintable(value)]
        self.unusable = len(problems) > before

    def given(self, key: str) -> bool:
        return key in self._nodes

    def text(self, key: str) -> str:
        """The text of a key, "" where it has none."""
        node = self._nodes.get(key)
        return unicodedata.normalize("NFC", node.value.strip()) if isinstance(node, yaml.ScalarNode) else ""

    def reasons(self, problems: Problems) -> tuple[str, str]:
        """The reason in Vietnamese and in English; one text stands for both."""
        node = self._nodes.get("reason")
        if not isinstance(node, yaml.MappingNode):
            if node is not None and not isinstance(node, yaml.ScalarNode):
                problems.append(Problem("not_a_text", FILE, _line(node), "reason", expected="reason: …"))
            return (_one_line(self.text("reason")),) * 2
        given = _named(node, REASON_LANGUAGES, problems)
        for language in REASON_LANGUAGES:
            if not isinstance(given.get(language), yaml.ScalarNode) or not given[language].value.strip():
                problems.append(Problem("missing_key", FILE, _line(node), f"reason.{language}", expected=f"{language}: …"))
        return tuple(_one_line(given[code].value) if isinstance(given.get(code), yaml.ScalarNode) else "" for code in REASON_LANGUAGES)

    def one_of(self, key: str, valid: tuple[str, ...], problems: Problems) -> None:
        if self.text(key) and self.text(key) not in valid:
            problems.append(self.problem("unknown_value", key, expected=", ".join(valid), near=nearest(self.text(key), valid)))

    def problem(self, message: str, key: str, *, found: str | None = None, expected: str = "", near: str = "") -> Problem:
        line = _line(self._nodes[key]) if key in self._nodes else self._line
        return Problem(message, FILE, line, key, self.text(key) if found is None else found, expected, near)


def _entries(folder: Path, problems: Problems) -> list[_Entry]:
    """The entries of the file; what is wrong with it as a whole goes into `problems`."""
    root = _document(folder, problems)
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        problems.append(Problem("ledger_form", FILE, _line(root), expected="- claim: …"))
        return []
    for node in root.value:
        if not isinstance(node, yaml.MappingNode):
            problems.append(Problem("ledger_form", FILE, _line(node), expected="- claim: …"))
    return [_Entry(node, problems) for node in root.value if isinstance(node, yaml.MappingNode)]


def _document(folder: Path, problems: Problems) -> yaml.Node | None:
    path = folder / FILE
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.append(Problem("too_large", FILE, found=f"{path.stat().st_size / 1e6:.1f} MB", expected=f"{MAX_BYTES / 1e6:.1f} MB"))
            return None
        raw = path.read_bytes()
    except FileNotFoundError:
        others = sorted(p.name for p in folder.glob("*.y*ml"))
        problems += [Problem("ledger_name", name, expected=FILE) for name in others if nearest(name, [FILE])]
        return None
    except OSError as error:
        problems.append(Problem("missing_file", FILE, found=error.strerror or ""))
        return None
    try:
        text = unicodedata.normalize("NFC", raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem("not_utf8", FILE, line, found=repr(raw[error.start : error.start + 4]), expected="UTF-8"))
        return None
    try:
        unsafe = list(_unsafe(text))
        problems += unsafe
        return None if unsafe else yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or getattr(error, "reason", None) or ""
        problems.append(Problem("ledger_yaml", FILE, mark.line + 1 if mark else None, found=told, expected="- claim: …"))
        return None


def _unsafe(text: str) -> Iterator[Problem]:
    """What a list of plain texts does not need: tags, which name what is to be built; anchors and aliases, which multiply."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None):
            yield Problem("yaml_anchor", FILE, line, found=event.anchor)
        if getattr(event, "tag", None):
            yield Problem("yaml_tag", FILE, line, found=event.tag)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            yield Problem("yaml_deep", FILE, line, expected="- claim: …")
            return


def _named(node: yaml.MappingNode, valid: tuple[str, ...], problems: Problems) -> dict[str, yaml.Node]:
    """The values of a mapping by key; unknown keys and keys that stand twice are problems."""
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = key.value.strip() if isinstance(key, yaml.ScalarNode) else "?"
        if name not in valid:
            near = nearest(name, [v for v in valid if v not in found])
            problems.append(Problem("unknown_key", FILE, _line(key), name, name, ", ".join(valid), near))
        elif name in found:
            problems.append(Problem("key_twice", FILE, _line(key), name))
        else:
            found[name] = value
    return found


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _is_unprintable(node: yaml.Node) -> bool:
    """Whether a text holds control characters or halves of characters, which only escapes ("\\e") can put there."""
    if isinstance(node, yaml.MappingNode):
        return any(_is_unprintable(value) for _, value in node.value)
    return isinstance(node, yaml.ScalarNode) and any(unicodedata.category(c) in ("Cc", "Cs") and not c.isspace() for c in node.value)


def _one_line(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))
