"""The explorer as a page: Voilà on this machine only, behind a token, with nothing that runs code from the browser.

What a browser may send to a kernel are the messages of widgets and the end of the visit; everything else is dropped before it
reaches the kernel. No file, notebook, terminal or kernel list is served.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.config import Config
from voila.app import Voila

from kcq_eval.datafiles import project_root
from kcq_eval.explorer.page import START
from kcq_eval.explorer.uploads import FOLDER, MAX_BYTES

ALLOWED = ("comm_open", "comm_close", "comm_msg", "comm_info_request", "kernel_info_request", "shutdown_request")
TARGETS = ("jupyter.widget.control", "jupyter.widget")  # comms that widgets open
_SERVED = ("/api/kernels/", "/voila/templates/", "/voila/static/", "/voila/api/themes/", "/voila/api/shutdown/", "/voila/labextensions/", "/login", "/logout")
_IDLE_SECONDS = 3600  # after which a page that nobody uses is ended
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


def is_local(address: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class WidgetsOnly(ZMQChannelsWebsocketConnection):
    """Lets through what widgets say, and nothing that runs code."""

    def handle_incoming_message(self, incoming_msg: str | bytes) -> None:
        if self._is_of_widgets(incoming_msg):
            super().handle_incoming_message(incoming_msg)
        else:
            self.log.warning("A message that is not a widget's was dropped.")

    def _is_of_widgets(self, message: str | bytes) -> bool:
        try:
            if self.subprotocol == "v1.kernel.websocket.jupyter.org":
                channel, parts = deserialize_msg_from_ws_v1(message)
                kind, content = json.loads(parts[0])["msg_type"], json.loads(parts[3])
            elif isinstance(message, str):
                told = json.loads(message)
                channel, kind, content = told.get("channel"), told["header"]["msg_type"], told["content"]
            else:
                return False  # the older protocol's binary form, which the page does not use
        except (ValueError, KeyError, IndexError, TypeError):
            return False
        if kind not in ALLOWED or channel not in ("shell", "control"):
            return False
        return kind != "comm_open" or content.get("target_name") in TARGETS


class Explorer(Voila):
    """Voilà for one notebook, with fewer doors."""

    ready: Callable[[str], None] = staticmethod(lambda url: None)

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths = [str(Path(__file__).with_name("template")), *self.template_paths]

    def init_settings(self) -> dict[str, Any]:
        settings = super().init_settings()
        remote = not is_local(self.ip)
        return settings | {
            "allow_remote_access": remote, "local_hostnames": ["localhost", "127.0.0.1"], "headers": {"Content-Security-Policy": _POLICY},
            "websocket_max_message_size": 2 * MAX_BYTES,
        }  # fmt: skip

    def init_handlers(self) -> list:
        """Only what the page is made of; no files, no list of kernels."""
        handlers = super().init_handlers()
        page = handlers[-1]
        assert page[0].endswith("/(.*)"), "the page itself is served last"
        return [handler for handler in handlers[:-1] if handler[0].startswith(_SERVED)] + [(r"/()", *page[1:])]

    def launch_browser(self) -> None:
        asyncio.get_event_loop().create_task(self._say_when_ready())

    async def _say_when_ready(self) -> None:
        """Once the first page is made, so that nobody waits for it."""
        for pool in list(self.kernel_manager._pools.values()):
            for waiting in list(pool)[:1]:
                await (await waiting)["task"]
        host = socket.gethostname() if self.ip in ("0.0.0.0", "::") else f"[{self.ip}]" if ":" in self.ip else self.ip
        self.ready(f"http://{host}:{self.port}/?token={self.identity_provider.token}")


def serve(given: Mapping[str, Any], *, address: str, port: int, ready: Callable[[str], None], pages: int = 2) -> None:
    """Serve pages until interrupted; each visitor has a process of its own.

    Args:
        given: Parameters that every page starts with.
        ready: Called with the address, token included, once the first page is made.
        pages: How many pages are made before anybody asks.
    """
    uploads = tempfile.mkdtemp(prefix="kcq-explore-")
    package = str(Path(__file__).resolve().parent.parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    os.environ |= {FOLDER: uploads, START: json.dumps(dict(given), ensure_ascii=False), "PYTHONPATH": path, "JUPYTER_PLATFORM_DIRS": "1"}
    app = Explorer.instance(config=_configuration(address, port, pages), log_level=logging.ERROR)
    app.ready = ready
    try:
        app.initialize([])
        app.notebook_path = str(project_root() / "notebooks" / "explore.ipynb")
        app.root_dir = str(project_root() / "notebooks")
        app.start()
    finally:
        shutil.rmtree(uploads, ignore_errors=True)


def _configuration(address: str, port: int, pages: int) -> Config:
    config = Config()
    config.Voila.ip, config.Voila.port, config.Voila.token = address, port or _free_port(address), secrets.token_urlsafe(32)
    config.Voila.config_file_paths = []  # nobody's own settings may open a door
    config.Voila.kernel_websocket_connection_class = WidgetsOnly
    config.VoilaConfiguration.template, config.VoilaConfiguration.theme = "lab", "light"
    config.VoilaConfiguration.allow_template_override = config.VoilaConfiguration.allow_theme_override = "NO"
    config.VoilaConfiguration.strip_sources, config.VoilaConfiguration.show_tracebacks = True, False
    config.VoilaConfiguration.preheat_kernel, config.VoilaConfiguration.default_pool_size = True, pages
    config.VoilaConfiguration.extension_allowlist = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8"]
    config.VoilaExporter.preprocessors = ["nbconvert.preprocessors.TagRemovePreprocessor"]
    config.TagRemovePreprocessor.enabled, config.TagRemovePreprocessor.remove_cell_tags = True, {"page-title"}
    config.MappingKernelManager.cull_idle_timeout, config.MappingKernelManager.cull_interval = _IDLE_SECONDS, 300
    config.MappingKernelManager.cull_connected = True
    return config


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as found:
        found.bind((address, 0))
        return found.getsockname()[1]
