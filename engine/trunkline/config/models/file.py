"""A route file: every section there is."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from trunkline.config.models.nodes import Node, Route
from trunkline.config.models.providers import AnyProvider, LimitNumbersOrReferences, Price
from trunkline.config.models.settings import CircuitBreaker, Retry, Streaming, Timeouts
from trunkline.config.models.words import (
    AmountOrReference,
    Count,
    CountOrReference,
    Duration,
    Expression,
    FetchHost,
    HeaderName,
    Name,
    PeriodOrReference,
    PositiveOrReference,
    PricedName,
    Strict,
    Text,
    Version,
    later,
)
from trunkline.errors import ErrorKind

REFERABLE: Final = ("providers", "state", "server", "limits", "budgets", "telemetry", "vars")
"""The sections in whose scalars `${…:…}` is a reference."""

ROOT_ONLY: Final = ("defaults", "state", "server", "telemetry")
"""The sections that only the root file may have."""

MAPPINGS: Final = ("vars", "providers", "dialects", "targets", "prices")
"""The sections that are mappings by name; several files may add to them."""

LISTS: Final = ("routes", "limits", "budgets", "tests")
"""The sections that are lists; those of several files follow one another."""


class Defaults(Strict):
    """What every route inherits."""

    timeouts: Timeouts | None = None
    """How long to wait."""
    retry: Retry | None = None
    """How often to try again."""
    streaming: Streaming | None = None
    """When an answer counts as begun, and what happens when it breaks off."""
    unsupported: Literal["skip", "drop", "refuse"] | None = None
    """What happens when a target cannot carry what a request means."""
    circuit_breaker: Literal["off"] | CircuitBreaker | None = None
    """When a target is ejected, and for how long. Health belongs to targets, which routes share, so
    only this and providers say it."""


class Limit(LimitNumbersOrReferences):
    """At most this much for each value of `by`."""

    name: Name
    """What refusals and metrics call it."""
    by: Expression
    """Who shares it: requests with the same value."""
    routes: Annotated[list[Name], Field(min_length=1)] | None = None
    """The names of the routes that it is for; without it, all."""
    trust: Literal["client"] | None = None
    """Says that `by` may go by what callers say of themselves."""


class Budget(Strict):
    """At most this much money in a window of the UTC calendar. No window rolls along: what a month
    allows is there again on its first day."""

    name: Name
    """What refusals and metrics call it."""
    by: Expression | None = None
    """Who shares it: requests with the same value; without it, everybody."""
    amount: AmountOrReference
    """How much."""
    window: Literal["hour", "day", "week", "month"]
    """Over which time, by the UTC calendar; a week begins on Monday."""
    alert: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share of `amount` from which on a warning is given, once in a window."""
    unpriced: Literal["allow"] | None = None
    """Lets models through whose price is not known."""
    trust: Literal["client"] | None = None
    """Says that `by` may go by what callers say of themselves."""


class Fetch(Strict):
    """Which images and files may be fetched for providers that need their bytes."""

    hosts: list[FetchHost] = Field(min_length=1)
    """From these hosts only; `*.example.com` is every host below `example.com`."""
    max_bytes: Count | None = Field(default=None, examples=["5_000_000"])
    """At most so many bytes for all files of one request; without it 20 million."""
    timeout: Duration | None = Field(default=None, examples=["5s"])
    """At most so long for all files of one request; without it 10 seconds."""


class Media(Strict):
    """What to do with images and files given by URL."""

    fetch: Fetch | None = None
    """Fetch them for providers that need their bytes; without this, such targets are skipped."""


class Redis(Strict):
    """A Redis or Valkey server that several machines share."""

    url: Text
    """Where it is, credentials included: a reference."""
    prefix: Text | None = None
    """What the names of all keys begin with. In a cluster, what is in its `{}` keeps them on one
    node."""
    timeout: PeriodOrReference | None = None
    """How long an operation may take; after that the server counts as down."""


StoreDown = Literal["local", "open", "closed"]


class OnStoreDown(Strict):
    """What happens while shared counters cannot be asked: `local` counts here with a share of each
    limit, `open` lets all through, `closed` refuses all."""

    limits: StoreDown | None = None
    """For limits; without it `local`."""
    budgets: StoreDown | None = None
    """For budgets; without it `local`."""


class State(Strict):
    """Where counters are kept, and what happens while they cannot be asked."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["file"]}, {"required": ["redis"]}]}
    )

    file: Text | None = None
    """In a file, for the processes of one machine."""
    redis: Redis | None = None
    """In Redis or Valkey, for many machines."""
    replicas: PositiveOrReference | None = None
    """How many processes share the counters; while these cannot be asked, each has its share."""
    on_store_down: StoreDown | OnStoreDown | None = None
    """What happens while the counters cannot be asked; without it `local`."""

    @model_validator(mode="after")
    def _one_place(self) -> State:
        if (self.file is None) == (self.redis is None):
            raise ValueError("either `file` or `redis`")
        return self


class ServerKey(Strict):
    """A key that callers of the server use."""

    name: Name
    """Who it belongs to."""
    key: Text
    """The key: a reference."""
    routes: list[str] | None = None
    """Which routes it may use; without it, all."""
    labels: dict[Name, str] | None = None
    """What expressions see as `caller.…`."""


class Server(Strict):
    """The gateway."""

    listen: Text | None = Field(default=None, examples=["127.0.0.1:8080"])
    """Host and port."""
    keys: list[ServerKey] | None = None
    """Who may ask."""
    admin: dict[str, Any] | None = None
    """The administrator's own listener and key."""
    doors: list[Name] | None = None
    """Which wire languages it speaks; without it, all that have a door."""
    expose: list[Name] | None = None
    """Which facts about a request its answer carries as headers."""


class GivenMap(Strict):
    """How a provider behaves in a test."""

    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """The status it answers with."""
    headers: dict[HeaderName, str] | None = None
    """The headers it answers with."""
    body: Any = None
    """The body it answers with."""
    cut_after: CountOrReference | None = None
    """Breaks off after so many chunks."""
    delay: Duration | None = None
    """Waits this long first."""


Given = (
    Annotated[int, Field(ge=100, le=599)]
    | Literal["timeout", "slow", "ejected", "cooled", "limit_used", "budget_used"]
    | GivenMap
)


class Expect(Strict):
    """What a test asks for; what is not said may be anything."""

    route: str | None = None
    """The route that answers."""
    path: list[str] | None = None
    """The leaf ids (`provider/upstream-model`) that are asked, in order."""
    sends: dict[str, Any] | None = None
    """What they are sent, by provider or leaf id: `{body: …, headers: …}`, compared as subsets."""
    status: int | None = None
    """The status the caller gets."""
    error: ErrorKind | None = None
    """The kind of error the caller gets."""
    reply: Any = None
    """What the caller gets, compared as a subset."""


class Test(Strict):
    """A test of the routes in this document."""

    name: str
    """What it shows, in a sentence."""
    request: dict[str, Any]
    """The request."""
    given: dict[str, Given] | None = None
    """How providers, leaf ids or keys behave: a status, a word, or a mapping."""
    expect: Expect
    """What must happen."""
    seed: int | None = None
    """For picks by chance; without one 0."""


PlainState = TypeAliasType("PlainState", Literal["memory"] | State)


class RouteFile(Strict):
    """A route file of Trunkline: which requests go where, and who is there to ask.

    Keys that begin with `x-` are ignored: a place for anchors.
    """

    model_config = ConfigDict(title="Trunkline route file")

    version: Version
    """The version of the language: 1."""
    include: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, examples=[["providers.yaml", "teams/search.yaml"]]
    )
    """Other files of this document, relative to this one and below the root file's folder."""
    vars: dict[Name, Any] | None = Field(default=None, examples=[{"region": "eu-west-1"}])
    """Values to use as `${var:NAME}`; `--var` and `--with` change them."""
    defaults: Defaults | None = None
    """What every route inherits."""
    providers: dict[Name, AnyProvider] | None = None
    """Who there is to ask, by name."""
    dialects: dict[Name, dict[str, Any]] | None = None
    """Wire languages of your own, by name."""
    targets: dict[Name, Node] | None = None
    """Named nodes, for use wherever a node may stand."""
    routes: list[Route] | None = None
    """Which requests go where."""
    limits: list[Limit] | None = None
    """How much callers may ask."""
    budgets: list[Budget] | None = None
    """How much callers may spend."""
    prices: dict[PricedName, Price] | None = Field(
        default=None, examples=[{"azure/gpt-4o*": {"input": 2.5, "output": 10}}]
    )
    """What models cost, by `provider/model`, where the price list is wrong or silent; the longest
    name that fits counts."""
    media: Media | None = None
    """What to do with images and files given by URL."""
    state: PlainState | None = None
    """Where counters are kept: `memory`, a file, or Redis."""
    server: Server | None = later()
    """The gateway."""
    telemetry: dict[str, Any] | None = later()
    """Logs, metrics and traces."""
    tests: list[Test] | None = None
    """Tests of these routes."""

    @model_validator(mode="before")
    @classmethod
    def _without_extensions(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if not key.startswith("x-")}
        return data
