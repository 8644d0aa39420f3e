"""The seam to the network: faces of `ports.Transport`.

`NativeTransport` speaks HTTP/1.1 itself, `HttpxTransport` carries requests through httpx,
`ScriptedTransport` answers them from a script, and `DryTransport` only keeps them. httpx and
httptools are imported when they are first needed. `HttpsFetcher` and `DryFetcher` are the faces
of `ports.Fetcher`.
"""

from __future__ import annotations

from trunkline.transport.dry import DryFetcher, DryTransport
from trunkline.transport.fetching import HttpsFetcher
from trunkline.transport.head import on_the_wire
from trunkline.transport.httpx_transport import HttpxTransport
from trunkline.transport.native import NativeTransport
from trunkline.transport.scripted import Canned, ScriptedTransport

__all__ = [
    "Canned",
    "DryFetcher",
    "DryTransport",
    "HttpsFetcher",
    "HttpxTransport",
    "NativeTransport",
    "ScriptedTransport",
    "on_the_wire",
]
