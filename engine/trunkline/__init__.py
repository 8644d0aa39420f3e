"""The routing engine for language models that people configure, not code.

::

    from trunkline import Engine

    async with Engine.open("routes/") as engine:
        reply = await engine.chat(model="smart", messages=[{"role": "user", "content": "hello"}])

Names are loaded when they are first used, so that `import trunkline` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from trunkline.chat import ChatRequest, Delta, Message, ReplyData, Usage
    from trunkline.compile import Plan, load_plan
    from trunkline.diagnostics import Diagnostic, Span
    from trunkline.errors import (
        CallError,
        ConfigError,
        DeadlineError,
        EngineClosed,
        InternalError,
        InterruptedAnswer,
        RequestError,
        TrunklineError,
        UpstreamError,
    )
    from trunkline.graph import Reply
    from trunkline.ports import Decision
    from trunkline.runtime import Engine, Stream, SyncEngine, SyncStream

    __version__: str

__all__ = [
    "CallError",
    "ChatRequest",
    "ConfigError",
    "DeadlineError",
    "Decision",
    "Delta",
    "Diagnostic",
    "Engine",
    "EngineClosed",
    "InternalError",
    "InterruptedAnswer",
    "Message",
    "Plan",
    "Reply",
    "ReplyData",
    "RequestError",
    "Span",
    "Stream",
    "SyncEngine",
    "SyncStream",
    "TrunklineError",
    "UpstreamError",
    "Usage",
    "__version__",
    "load_plan",
]

_ROOMS: Final = {
    "chat": ("ChatRequest", "Delta", "Message", "ReplyData", "Usage"),
    "compile": ("Plan", "load_plan"),
    "diagnostics": ("Diagnostic", "Span"),
    "errors": (
        "CallError",
        "ConfigError",
        "DeadlineError",
        "EngineClosed",
        "InternalError",
        "InterruptedAnswer",
        "RequestError",
        "TrunklineError",
        "UpstreamError",
    ),
    "graph": ("Reply",),
    "ports": ("Decision",),
    "runtime": ("Engine", "Stream", "SyncEngine", "SyncStream"),
}
_HOME: Final = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("trunkline")
    elif name in _HOME:
        value = getattr(import_module(f"trunkline.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'trunkline' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
