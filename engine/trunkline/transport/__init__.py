"""The seam to the network: faces of `ports.Transport`.

`HttpxTransport` carries requests through httpx, `ScriptedTransport` answers them from a script,
and `DryTransport` only keeps them. httpx is imported when a request is first sent. `HttpsFetcher`
and `DryFetcher` are the faces of `ports.Fetcher`.
"""

from __future__ import annotations

from trunkline.transport.dry import DryFetcher, DryTransport
from trunkline.transport.fetching import HttpsFetcher
from trunkline.transport.head import on_the_wire
from trunkline.transport.httpx_transport import HttpxTransport
from trunkline.transport.scripted import Canned, ScriptedTransport

__all__ = [
    "Canned",
    "DryFetcher",
    "DryTransport",
    "HttpsFetcher",
    "HttpxTransport",
    "ScriptedTransport",
    "on_the_wire",
]
