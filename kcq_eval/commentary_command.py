"""The command line of the evaluator's commentary: `kcq-eval commentary template`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True, help="Lời bình của người đánh giá trong báo cáo · The evaluator's own passages in the report")


@app.callback()
def _commands() -> None:
    pass


@app.command(help="Ghi một tệp lời bình trống có sẵn các tiêu đề · Write an empty commentary with its headings")
def template(
    file: Annotated[Path, typer.Argument(help="Tệp .md sẽ ghi · .md file to write")] = Path("commentary.md"),
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Thư mục kết quả có các số cần nhắc đến · results whose numbers are to be named")
    ] = None,
    language: Annotated[Literal["vi", "en"] | None, typer.Option("--language", help="Ngôn ngữ · language")] = None,
    force: Annotated[bool, typer.Option("--force", help="Ghi đè tệp đã có · overwrite an existing file")] = False,
) -> None:
    from kcq_eval.texts import plain

    numbers: list[dict[str, str]] = []
    run_id = ""
    if bundle is not None:
        try:
            record = json.loads((bundle / "record.json").read_text(encoding="utf-8"))
            run_id, told_in = record["run_id"], record["parameters"]["language"]
            with open(bundle / "numbers.csv", encoding="utf-8", newline="") as rows:
                numbers = list(csv.DictReader(rows))
        except (OSError, ValueError, KeyError, TypeError):
            _stop(plain(language or "vi", "commentary.no_bundle", folder=bundle))
        language = language or told_in
    language = language or "vi"
    if file.exists() and not force:
        _stop(plain(language, "register.taken", file=file))
    from kcq_eval.runs.places import whole_file

    try:
        with whole_file(file) as written:
            written.write_text(empty_commentary(language, numbers, run_id), encoding="utf-8", newline="\n")
    except OSError as error:
        _stop(plain(language, "cli.not_writable", folder=file, error=error.strerror))
    typer.echo(f"{plain(language, 'commentary.written')} {file}")
    typer.echo(plain(language, "commentary.next", file=file))


def empty_commentary(language: str, numbers: list[dict[str, str]], run_id: str) -> str:
    """A commentary with every heading and nothing below; how to write it, and the run's numbers, stand in comments."""
    from kcq_eval.deliverables.commentary import SECTIONS
    from kcq_eval.texts import plain, templates

    texts = templates(language)
    pieces = [_comment(texts["commentary.template"])]
    if numbers:
        rows = [f"{{{{ {row['id']} }}}}  {row[f'label_{language}']}: {row[f'text_{language}']}" for row in numbers]
        pieces.append(_comment([plain(language, "commentary.template_numbers", run=run_id), *rows]))
    pieces += [f"# {texts[f'commentary.sections.{section}'][0]}\n" for section in SECTIONS]
    return "\n".join(pieces)


def _comment(lines: list[str]) -> str:
    told = "\n".join(line.replace("-->", "→") for line in lines)
    return f"<!--\n{told}\n-->\n"


def _stop(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(2)
