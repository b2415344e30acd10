"""`kcq-eval explore`: the explorer in a browser, as a page or in JupyterLab."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated, Any, Literal

import typer

EXIT_REFUSED = 2
LOCAL = "127.0.0.1"


def explore(
    language: Annotated[Literal["vi", "en"], typer.Option("--language", help="Ngôn ngữ mở đầu · language to start with")] = "vi",
    lab: Annotated[bool, typer.Option("--lab", help="Mở trong JupyterLab · open in JupyterLab")] = False,
    address: Annotated[str, typer.Option("--address", help="Địa chỉ của máy này để phục vụ · address of this machine to serve at")] = LOCAL,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Cổng, 0 là cổng trống bất kỳ · port, 0 for any free one")] = 0,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Cho phép máy khác mở trang · let other machines open the page")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Mở trình duyệt · open a browser")] = True,
) -> None:
    from kcq_eval.explorer.server import is_local, serve

    def say(key: str, **values: Any) -> str:
        from kcq_eval.texts import plain

        return plain(language, f"explore.cli.{key}", **values)

    remote = not is_local(address)
    if remote and not allow_remote:
        typer.echo(say("refused", address=address), err=True)
        raise typer.Exit(EXIT_REFUSED)
    if remote:
        typer.echo(say("remote", address=address), err=True)
    if lab:
        raise typer.Exit(_lab(address, port, browser, remote))

    def ready(url: str) -> None:
        typer.echo(f"{say('ready')} {url}")
        typer.echo(say("stop"))
        if browser and _has_screen():
            import webbrowser

            webbrowser.open(url)

    typer.echo(say("starting"))
    serve({"language": language}, address=address, port=port, ready=ready)


def _lab(address: str, port: int, browser: bool, remote: bool) -> int:
    """JupyterLab with the notebook, behind its own token."""
    from kcq_eval.datafiles import project_root

    command = [sys.executable, "-m", "jupyterlab", "explore.ipynb", f"--ServerApp.ip={address}", f"--ServerApp.allow_remote_access={remote}"]
    command += [f"--ServerApp.port={port}"] if port else []
    command += [] if browser and _has_screen() else ["--no-browser"]
    try:
        return subprocess.call(command, cwd=project_root() / "notebooks")
    except KeyboardInterrupt:
        return 0


def _has_screen() -> bool:
    """Whether a browser can show itself; on a server one in the terminal would take it over."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
