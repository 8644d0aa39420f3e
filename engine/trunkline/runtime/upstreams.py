"""From providers as a plan knows them to upstreams that can be called: references are resolved,
credentials bound to their origin, simulated providers started."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from trunkline.auth import MASK, ApiKey, Hiding, Secret, Unsigned, check_base, origin_of
from trunkline.compile.roots import PROVIDER_FIELDS
from trunkline.config.models import SIMULATED
from trunkline.config.references import Join, Reference, UnresolvedError, find, resolve
from trunkline.diagnostics import Diagnostic, sort
from trunkline.errors import ConfigError
from trunkline.graph import Upstream
from trunkline.runtime.simulated import start_simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trunkline.auth import Signer
    from trunkline.compile import Plan
    from trunkline.config.source import Path
    from trunkline.graph import Provider
    from trunkline.simulator import Simulated

__all__ = ["dry_upstreams", "open_upstreams"]


async def open_upstreams(
    plan: Plan, environ: Mapping[str, str]
) -> tuple[dict[str, Upstream], list[Simulated]]:
    """Every provider of the plan, ready to be called, and the simulated ones that were started.

    Raises `ConfigError` that lists everything that is missing; then nothing is left running.
    """
    opening = _Opening(plan, lambda value: resolve(value, environ))
    started: list[Simulated] = []
    upstreams: dict[str, Upstream] = {}
    try:
        for name, provider in plan.providers.items():
            if provider.type != SIMULATED:
                upstreams[name] = opening.real(provider)
            elif not opening.missing:
                simulated = await opening.start(provider)
                if simulated is None:
                    continue
                started.append(simulated)
                upstreams[name] = opening.simulated(provider, simulated.origin)
        if opening.missing:
            raise ConfigError(sort(opening.missing))
    except BaseException:
        for simulated in started:
            await simulated.aclose()
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

    opening = _Opening(plan, look, dry=True)
    return {
        name: opening.simulated(provider, "http://127.0.0.1")
        if provider.type == SIMULATED
        else opening.real(provider)
        for name, provider in plan.providers.items()
    }


class _Opening:
    """Makes upstreams; what cannot be resolved is collected in `missing`."""

    def __init__(
        self, plan: Plan, look: Callable[[str | Reference | Join], str], *, dry: bool = False
    ) -> None:
        self.plan = plan
        self.look = look
        self.dry = dry
        self.missing: list[Diagnostic] = []

    def real(self, provider: Provider) -> Upstream:
        """A provider that is somewhere else."""
        base_url = self._base_url(provider)
        headers = self._headers(provider)
        signer = self._signer(provider, base_url)
        hide = Hiding(self._secrets(provider))
        return Upstream(base_url, headers, signer, self._view(provider), hide=hide)

    def simulated(self, provider: Provider, origin: str) -> Upstream:
        """A provider that answers on this machine. It needs no credential, but whatever the
        imitated one's paths lie below is kept."""
        return Upstream(
            origin, self._headers(provider), Unsigned(), self._view(provider), simulated=True
        )

    async def start(self, provider: Provider) -> Simulated | None:
        """Start a simulated provider; None if something that it refers to is missing."""
        try:
            return await start_simulated(self.plan, provider, self.look)
        except (UnresolvedError, ValueError) as error:
            self._miss(str(error), ("providers", provider.name))
            return None

    def _text(self, provider: Provider, *path: str) -> str | None:
        """The text at a path of the provider's settings; None if nothing is there."""
        value: Any = provider.settings
        for step in path:
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

    def _base_url(self, provider: Provider) -> str:
        url = (self._text(provider, "base_url") or "").rstrip("/")
        try:
            if url:
                check_base(url)
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
        """The key, and what stands behind references in headers, which may be one too."""
        if self.dry:
            return
        key, headers = provider.settings.get("api_key"), provider.settings.get("headers")
        written = [] if key is None else [_referred(key)]
        written.extend(reference for _, reference in find(headers))
        for value in written:
            with contextlib.suppress(UnresolvedError):
                yield self.look(value)

    def _signer(self, provider: Provider, base_url: str) -> Signer:
        key = self._text(provider, "api_key")
        if key is None or not base_url:
            return Unsigned()
        auth = provider.settings.get("auth") or {"header": "authorization", "prefix": "Bearer "}
        header, prefix = auth.get("header", "authorization"), auth.get("prefix", "")
        if self.dry:
            return _Masked(header, prefix)
        try:
            return ApiKey(Secret(key, origin_of(base_url)), base_url, header, prefix)
        except ValueError as error:
            self._miss(str(error), ("providers", provider.name, "api_key"))
            return Unsigned()

    def _view(self, provider: Provider) -> dict[str, Any]:
        view: dict[str, Any] = {"name": provider.name, "type": provider.type}
        view["quirks"] = provider.settings.get("quirks") or {}
        for name in PROVIDER_FIELDS:
            value = self._text(provider, name)
            if value is not None:
                view[name] = value
        return view


class _Masked:
    """Shows where a key would be."""

    def __init__(self, header: str, prefix: str) -> None:
        self._header = (header.lower(), prefix + MASK)

    async def sign(self, request: Any) -> Any:
        from dataclasses import replace

        kept = tuple(h for h in request.headers if h[0] != self._header[0])
        return replace(
            request,
            headers=(*kept, self._header),
            secret_headers=request.secret_headers | {self._header[0]},
        )


def _referred(value: Any) -> str | Reference | Join:
    """A scalar of a document as the reference that it may be."""
    if isinstance(value, dict):
        return Join(tuple(_part(part) for part in value.get("join", ())))
    return _part(value)


def _part(value: Any) -> str | Reference:
    text = value if isinstance(value, str) else str(value)
    return Reference.parse(text) or text
