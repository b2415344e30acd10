"""`kcq-eval checklist`: what reviewers ask of an analysis, each item answered from what is observed in a bundle and the repository.

The items are those of the levels of RAP (NHS England's community of practice), of the template README of the social science data editors,
which the AEA's asks for, and of the World Bank's checklist for reproducibility packages, in our own words. Nothing is ticked by hand: an item that no
file can show is told as such.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kcq_eval.errors import BadInput, Problem
from kcq_eval.evidence.observed import Observed

MET, NOT_MET, UNOBSERVABLE = "met", "not_met", "unobservable"
_DOCUMENTED = 90  # per cent of public functions and classes with a docstring, from which on code counts as documented
_FOLDERS = ("kcq_eval", "notebooks", "data", "tests", "docs")
_TIME = re.compile(r"\d+ (seconds|minutes|hours)")
_SPACE = re.compile(r"\d+ [MG]B of disk")


@dataclass(frozen=True)
class Answer:
    """An item's answer: `evidence` is a text key below `checklist.evidence`, filled with `values`."""

    status: str
    evidence: str
    values: dict[str, Any] = field(default_factory=dict)


def _when(met: bool, evidence: str, **values: Any) -> Answer:
    return Answer(MET if met else NOT_MET, evidence, values)


def _all(found: tuple[int, int], evidence: str, **values: Any) -> Answer:
    """Met if all of some things are so, and there are any."""
    count, whole = found
    return _when(count == whole > 0, evidence, count=count, whole=whole, **values)


def _unobservable(evidence: str, **values: Any) -> Answer:
    return Answer(UNOBSERVABLE, evidence, values)


def _language(seen: Observed) -> Answer:
    modules, notebooks = len(seen.repository.modules), len(seen.repository.notebooks)
    return _when(bool(modules and notebooks), "language", modules=modules, notebooks=notebooks, python=seen.record["environment"]["python"])


def _versioned(seen: Observed) -> Answer:
    return Answer(MET, "versioned") if seen.repository.is_versioned() else _unobservable("no_version_control")


def _steps(seen: Observed) -> Answer:
    commands = seen.repository.commands()
    return _when(bool(commands) and set(commands) <= seen.repository.targets(), "steps", commands=", ".join(f"make {name}" for name in commands) or "–")


def _automatic(seen: Observed) -> Answer:
    damaged = seen.damage.names
    return _when(seen.damage.is_none, "automatic", files=len(seen.files), changed=len(damaged) + len(seen.damage.extra), command=seen.record["command"])


def _documented(seen: Observed) -> Answer:
    import ast

    public = seen.repository.public()
    told = sum(ast.get_docstring(node) is not None for node in public)
    guides = len(list((seen.repository.root / "docs").glob("*.md")))
    return _when(100 * told >= _DOCUMENTED * len(public) and guides > 0, "documented", count=told, whole=len(public), least=_DOCUMENTED, guides=guides)


def _layout(seen: Observed) -> Answer:
    there = [name for name in _FOLDERS if (seen.repository.root / name).is_dir()]
    return _when(len(there) == len(_FOLDERS), "layout", folders=", ".join(there))


def _functions(seen: Observed) -> Answer:
    own = seen.repository.defining_notebooks()
    return _when(not own, "functions", count=len(seen.repository.public()), notebooks=len(seen.repository.notebooks), own=len(own))


def _style(seen: Observed) -> Answer:
    remarks = seen.repository.style_remarks()
    return _unobservable("no_linter") if remarks is None else _when(remarks == 0, "style", count=remarks)


def _tests(seen: Observed) -> Answer:
    tests, files = seen.repository.tests()
    cells = seen.repository.checked_cells()
    return _when(tests > 0 and cells > 0, "tests", tests=tests, files=files, cells=cells)


def _dependencies(seen: Observed) -> Answer:
    pins, unhashed = len(seen.repository.pins()), len(seen.repository.unhashed_pins())
    count, whole = seen.locked_versions()
    return _when(pins > 0 and unhashed == 0, "dependencies", pins=pins, unhashed=unhashed, count=count, whole=whole)


def _tidy(seen: Observed) -> Answer:
    return _all(seen.tidy_tables(), "tidy")


def _packaged(seen: Observed) -> Answer:
    project = seen.repository.project
    commands = project.get("project", {}).get("scripts", {})
    installed = importlib.util.find_spec("kcq_eval") is not None
    return _when("build-system" in project and bool(commands) and installed, "packaged", command=", ".join(commands) or "–", version=seen.record["kcq_eval"])


def _integration(seen: Observed) -> Answer:
    configured = seen.repository.automatic_tests()
    if configured:
        return Answer(MET, "integration", {"files": ", ".join(configured)})
    if "make test" in seen.repository.text(".ci/run"):
        return _unobservable("integration_elsewhere")
    return Answer(NOT_MET, "no_integration")


def _triggered(seen: Observed) -> Answer:
    scheduled = [name for name in seen.repository.automatic_tests() if "schedule" in seen.repository.text(name)]
    return _when(bool(scheduled), "triggered" if scheduled else "not_triggered", files=", ".join(scheduled))


def _changelog(seen: Observed) -> Answer:
    changes = re.findall(r"^## ", seen.repository.text("CHANGELOG.md"), re.MULTILINE)
    version = seen.record["kcq_eval"]
    return _when(bool(changes) and re.fullmatch(r"\d+\.\d+\.\d+", version) is not None, "changelog", count=len(changes), version=version)


def _overview(seen: Observed) -> Answer:
    readme = seen.repository.text("README.md")
    return _when(readme.startswith("# ") and "\n## " in readme, "overview", sections=len(re.findall(r"^## ", readme, re.MULTILINE)))


def _sources(*columns: str) -> Callable[[Observed], Answer]:
    """Whether every document in use has an entry in each of some columns of the catalogue."""

    def answer(seen: Observed) -> Answer:
        used = [row for row in seen.repository.sources if row["source_id"] in seen.record["sources"]]
        full = sum(all(row.get(column) for column in columns) for row in used)
        return _all((full, len(seen.record["sources"])), "sources", columns=", ".join(columns))

    return answer


def _addresses(seen: Observed) -> Answer:
    used = [row for row in seen.repository.sources if row["source_id"] in seen.record["sources"]]
    return _all((sum("http" in " ".join(row.values()) for row in used), len(seen.record["sources"])), "addresses")


def _data_here(seen: Observed) -> Answer:
    count, whole = seen.here(code=False)
    private = seen.private()
    return _when(count == whole, "data_here", count=count, whole=whole, private=len(private))


def _code_here(seen: Observed) -> Answer:
    return _all(seen.here(code=True), "code_here")


def _data_described(seen: Observed) -> Answer:
    return _all(seen.repository.described_tables(), "data_described")


def _software(seen: Observed) -> Answer:
    count, whole = seen.locked_versions()
    stated = re.search(r"Python (3\.\d+)", seen.repository.text("README.md"))
    return _when(stated is not None and count == whole > 0, "software", python=stated[1] if stated else "–", count=count, whole=whole)


def _randomness(seen: Observed) -> Answer:
    drawing, unseeded = seen.repository.unseeded()
    return _when(not unseeded, "randomness", count=drawing, unseeded=len(unseeded))


def _needs(seen: Observed) -> Answer:
    readme = seen.repository.text("README.md")
    count, whole = seen.logged()
    met = _TIME.search(readme) is not None and _SPACE.search(readme) is not None
    return _when(met, "needs" if met else "needs_missing", count=count, whole=whole, megabytes=seen.megabytes())


def _logs(seen: Observed) -> Answer:
    return _all(seen.logged(), "logs")


def _programs(seen: Observed) -> Answer:
    readme = seen.repository.text("README.md")
    folders = [path.name for path in seen.repository.root.iterdir() if path.is_dir() and (any(path.glob("*.py")) or any(path.glob("*.ipynb")))]
    return _all((sum(f"`{name}/`" in readme for name in folders), len(folders)), "programs")


def _licence(seen: Observed) -> Answer:
    stated = str(seen.repository.project.get("project", {}).get("license", ""))
    return _when(bool(stated and seen.repository.text("LICENSE")), "licence", licence=stated or "–")


def _each_program(seen: Observed) -> Answer:
    return _all((len(seen.repository.told_notebooks()), len(seen.repository.notebooks)), "each_program")


def _exhibits(seen: Observed) -> Answer:
    (traced, numbers), (made, shown) = seen.traced_numbers(), seen.exhibits()
    return _when(traced == numbers > 0 and made == shown > 0, "exhibits", traced=traced, numbers=numbers, made=made, shown=shown)


def _main(seen: Observed) -> Answer:
    commands = seen.repository.project.get("project", {}).get("scripts", {})
    return _when(bool(commands) and "evaluate" in seen.repository.targets(), "main", command=seen.record["command"])


def _paths(seen: Observed) -> Answer:
    return _when(not seen.repository.own_paths(), "paths", count=len(seen.repository.own_paths()))


def _raw_outputs(seen: Observed) -> Answer:
    figures, tables = (sum(name.startswith(folder) for name in seen.files) for folder in ("figures/", "tables/"))
    return _when(figures > 0 and tables > 0, "raw_outputs", figures=figures, tables=tables)


LISTS: dict[str, dict[str, Callable[[Observed], Answer]]] = {
    "rap_baseline": {
        "language": _language, "versioned": _versioned, "readme": _steps, "reviewed": lambda seen: _unobservable("reviewed"),
        "open": lambda seen: _unobservable("published", licence=_licence(seen).values["licence"]),
    },
    "rap_silver": {
        "automatic": _automatic, "documented": _documented, "layout": _layout, "functions": _functions, "style": _style, "tests": _tests,
        "dependencies": _dependencies, "logs": _logs, "tidy": _tidy,
    },
    "rap_gold": {"packaged": _packaged, "integration": _integration, "triggered": _triggered, "changelog": _changelog},
    "aea": {
        "overview": _overview, "provenance": _sources("title_vi", "title_en", "publisher", "published"), "rights": lambda seen: _unobservable("rights"),
        "data_licence": _sources("licence"), "availability": _data_here, "details": _sources("publisher", "access_note"), "datasets": _data_described,
        "software": _software, "randomness": _randomness, "needs": _needs, "programs": _programs, "code_licence": _licence, "instructions": _steps,
        "each_program": _each_program, "exhibits": _exhibits, "references": _sources("publisher", "published"),
    },
    "world_bank": {
        "link": lambda seen: _unobservable("link"), "data": _data_here, "code": _code_here, "main": _main, "created": _exhibits, "readme": _overview,
        "software": _software, "paths": _paths, "runtime": _needs, "folders": _programs, "mapping": _exhibits, "access": _data_here, "addresses": _addresses,
        "restrictions": _sources("licence", "access_note"), "rights": lambda seen: _unobservable("rights"), "outputs": _raw_outputs,
        "only_needed": lambda seen: _unobservable("only_needed"),
    },
}  # fmt: skip


def answers(bundle: Path, root: Path) -> Iterator[tuple[str, str, Answer]]:
    """Every list's name, item and answer.

    Raises:
        BadInput: The folder is no bundle.
    """
    try:
        seen = Observed(bundle, root)
    except (OSError, ValueError, KeyError):
        raise BadInput([Problem("not_a_bundle", str(bundle), expected="record.json, lineage.json, ro-crate-metadata.json")]) from None
    for name, items in LISTS.items():
        for item, answer in items.items():
            yield name, item, answer(seen)


def write_page(bundle: Path, root: Path, path: Path, language: str) -> dict[str, int]:
    """Write the checklist as a page; how many items have each answer.

    Raises:
        BadInput: The folder is no bundle.
        OSError: The page cannot be written.
    """
    from kcq_eval.deliverables.pages import template
    from kcq_eval.runs.places import whole_file
    from kcq_eval.texts import plain

    def say(key: str, **values: Any) -> str:
        return plain(language, f"checklist.{key}", **values)

    lists: dict[str, list[dict[str, str]]] = {}
    for name, item, answer in answers(bundle, root):
        row = {"status": answer.status, "answer": say(answer.status), "item": say(f"item.{name}.{item}"), "evidence": say(f"evidence.{answer.evidence}", **answer.values)}
        lists.setdefault(name, []).append(row)
    rows = [row for found in lists.values() for row in found]
    counts = {status: sum(row["status"] == status for row in rows) for status in (MET, NOT_MET, UNOBSERVABLE)}
    told = [
        {"title": say(f"list.{name}"), "from": say(f"from.{name}"), "rows": found, "count": say("count", met=sum(row["status"] == MET for row in found), whole=len(found))}
        for name, found in lists.items()
    ]
    page = template("checklist.html").render(say=say, language=language, lists=told, counts=counts, total=len(rows), bundle=bundle.resolve().name)
    with whole_file(path) as written:
        written.write_text(page, encoding="utf-8", newline="\n")
    return counts
