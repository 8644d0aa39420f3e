"""From providers as a plan knows them to upstreams that can be called: references are resolved,
credentials bound to their origin, simulated providers started."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from trunkline.auth import (
    CLOUD_SECRETS,
    MASK,
    ApiKey,
    Hiding,
    Masked,
    Secret,
    Unsigned,
    bearer_key,
    cloud_form,
    cloud_mask,
    cloud_signer,
    origin_of,
)
from trunkline.catalog.prices import Prices
from trunkline.compile.origins import check_url, wrong_setting
from trunkline.compile.roots import FLAGS, PROVIDER_FIELDS
from trunkline.config.models import SIMULATED
from trunkline.config.references import Join, Reference, UnresolvedError, find, resolve
from trunkline.diagnostics import Diagnostic, sort
from trunkline.errors import ConfigError
from trunkline.graph import Credential, Upstream
from trunkline.runtime.simulated import start_simulated
from trunkline.template import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trunkline.auth import Signer
    from trunkline.compile import Plan
    from trunkline.config.source import Path
    from trunkline.graph import Provider
    from trunkline.policy.price import Price
    from trunkline.runtime.generation import Closable
    from trunkline.simulator import Simulated

__all__ = ["dry_upstreams", "open_upstreams"]


async def open_upstreams(
    plan: Plan, environ: Mapping[str, str], prices: Prices
) -> tuple[dict[str, Upstream], list[Closable]]:
    """Every provider of the plan, ready to be called, and what must be closed after use: the
    simulated ones that were started, and signers.

    Raises `ConfigError` that lists everything that is missing; then nothing is left running.
    """
    opening = _Opening(plan, lambda value: resolve(value, environ), prices)
    started: list[Closable] = []
    upstreams: dict[str, Upstream] = {}
    try:
        for name, provider in plan.providers.items():
            if provider.type != SIMULATED:
                upstreams[name] = opening.real(provider)
                started.extend(one.signer for one in upstreams[name].credentials)
            elif not opening.missing:
                simulated = await opening.start(provider)
                if simulated is None:
                    continue
                started.append(simulated)
                upstreams[name] = opening.simulated(provider, simulated.origin)
        if opening.missing:
            raise ConfigError(sort(opening.missing))
    except BaseException:
        for thing in started:
            await thing.aclose()
        raise
    return upstreams, started


def dry_upstreams(plan: Plan, environ: Mapping[str, str]) -> dict[str, Upstream]:
    """The same for looking on: what is not set is shown as it is written, nothing is started,
    and every credential is a mask."""

    def look(value: str | Reference | Join) -> str:
        try:
            return resolve(value, environ)
        except UnresolvedError:
            return str(value)

    opening = _Opening(plan, look, Prices.load(plan.spec.file), dry=True)
    return {
        name: opening.simulated(provider, "http://127.0.0.1")
        if provider.type == SIMULATED
        else opening.real(provider)
        for name, provider in plan.providers.items()
    }


class _Opening:
    """Makes upstreams; what cannot be resolved is collected in `missing`."""

    def __init__(
        self,
        plan: Plan,
        look: Callable[[str | Reference | Join], str],
        prices: Prices,
        *,
        dry: bool = False,
    ) -> None:
        self.plan = plan
        self.look = look
        self.dry = dry
        self.missing: list[Diagnostic] = []
        self.prices = prices

    def real(self, provider: Provider) -> Upstream:
        """A provider that is somewhere else."""
        view = self._view(provider)
        base_url = self._base_url(provider, view)
        headers = self._headers(provider)
        hide = Hiding(self._secrets(provider))
        credentials = self._pool(provider, base_url) or (
            Credential(provider.name, self._signer(provider, base_url, view, hide)),
        )
        weights = tuple(key.weight for key in provider.keys) or (1,)
        return Upstream(
            base_url,
            headers,
            credentials,
            view,
            hide=hide,
            weights=weights,
            price=self._prices(provider),
        )

    def simulated(self, provider: Provider, origin: str) -> Upstream:
        """A provider that answers on this machine. It needs no credential, but whatever the
        imitated one's paths lie below is kept."""
        return Upstream(
            origin,
            self._headers(provider),
            (Credential(provider.name, Unsigned()),),
            self._view(provider),
            simulated=True,
            price=self._prices(provider),
        )

    def _prices(self, provider: Provider) -> Callable[[str], Price | None]:
        """What its models cost, by their upstream names."""
        prices, kind, name = self.prices, provider.type, provider.name
        return lambda model: prices.of(kind, model, f"{name}/{model}")

    def _pool(self, provider: Provider, base_url: str) -> tuple[Credential, ...]:
        """Its credentials, where it has several."""
        return tuple(
            Credential(
                f"{provider.name}#{key.name}",
                self._keyed(provider, base_url, self._text(provider, "keys", index, "api_key")),
                key.name,
                key.limits,
            )
            for index, key in enumerate(provider.keys)
        )

    async def start(self, provider: Provider) -> Simulated | None:
        """Start a simulated provider; None if something that it refers to is missing."""
        try:
            return await start_simulated(self.plan, provider, self.look)
        except (UnresolvedError, ValueError) as error:
            self._miss(str(error), ("providers", provider.name))
            return None

    def _text(self, provider: Provider, *path: str | int) -> str | None:
        """The text at a path of the provider's settings; None if nothing is there."""
        value: Any = provider.settings
        for step in path:
            if isinstance(value, list) and isinstance(step, int):
                value = value[step]
            else:
                value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return None
        try:
            return self.look(_referred(value))
        except UnresolvedError as error:
            self._miss(str(error), ("providers", provider.name, *path))
            return None

    def _miss(self, message: str, path: Path) -> None:
        span = self.plan.document.span(path)
        self.missing.append(Diagnostic("TL310", "error", message, span))

    def _base_url(self, provider: Provider, view: Mapping[str, Any]) -> str:
        try:
            url = (self._written_url(provider, view) or "").rstrip("/")
            if url:
                check_url(url)
        except Refusal as refusal:
            if not self.missing:  # A setting that is missing was reported as such.
                self._miss(str(refusal), ("providers", provider.name, "base_url"))
            return ""
        except ValueError as error:
            if self.dry:
                return "https://" + re.sub(r"[^A-Za-z0-9_]+", "-", url).strip("-")
            self._miss(str(error), ("providers", provider.name, "base_url"))
            return ""
        return url

    def _headers(self, provider: Provider) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, written in (provider.settings.get("headers") or {}).items():
            value = self._text(provider, "headers", name)
            if value is not None:
                headers[name.lower()] = self._shown(written, value)
        return headers

    def _shown(self, written: Any, value: str) -> str:
        """A header's value. What stands behind a reference may be a secret, so whoever looks on
        does not see it."""
        hidden = self.dry and value != str(_referred(written))
        return MASK if hidden else value

    def _secrets(self, provider: Provider) -> Iterator[str]:
        """The key and what else signs, and what stands behind references in headers, which may
        be secret too."""
        if self.dry:
            return
        settings = provider.settings
        form = cloud_form(settings)
        said = {} if form is None else settings["auth"][form]
        pool = [key["api_key"] for key in settings.get("keys") or ()]
        whole = [settings.get("api_key"), *pool, *(said.get(name) for name in CLOUD_SECRETS)]
        written = [_referred(value) for value in whole if value is not None]
        written.extend(reference for _, reference in find(settings.get("headers")))
        for value in written:
            with contextlib.suppress(UnresolvedError):
                yield self.look(value)

    def _signer(
        self, provider: Provider, base_url: str, view: Mapping[str, Any], hide: Hiding
    ) -> Signer:
        form = cloud_form(provider.settings)
        if form is not None and base_url:
            return self._cloud(provider, form, base_url, view, hide)
        key = self._text(provider, "api_key")
        return self._keyed(provider, base_url, key)

    def _cloud(
        self, provider: Provider, form: str, base_url: str, view: Mapping[str, Any], hide: Hiding
    ) -> Signer:
        """Signs with credentials that are looked up when they are needed."""
        before = len(self.missing)
        at = ("auth", form)
        said: dict[str, Any] = {"region": view.get("region")}
        for name, written in provider.settings["auth"][form].items():
            if isinstance(written, list):
                texts = (self._text(provider, *at, name, index) for index in range(len(written)))
                said[name] = [text for text in texts if text is not None]
            else:
                said[name] = self._text(provider, *at, name)
        key = bearer_key(said, lambda name: self.look(Reference("env", name, "")))
        if key:
            hide.learn(key)
            return self._keyed(provider, base_url, key)
        if self.dry:
            return cloud_mask(form)
        try:
            if len(self.missing) == before:
                return cloud_signer(form, said, base_url, hide)
        except ValueError as error:
            self._miss(str(error), ("providers", provider.name, *at))
        return Unsigned()

    def _keyed(self, provider: Provider, base_url: str, key: str | None) -> Signer:
        if key is None or not base_url:
            return Unsigned()
        auth = provider.settings.get("auth") or {"header": "authorization", "prefix": "Bearer "}
        header, prefix = auth.get("header", "authorization"), auth.get("prefix", "")
        if self.dry:
            return Masked((header, prefix))
        try:
            return ApiKey(Secret(key, origin_of(base_url)), base_url, header, prefix)
        except ValueError as error:
            self._miss(str(error), ("providers", provider.name, "api_key"))
            return Unsigned()

    def _written_url(self, provider: Provider, view: Mapping[str, Any]) -> str | None:
        """The base URL as the route file or the row has it, with the settings in it."""
        if provider.base is None:
            return self._text(provider, "base_url")
        url = provider.base(view)
        return url if isinstance(url, str) else None

    def _view(self, provider: Provider) -> dict[str, Any]:
        view: dict[str, Any] = {"name": provider.name, "type": provider.type}
        view["quirks"] = provider.settings.get("quirks") or {}
        made_of = provider.base_reads()
        hosts = PROVIDER_FIELDS if made_of is None else {path[0] for path in made_of}
        for name in PROVIDER_FIELDS:
            value = self._setting(provider, name, in_host=name in hosts)
            if value is not None:
                view[name] = value
        return view

    def _setting(self, provider: Provider, name: str, *, in_host: bool) -> str | bool | None:
        """A plain setting. Raises nothing: one that cannot be used is among the missing."""
        written = provider.settings.get(name)
        if isinstance(written, bool):
            return written
        text = self._text(provider, name)
        if text is None:
            return _stand_in(provider, name)
        if name in FLAGS:
            return text.lower() == "true"
        why = wrong_setting(text, in_host=in_host)
        if why is None:
            return text
        if self.dry:
            return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "-"
        self._miss(f"`{name}` cannot be {text[:80]!r}: {why}", ("providers", provider.name, name))
        return None


def _stand_in(provider: Provider, name: str) -> str | None:
    """What a simulated provider has where the one that it imitates must be told something."""
    known = (provider.settings.get("settings") or {}).get(name) or {}
    return SIMULATED if provider.type == SIMULATED and known.get("required") else None


def _referred(value: Any) -> str | Reference | Join:
    """A scalar of a document as the reference that it may be."""
    if isinstance(value, dict):
        return Join(tuple(_part(part) for part in value.get("join", ())))
    return _part(value)


def _part(value: Any) -> str | Reference:
    text = value if isinstance(value, str) else str(value)
    return Reference.parse(text) or text
