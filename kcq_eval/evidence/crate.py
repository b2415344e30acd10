"""`ro-crate-metadata.json`: the run told as a Provenance Run Crate, one of the Workflow Run RO-Crate profiles.

`kcq-eval run` is the workflow, each notebook a step with the numbers, figures and tables that it saved, each parameter a formal parameter with
its value. Written directly and not by the rocrate library: a library may put the time of writing in, a run must not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kcq_eval import __version__
from kcq_eval.deliverables.contents import Contents
from kcq_eval.evidence.integrity import hashes
from kcq_eval.evidence.record import CODE, COMMAND, PARAMETERS, code_version, environment
from kcq_eval.parameters import entries

CRATE, WORKFLOW = "ro-crate-metadata.json", "workflow.py"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_TERMS = "https://w3id.org/ro/terms/workflow-run#"
_DONE = "http://schema.org/CompletedActionStatus"
_KINDS = {
    ".csv": "text/csv", ".html": "text/html", ".ipynb": "application/x-ipynb+json", ".json": "application/json", ".md": "text/markdown", ".pdf": "application/pdf",
    ".png": "image/png", ".py": "text/x-python", ".svg": "image/svg+xml", ".txt": "text/plain", ".yaml": "application/yaml",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
_SCRIPT = f'''"""Lặp lại lượt chạy này · Repeats this run: python {WORKFLOW} --out FOLDER

Cần kcq_eval đã cài đặt · kcq_eval must be installed. `kcq-eval verify` also says whether the results are the same.
"""

import subprocess
import sys
from pathlib import Path

given = Path(__file__).with_name("{PARAMETERS}")
sys.exit(subprocess.call([sys.executable, "-m", "kcq_eval", "run", "-f", str(given), *sys.argv[1:]]))
'''


def write_crate(contents: Contents, inputs: Mapping[str, str], later: Iterable[str]) -> None:
    """Write the crate and the workflow that it describes.

    Args:
        contents: The run's results; all other files of its folder are finished.
        inputs: SHA-256 of every file read, by name.
        later: Files that are written after this one, and so are named without their hash.
    """
    (contents.folder / WORKFLOW).write_text(_SCRIPT, encoding="utf-8", newline="\n")
    outputs = {**hashes(contents.folder), **dict.fromkeys(later, "")}
    context = ["https://w3id.org/ro/crate/1.1/context", {"sha256": f"{_TERMS}sha256"}]
    graph = list(_graph(contents, inputs, outputs))
    (contents.folder / CRATE).write_text(
        json.dumps({"@context": context, "@graph": graph}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n"
    )


def _graph(contents: Contents, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    parameters = [entry for entry in entries() if entry.name in _given(contents)]
    values = [_at(f"#value-{entry.name}") for entry in parameters]
    read = [name for name in inputs if not name.startswith(CODE)]
    chapters = [part["chapter"] for part in contents.parts]
    yield from _descriptor(contents, outputs)
    yield {
        "@id": WORKFLOW, "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"], "name": COMMAND, "version": __version__,
        "conformsTo": _at("https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"), "programmingLanguage": _at("#python"), "encodingFormat": _KINDS[".py"], "sha256": outputs[WORKFLOW],
        "input": [_at(f"#parameter-{entry.name}") for entry in parameters], "output": _at("#parameter-numbers"),
        "hasPart": [_at(_notebook(chapter)) for chapter in chapters], "step": [_at(f"#step-{chapter}") for chapter in chapters],
    }  # fmt: skip
    yield {"@id": "#python", "@type": ["ComputerLanguage", "SoftwareApplication"], "name": "Python", "version": environment()["python"], "url": _at("https://www.python.org/")}
    yield {
        "@id": "#run", "@type": "CreateAction", "name": COMMAND, "description": contents.texts("crate.run"), "instrument": _at(WORKFLOW), "actionStatus": _DONE,
        "object": [*values, *(_at(f"#input-{name}") for name in read)], "result": [*(_at(name) for name in outputs if name != WORKFLOW), _at("#verdict")],
    }  # fmt: skip
    yield {
        "@id": "#engine-run", "@type": "OrganizeAction", "name": f"kcq_eval {__version__}", "instrument": _at("#kcq_eval"), "result": _at("#run"),
        "object": [_at(f"#control-{chapter}") for chapter in chapters],
    }  # fmt: skip
    for position, part in enumerate(contents.parts):
        yield from _step(part, str(position), [*values, *(_at(f"#input-{name}") for name in read)], outputs)
    yield from _software(inputs)
    for entry in parameters:
        yield _formal(entry.name, "Boolean" if entry.type == "bool" else "Text", f"#value-{entry.name}", entry.help.en)
        yield {"@id": f"#value-{entry.name}", "@type": "PropertyValue", "name": entry.name, "value": _given(contents)[entry.name], "exampleOfWork": _at(f"#parameter-{entry.name}")}
    yield _formal("numbers", "File", "numbers.csv", "every number of the run, once")
    for name in read:
        yield {"@id": f"#input-{name}", "@type": "CreativeWork", "name": name, "sha256": inputs[name]}
    yield {"@id": "#verdict", "@type": "PropertyValue", "name": "verdict", "value": contents.evaluation.audit.verdict}
    for name, digest in outputs.items():
        if name != WORKFLOW and name not in map(_notebook, chapters):
            yield _file(name, digest)


def _descriptor(contents: Contents, outputs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The crate itself. It is dated by its newest source: a run leaves no time."""
    evaluation, texts = contents.evaluation, contents.texts
    newest = max((source.published for source in evaluation.published.sources.values()), default=None)
    profiles = [_at(profile) for profile in _PROFILES]
    specification = _at("https://w3id.org/ro/crate/1.1")
    yield {"@id": CRATE, "@type": "CreativeWork", "about": _at("./"), "conformsTo": [specification, profiles[-1]]}
    yield {
        "@id": "./", "@type": "Dataset", "name": contents.titled("report.title"), "description": texts("crate.description"), "inLanguage": texts.language,
        "datePublished": newest.isoformat() if newest else f"{evaluation.parameters.current_period.end}-12-31", "license": _at("#licence"),
        "conformsTo": profiles, "mainEntity": _at(WORKFLOW), "hasPart": [_at(name) for name in outputs],
        "mentions": [_at("#engine-run"), _at("#run"), *(_at(f"#run-{part['chapter']}") for part in contents.parts)],
    }  # fmt: skip
    yield {"@id": "#licence", "@type": "CreativeWork", "name": texts("crate.licence"), "description": texts("crate.licence_told")}
    for profile, (name, version) in _PROFILES.items():
        yield {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}


def _step(part: Mapping[str, Any], position: str, read: list[Any], outputs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A notebook: the step, the tool, and that it was run, with what came of it."""
    chapter = part["chapter"]
    notebook, figures = _notebook(chapter), {figure["name"] for figure in part["figures"]}
    results = [name for name in outputs if name.startswith(f"tables/{chapter}.") or (name.startswith("figures/") and name[8:].partition(".")[0] in figures)]
    yield {"@id": f"#step-{chapter}", "@type": "HowToStep", "name": part["title"], "position": position, "workExample": _at(notebook)}
    yield {
        "@id": notebook, "@type": ["File", "SoftwareSourceCode"], "name": part["title"], "description": part["question"], "version": __version__,
        "programmingLanguage": _at("#python"),
        "encodingFormat": _KINDS[".ipynb"], "sha256": outputs[notebook],
    }  # fmt: skip
    yield {"@id": f"#control-{chapter}", "@type": "ControlAction", "name": part["title"], "instrument": _at(f"#step-{chapter}"), "object": _at(f"#run-{chapter}")}
    yield {
        "@id": f"#run-{chapter}", "@type": "CreateAction", "name": part["title"], "description": part["question"], "instrument": _at(notebook), "object": read,
        "result": [_at(name) for name in results], "actionStatus": _DONE,
    }  # fmt: skip


def _software(inputs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The engine, its code version, and the packages that it ran with."""
    packages = {name: version for name, version in environment().items() if name not in ("python", "platform")}
    yield {
        "@id": "#kcq_eval", "@type": "SoftwareApplication", "name": "kcq_eval", "softwareVersion": __version__, "sha256": code_version(inputs),
        "operatingSystem": environment()["platform"], "softwareRequirements": [_at(f"#package-{name}") for name in packages],
    }  # fmt: skip
    for name, version in packages.items():
        yield {"@id": f"#package-{name}", "@type": "SoftwareApplication", "name": name, "softwareVersion": version}


def _formal(name: str, kind: str, example: str, meaning: str) -> dict[str, Any]:
    return {
        "@id": f"#parameter-{name}", "@type": "FormalParameter", "additionalType": kind, "name": name, "description": meaning, "workExample": _at(example),
        "conformsTo": _at("https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"),
    }  # fmt: skip


def _file(name: str, digest: str) -> dict[str, Any]:
    told = {"@id": name, "@type": "File", "name": name, "encodingFormat": _KINDS.get(Path(name).suffix, _KINDS[".txt"])}
    return told | ({"sha256": digest} if digest else {}) | ({"exampleOfWork": _at("#parameter-numbers")} if name == "numbers.csv" else {})


def _given(contents: Contents) -> dict[str, Any]:
    """The parameters that change results."""
    from kcq_eval.parameters import FOLDERS

    return {name: value for name, value in contents.evaluation.parameters.model_dump().items() if name not in FOLDERS}


def _notebook(chapter: str) -> str:
    return f"notebooks/{chapter}.ipynb"


def _at(identifier: str) -> dict[str, str]:
    return {"@id": identifier}
