"""TL701: a secret written in clear text, where a reference belongs.

```yaml
providers:
  openai: {api_key: sk-proj-4f9Qm2…}         # found
  claude: {api_key: "${env:ANTHROPIC_API_KEY}"}
```

Looked at are the keys that hold secrets, the default of a reference among them, headers that
carry credentials, the password in the URL of a store, and any other text of the sections that
references are read in, or of `wire`, that has the look of a key that providers give out. Never
found are references, templates, what stands in for a key (`EMPTY`, `not-needed`,
`your-api-key-here`), and simulated providers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trunkline.auth import CLOUD_SECRETS
from trunkline.catalog import rows
from trunkline.config.models import REFERABLE, SIMULATED
from trunkline.config.references import Reference
from trunkline.diagnostics import Diagnostic
from trunkline.lint.walk import texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.config.source import Path
    from trunkline.config.spec import Spec

__all__ = ["check"]

_SECRETS: Final = frozenset({"api_key", *CLOUD_SECRETS, "credentials", "key"})
"""Keys whose values are secrets."""

_CARRIERS: Final = re.compile(
    r"(?:proxy-)?authorization|cookie|(?:.+-)?(?:api-?key|key|token|secret)", re.IGNORECASE
)
"""Headers whose values are credentials."""

_ISSUED: Final = re.compile(
    r"(?:sk|pk|rk|gsk|csk|pplx|hf|nvapi|ghp|r8|tgp|fw)[-_](?=[A-Za-z_-]*\d)[\w-]{20,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"
    r"|(?s:.*)-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*)"
)
"""What is given out as a key or a token, by its looks; a JSON Web Token begins with `eyJ`
(RFC 7519), a private key with `-----BEGIN` (RFC 7468)."""

_STAND_IN: Final = re.compile(
    r"[.…*]{2,}|[<>\[\]{}$%]|^(?:os\.environ|env)\W|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|x{4,}|0{6,}|1234|example"
    r"|(?:\b|_)(?:your|my|the|sample|placeholder|change|changeme|replace|insert|todo"
    r"|dummy|fake|none|unused|test|testing|not|no|anything|local|secret)(?:\b|_)",
    re.IGNORECASE,
)
"""What people write in place of a key."""

_URL_SECRET: Final = re.compile(r"[a-z]+://[^/@\s]*:([^/@\s]+)@")
"""A password in a URL (RFC 3986, section 3.2.1)."""

_SCHEME: Final = re.compile(r"(?:bearer|basic|token|key)\s+", re.IGNORECASE)


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every secret that anyone who reads the file can read."""
    found: dict[Path, str] = {}
    for section in (*REFERABLE, "targets", "routes"):
        for path, text in texts(spec.document.value.get(section), (section,)):
            if section not in REFERABLE and "wire" not in path:
                continue
            if section == "providers" and spec.document.get((*path[:2], "type")) == SIMULATED:
                continue
            used = path[: path.index("join")] if "join" in path else path
            written, said = _written(spec, path, text)
            if said and _clear(said, used):
                found.setdefault(written, _hint(spec, used, _name(written)))
    for path, hint in found.items():
        message = f"`{_name(path)}` holds a secret in clear text"
        yield Diagnostic("TL701", "warning", message, spec.document.span(path), hint)


def _written(spec: Spec, path: Path, text: str) -> tuple[Path, str]:
    """Where a text stands, and what of it is there to read: the default of a reference, and a
    variable's own text unless it comes from elsewhere."""
    raw = Reference.parse((spec.document.raw(path) or "").strip("\"'"))
    if raw is not None and raw.scheme == "var":
        path = ("vars", raw.name)
        held = spec.document.get(path)
        text = held if isinstance(held, str) and spec.document.raw(path) is not None else ""
    reference = Reference.parse(text)
    return path, text if reference is None else reference.default or ""


def _clear(text: str, path: Path) -> bool:
    if path[0] == "state":
        password = _URL_SECRET.match(text)
        return password is not None and not _STAND_IN.search(password[1])
    words = _SCHEME.sub("", text, count=1).strip()
    if _STAND_IN.search(words) and "PRIVATE KEY" not in words:
        return False
    return bool(_ISSUED.fullmatch(words)) or (_holds_secret(path) and _random(words))


def _holds_secret(path: Path) -> bool:
    name = _name(path)
    if "headers" in path[-2:-1]:
        return _CARRIERS.fullmatch(name) is not None
    return name in _SECRETS


def _random(text: str) -> bool:
    """Whether a text is no word or name that somebody thought of: long, or with digits."""
    if re.search(r"\s", text):
        return False
    return len(text) >= 24 or (len(text) >= 8 and any(c.isdigit() for c in text))


def _name(path: Path) -> str:
    return next(step for step in reversed(path) if isinstance(step, str) and step != "join")


def _hint(spec: Spec, path: Path, name: str) -> str:
    if path[0] not in REFERABLE:
        return "a reference can stand in a provider's own `headers`; have a new secret issued"
    variable = _variables(spec, path).get(_name(path)) or "_".join(
        dict.fromkeys([str(path[1]), _name(path)] if path[0] != "server" else ["server_key"])
    )
    variable = re.sub(r"\W+", "_", variable).upper()
    return f'write `{name}: "${{env:{variable}}}"`, and have a new secret issued'


def _variables(spec: Spec, path: Path) -> Mapping[str, str]:
    """The environment variables that usually hold what the path's provider is told."""
    if path[0] != "providers":
        return {}
    kind = spec.document.get((*path[:2], "type")) or path[1]
    env: Mapping[str, str] = rows.provider(kind).get("env", {}) if kind in rows.providers() else {}
    return env
