"""Plans at work: the engine, its streams, and its face for code that is not async."""

from __future__ import annotations

from trunkline.runtime.engine import Engine, Opening
from trunkline.runtime.stream import Stream
from trunkline.runtime.sync import SyncEngine, SyncStream

__all__ = ["Engine", "Opening", "Stream", "SyncEngine", "SyncStream"]
