"""Providers: who is called, how to authenticate, which wire language; and simulated ones."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from typing_extensions import TypeAliasType

from trunkline.config.models.auth import Auth
from trunkline.config.models.nodes import Capability
from trunkline.config.models.settings import CircuitBreakerNumbers, LimitBase
from trunkline.config.models.words import (
    MESSAGE,
    AmountOrReference,
    BaseUrl,
    Count,
    CountOrReference,
    Duration,
    DurationOrReference,
    Expression,
    Glob,
    HeaderName,
    Name,
    PeriodOrReference,
    PositiveOrReference,
    Strict,
    Text,
    TruthOrReference,
    UpstreamName,
    UrlPath,
    Yes,
)

SIMULATED: Final = "simulated"


ROWS: Final = [
    "anthropic",
    "azure-openai",
    "bedrock",
    "bedrock-mantle",
    "cerebras",
    "cohere",
    "crusoe",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "huggingface",
    "mistral",
    "ollama",
    "openai",
    "openai-compatible",
    "openrouter",
    "perplexity",
    "snowflake",
    "together",
    "vertex",
    "vertex-express",
    "vllm",
    "xai",
    "zai",
]
"""The rows of the catalogue, for editors to offer; a test holds them to the files."""


class ProviderTimeouts(Strict):
    """How long to wait for this provider."""

    connect: DurationOrReference | None = None
    """Until there is a connection, TLS included."""
    pool: DurationOrReference | None = None
    """For a free connection."""
    write: DurationOrReference | None = None
    """Until the request is sent."""
    first_byte: DurationOrReference | None = None
    """Until the status line of the response."""
    first_token: DurationOrReference | None = None
    """Until the first content of the answer."""
    idle: DurationOrReference | None = None
    """Between any two bytes of the answer."""
    idle_content: DurationOrReference | None = None
    """Between any two pieces of content."""
    attempt: DurationOrReference | None = None
    """For one attempt whose answer is not streamed."""


class LimitNumbersOrReferences(LimitBase):
    """At most this much. Each number may be a reference."""

    requests_per_second: CountOrReference | None = None
    """Requests a second."""
    requests_per_minute: CountOrReference | None = None
    """Requests a minute."""
    requests_per_hour: CountOrReference | None = None
    """Requests an hour."""
    requests_per_day: CountOrReference | None = None
    """Requests a day."""
    tokens_per_minute: CountOrReference | None = None
    """Tokens a minute, input and output."""
    tokens_per_hour: CountOrReference | None = None
    """Tokens an hour, input and output."""
    tokens_per_day: CountOrReference | None = None
    """Tokens a day, input and output."""
    cost_per_minute: AmountOrReference | None = None
    """Money a minute."""
    cost_per_hour: AmountOrReference | None = None
    """Money an hour."""
    cost_per_day: AmountOrReference | None = None
    """Money a day."""
    concurrency: CountOrReference | None = None
    """Requests at the same time."""
    burst: CountOrReference | None = None
    """Requests that may come at once before the rate counts."""
    strict: TruthOrReference | None = None
    """Never let through more than this, at the price of refusing what might have fitted."""


class ProviderCircuitBreaker(CircuitBreakerNumbers):
    """When a target of this provider is ejected, and for how long."""

    window: PeriodOrReference | None = None
    """Over which time failures are counted."""
    open: PeriodOrReference | None = None
    """How long the first ejection lasts; each further one doubles it."""
    max_open: PeriodOrReference | None = None
    """How long an ejection lasts at most."""
    ramp: DurationOrReference | None = None
    """How long a restored target takes to get its whole share again; `off`: at once."""


class HealthCheck(Strict):
    """How to find out whether a provider is there, beside what requests show. Without `path` and
    `model`, the list of models is asked for where the catalogue knows how."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"type": "object", "required": ["path", "model"]},
            MESSAGE: "`path` is asked for, or `model` is: write one of them",
        }
    )

    every: PeriodOrReference | None = None
    """How often."""
    timeout: PeriodOrReference | None = None
    """How long an answer may take."""
    path: UrlPath | None = None
    """What is fetched, below the base URL; any answer under 400 will do."""
    model: UpstreamName | None = None
    """The model that is asked for a single token, which costs as much as any request."""
    fail_after: PositiveOrReference | None = None
    """After so many failed checks in a row its targets are ejected."""
    pass_after: PositiveOrReference | None = None
    """After so many passed checks in a row they are restored."""

    @model_validator(mode="after")
    def _one_question(self) -> HealthCheck:
        if self.path is not None and self.model is not None:
            raise ValueError("`path` is asked for, or `model` is")
        return self


class Key(Strict):
    """One credential of a pool, with its own health and limits."""

    name: Name | None = None
    """What decision records call it; without one its number."""
    api_key: Text
    """The key itself: a reference, never clear text."""
    weight: Annotated[float, Field(ge=0)] | None = None
    """How often it is used, compared with the others."""
    limits: LimitNumbersOrReferences | None = None
    """At most this much goes with this key."""


class Price(Strict):
    """US dollars for a million tokens."""

    input: Annotated[float, Field(ge=0)] | None = None
    """Input tokens that no cache held."""
    output: Annotated[float, Field(ge=0)] | None = None
    """Output tokens."""
    cache_read: Annotated[float, Field(ge=0)] | None = None
    """Input tokens that came from the provider's cache."""
    cache_write: Annotated[float, Field(ge=0)] | None = None
    """Input tokens that were written to the provider's cache."""
    cache_write_1h: Annotated[float, Field(ge=0)] | None = None
    """The same, kept for an hour."""
    reasoning: Annotated[float, Field(ge=0)] | None = None
    """Tokens that the model spent thinking; without it the price of output."""


Facts = list[Capability]


class Model(Strict):
    """What a model is called upstream, and what the catalogue cannot know of it."""

    model_config = ConfigDict(serialize_by_alias=True)

    as_: UpstreamName | None = Field(default=None, alias="as", examples=["prod-gpt-4o"])
    """The provider's own name for it: a deployment, a profile, a version."""
    dialect: Name | None = None
    """The wire language for this model."""
    context: CountOrReference | None = None
    """How many tokens fit into its window."""
    max_output: CountOrReference | None = None
    """How many tokens it can answer with."""
    capabilities: Facts | None = None
    """What it can do."""
    price: Price | None = None
    """What it costs, where the price list is wrong or silent."""
    timeouts: ProviderTimeouts | None = None
    """How long to wait for it."""


class DialectRule(Strict):
    """Which wire language speaks to which models. The first rule that fits counts."""

    models: Glob | Annotated[list[Glob], Field(min_length=1)] | None = None
    """Patterns of model names; without them, all models."""
    use: Name
    """The dialect."""
    path: str | dict[str, Any] | None = Field(
        default=None, examples=["/v1/models/{{ target.model }}:generate"]
    )
    """Where requests go, instead of the dialect's own path. A template."""
    query: dict[str, Any] | None = None
    """Query parameters. Values are templates."""
    lacks: list[Name] | None = None
    """Fields of a request that these models do not take, beside those that the provider lacks."""


class Common(Strict):
    """What simulated and real providers share."""

    headers: dict[HeaderName, Text] | None = Field(
        default=None, examples=[{"anthropic-beta": "context-1m-2025-08-07"}]
    )
    """Headers that go with every request."""
    timeouts: ProviderTimeouts | None = None
    """How long to wait for this provider."""
    limits: LimitNumbersOrReferences | None = None
    """At most this much goes to the provider."""
    capabilities: Facts | None = None
    """What its models can do, where the catalogue does not know them."""
    models: dict[str, UpstreamName | Model] | None = Field(
        default=None, examples=[{"gpt-4o": "prod-gpt-4o"}]
    )
    """Requested name to the provider's own name, or to a mapping that says more."""
    circuit_breaker: Literal["off"] | ProviderCircuitBreaker | None = None
    """When a target of this provider is ejected, and for how long."""


class Provider(Common):
    """Who is called and how. `type` is a row of the catalogue and defaults to the name."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "not": {"type": "object", "required": ["api_key", "keys"]},
                    MESSAGE: "`api_key` is one credential, `keys` are several: write one of them",
                },
                {
                    "not": {"type": "object", "required": ["dialect", "dialects"]},
                    MESSAGE: "`dialect` is for all models, `dialects` is by model: write one",
                },
            ]
        }
    )

    type: Name | None = Field(default=None, examples=ROWS)
    """A row of the catalogue; without one, the row of the provider's own name."""
    dialect: Name | None = Field(default=None, examples=["openai-chat", "anthropic-messages"])
    """The wire language, where there is no row or it speaks another one."""
    base_url: BaseUrl | None = Field(default=None, examples=["https://api.example.com/v1"])
    """Where it is; a template where it depends on settings such as `region`."""
    api_key: Text | None = Field(default=None, examples=["${env:OPENAI_API_KEY}"])
    """The credential: a reference, never clear text."""
    keys: Annotated[list[Key], Field(min_length=1)] | None = None
    """A pool of credentials; each has its own health and limits."""
    auth: Auth | None = None
    """How requests carry the credential."""
    dialects: Annotated[list[DialectRule], Field(min_length=1)] | None = None
    """Where the wire depends on the model: rules, the first that fits counts."""
    adaptive_concurrency: Yes | None = None
    """Find out how many requests at once each of its targets can take, from how long they take to
    begin to answer, and send no more; further ones go to the next target."""
    health_check: HealthCheck | None = None
    """How to find out whether it is there, beside what requests show; without it, nobody asks."""
    region: Text | None = None
    """The region, for providers that have regions."""
    project: Text | None = None
    """The project, for providers that have projects."""
    location: Text | None = None
    """The location, for providers that have locations."""
    organization: Text | None = None
    """The organization that requests are billed to."""
    resource: Text | None = None
    """The resource, for providers where each has a host of its own."""
    account: Text | None = None
    """The account, for providers where each has a host of its own."""
    fips: TruthOrReference | None = None
    """Whether to use hosts with FIPS 140 validated cryptography, for providers that have some."""
    version: Text | None = None
    """The version of the provider's API."""
    api_version: Text | None = None
    """The version of the API, where it is a query parameter."""
    quirks: dict[str, Any] | None = None
    """How this provider differs from others of its dialect; the dialect says what it knows."""
    lacks: list[Name] | None = Field(default=None, examples=[["seed", "user"]])
    """Fields of a request that it does not take: hints are left out, the rest is unsupported."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Provider:
        if self.api_key is not None and self.keys is not None:
            raise ValueError("`api_key` is one credential and `keys` are several")
        if self.dialect is not None and self.dialects is not None:
            raise ValueError("`dialect` is for all models and `dialects` are by model")
        return self


EFFECTS: Final = (
    "status",
    "delay",
    "stall",
    "stall_after",
    "cut_after",
    "end_after",
    "malformed_after",
    "reset_after",
    "error_after",
    "headers",
    "body",
    "message",
    "retry_after",
)
"""What says what goes wrong; the other keys say when."""


class Fault(Strict):
    """Something that goes wrong at a simulated provider, and when.

    Without `on`, `every` or `when` it goes wrong always.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "not": {"type": "object", "required": ["on", "every"]},
                    MESSAGE: "`on` and `every` both count requests: write one of them",
                },
                {
                    "not": {"type": "object", "required": ["message", "body"]},
                    MESSAGE: "`message` is for where there is no `body`: write one of them",
                },
                {
                    "not": {
                        "type": "object",
                        "allOf": [{"not": {"required": [key]}} for key in EFFECTS],
                    },
                    MESSAGE: "nothing goes wrong here: write `status`, `cut_after` or the like",
                },
            ],
            "dependentRequired": {
                "body": ["status"],
                "message": ["status"],
                "retry_after": ["status"],
            },
        }
    )

    on: list[Annotated[int, Field(ge=1)]] | None = Field(
        default=None, min_length=1, examples=[[1, 2]]
    )
    """Which requests, counted from 1."""
    every: Annotated[int, Field(ge=1)] | None = None
    """Every so many requests."""
    always: Yes | None = None
    """Every request; the same as saying nothing, for the reader's sake."""
    when: Expression | None = None
    """Only requests for which this is true."""
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    """Answer with this status instead."""
    body: Any = None
    """With this body; without it an error in the dialect's own words."""
    message: str | None = None
    """With this message, where there is no `body`."""
    headers: dict[HeaderName, str] | None = None
    """With these headers."""
    retry_after: Duration | None = None
    """With this `retry-after`."""
    delay: Duration | None = None
    """Wait this long first."""
    stall: Yes | None = None
    """Take the request and never answer."""
    stall_after: Count | None = None
    """Fall silent after so many chunks."""
    cut_after: Count | None = None
    """Close the connection after so many chunks, in the middle of the body."""
    end_after: Count | None = None
    """End the body after so many chunks, politely, as if the answer were whole."""
    malformed_after: Count | None = None
    """Send a chunk that cannot be read after so many chunks."""
    reset_after: Count | None = None
    """Reset the connection after so many chunks."""
    error_after: Count | None = None
    """Say the error in the stream, after so many chunks of content."""

    @model_validator(mode="after")
    def _one_counter(self) -> Fault:
        if self.on is not None and self.every is not None:
            raise ValueError("`on` and `every` both count requests")
        if self.message is not None and self.body is not None:
            raise ValueError("`message` is for where there is no `body`")
        answering = self.model_fields_set & {"body", "message", "retry_after"}
        if answering and self.status is None:
            raise ValueError("`status` is missing")
        if not self.model_fields_set.intersection(EFFECTS):
            raise ValueError("nothing goes wrong")
        return self


class SimulatedProvider(Common):
    """A provider that answers on this machine, in the wire language of another one.

    Its answers are made from the request and the seed, so the same request gives the same answer.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    type: Literal["simulated"]
    """`simulated`."""
    as_: Name | None = Field(default=None, alias="as", examples=ROWS)
    """The row of the catalogue to imitate; without one, the row of the provider's own name."""
    dialect: Name | None = None
    """The wire language, where it is not the imitated row's."""
    reply: Text | None = None
    """What it answers; without it, words about the request."""
    latency: DurationOrReference | None = None
    """How long it takes to begin."""
    chunk_delay: DurationOrReference | None = None
    """How long it takes from chunk to chunk."""
    chunk: Annotated[int, Field(ge=1)] | None = None
    """How many characters are in a chunk."""
    seed: int | None = None
    """Another seed gives other answers."""
    faults: list[Fault] | None = None
    """What goes wrong, and when; the first that applies to a request counts."""


def _which(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return SIMULATED if kind == SIMULATED else "real"


class _EitherByType:
    """Says the union in JSON Schema as `if`, so that a mistake gives one error and not two."""

    @staticmethod
    def __get_pydantic_json_schema__(core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        simulated, real = handler(core)["oneOf"]
        is_simulated = {"properties": {"type": {"enum": [SIMULATED]}}, "required": ["type"]}
        return {"if": {"type": "object", **is_simulated}, "then": simulated, "else": real}


AnyProvider = TypeAliasType(
    "AnyProvider",
    Annotated[
        Annotated[SimulatedProvider, Tag(SIMULATED)] | Annotated[Provider, Tag("real")],
        Discriminator(_which),
        _EitherByType(),
    ],
)
"""Who is called and how, or how one is simulated."""


class Setting(Strict):
    """A plain setting of a provider, as its row describes it."""

    about: str
    """What it is, in a sentence for people."""
    required: Yes | None = None
    """Whether nothing can be sent without it."""


class ProviderRow(Strict):
    """A row of the catalogue: what is known of a provider before anyone configures it."""

    provider: Name
    """Its name, which `type` refers to."""
    about: str | None = None
    """A sentence for people."""
    also: list[str] | None = None
    """What others call it; used for hints only."""
    base_url: str | dict[str, Any] | None = None
    """Where it is, a template; without one, whoever uses the row must say so."""
    auth: Auth | None = None
    """How requests carry the key."""
    env: dict[Name, Name] | None = None
    """Which environment variable usually holds which setting; used for hints only."""
    dialect: Name | None = None
    """The wire language, if it is one for all models."""
    dialects: Annotated[list[DialectRule], Field(min_length=1)] | None = None
    """Which wire language for which models."""
    headers: dict[HeaderName, str] | None = None
    """Headers that go with every request."""
    models_path: UrlPath | None = None
    """Where its models are listed, below the base URL; health checks ask for it."""
    models: dict[str, str | Model] | None = None
    """Models that need another name or have facts of their own."""
    capabilities: Facts | None = None
    """What its models can do."""
    quirks: dict[str, Any] | None = None
    """How it differs from others of its dialect."""
    lacks: list[Name] | None = None
    """Fields of a request that it does not take."""
    settings: dict[Name, Setting] | None = None
    """The plain settings that it takes."""
