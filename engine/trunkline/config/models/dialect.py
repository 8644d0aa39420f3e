"""The outline of a dialect file, for editors and the reference.

Templates are trees of any shape, so this says which sections there are and what they are for;
`dialect.load_dialect` compiles what stands in them and finds what is wrong with it.
"""

from __future__ import annotations

from typing import Any, Literal

from trunkline.config.models.words import Name, Strict

Framing = Literal["sse", "aws-eventstream", "json-array", "ndjson"]


class DialectWrite(Strict):
    """A canonical request as this wire's request."""

    method: str | None = None
    """The HTTP method; without it POST."""
    path: Any = None
    """The path below the provider's base URL. Each hole is one encoded segment."""
    query: Any = None
    """Query parameters."""
    headers: Any = None
    """Headers."""
    body: Any = None
    """The JSON body."""


class DialectStream(Strict):
    """A stream of this wire as deltas."""

    framing: Framing | dict[str, Framing] | None = None
    """How events are cut out of the bytes; by media type, where a wire has several ways."""
    unwrap: Any = None
    """Gives the event inside what was framed; absent where that is the event itself."""
    event: Any = None
    """Gives the name of an event, which chooses its rule."""
    events: dict[str, Any] | None = None
    """By name of an event: its deltas, or `ignore`."""
    each: Any = None
    """The deltas of every event, where events have no names."""
    ends_with: list[str] | None = None
    """Names of events after which the stream is whole."""
    done: str | None = None
    """Data that is no event but says that the stream is whole."""
    ends_after_finish: bool | None = None
    """Whether a finish followed by a clean end is a whole stream too."""


class DialectErrors(Strict):
    """What went wrong, from status, headers and body."""

    message: Any = None
    """Gives the message of an error body."""
    kinds: list[dict[str, Any]] | None = None
    """Rules `{when, kind}`; the first whose condition is true counts."""
    retry_after: Any = None
    """Gives how long to wait: seconds, or text such as `22s`, `6m0s` or a date."""


class DialectServeStream(Strict):
    """Deltas as a stream of this wire."""

    framing: str | None = None
    """How events are written; a template over `params` and `query` where clients may choose."""
    name: Any = None
    """Gives the name of an event that is written."""
    wrap: Any = None
    """Gives what is framed instead of an event."""
    done: str | None = None
    """Data that ends a whole stream."""
    stamp: str | None = None
    """A key that numbers the events."""
    ping: str | None = None
    """What a silent stream sends to show that it is alive, instead of the framing's own words."""
    interleave: Any = None
    """Whether several blocks may be open at once."""
    kinds: Any = None
    """Which kinds of block there are."""
    begin: Any = None
    """Events at the start of an answer."""
    open: Any = None
    """Events that open a block."""
    add: Any = None
    """Events that add to a block."""
    close: Any = None
    """Events that close a block."""
    end: Any = None
    """Events at the end of an answer."""
    fail: Any = None
    """Events of an answer that fails."""


class DialectServe(Strict):
    """This wire as a server speaks it."""

    paths: list[str] | None = None
    """The paths of its door. `{name}` captures up to a slash, `{name:glob|glob}` only these."""
    names: dict[str, str] | None = None
    """What this wire calls fields of the canonical request, for complaints about them."""
    request: Any = None
    """A client's body as a canonical request."""
    reply: Any = None
    """A reply as this wire's body."""
    stream: DialectServeStream | None = None
    """Deltas as this wire's stream."""
    error: Any = None
    """An error as this wire's body."""
    headers: Any = None
    """Headers beside a `reply` or an `error`."""


class DialectFile(Strict):
    """A wire language: both ways, as data."""

    dialect: Name
    """Its name."""
    about: str | None = None
    """A sentence for people."""
    extends: Name | None = None
    """Another dialect that this one is laid over."""
    operation: Literal["chat", "embeddings"] | None = None
    """What is asked for in it; without it, chat."""
    at_once: Any = None
    """How many texts one request for embeddings takes; more go in several requests."""
    hints: list[str] | None = None
    """Request fields that may be dropped, and recorded, besides those that always may."""
    drops: list[Any] | None = None
    """What lies deeper in a request and is dropped, and recorded: names of nested things."""
    inlines: Any = None
    """An expression over `part url target provider`: of which parts it needs the bytes."""
    bound: list[str] | None = None
    """What in its own extras only one provider can read, by path."""
    tables: dict[str, Any] | None = None
    """Named constants."""
    fragments: dict[str, Any] | None = None
    """Named templates, for `$use`."""
    write: DialectWrite | None = None
    """A canonical request as this wire's request."""
    reply: Any = None
    """A whole reply as deltas."""
    usage: Any = None
    """The wire's own counts as counters that do not overlap."""
    stream: DialectStream | None = None
    """A stream as deltas."""
    errors: DialectErrors | None = None
    """What went wrong."""
    serve: DialectServe | None = None
    """This wire as a server speaks it."""
    tests: list[dict[str, Any]] | None = None
    """Tests of this dialect."""
