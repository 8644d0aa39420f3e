"""The gateway: an engine behind HTTP, spoken to in any dialect that has a door.

`create_app` gives a plain ASGI application; `serve` and `run_server` put it on a socket with
uvicorn, which the extra `trunkline[server]` brings.
"""

from __future__ import annotations

from trunkline.server.app import App, create_app
from trunkline.server.run import run_server, serve
from trunkline.server.streaming import Pace

__all__ = ["App", "Pace", "create_app", "run_server", "serve"]
