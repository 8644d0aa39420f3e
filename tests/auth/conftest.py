"""Machines without credentials, and servers on this machine that give some out."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.auth.loopback import SECRET, Asked, Loopback, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that offers no AWS credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def container(bare: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Credentials as containers get them, another session with every question."""

    def answer(_: Asked) -> Any:
        return {
            "AccessKeyId": "ASIACONTAINER",
            "SecretAccessKey": SECRET,
            "Token": f"session-canary-{len(server.asked)}",
            "Expiration": in_an_hour(),
        }

    with serving(answer) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.origin}/creds")
        yield server


@pytest.fixture
def sts(bare: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A security token service that gives out roles."""

    def answer(asked: Asked) -> Any:
        form = parse_qs(asked.body.decode())
        role = form["RoleArn"][0].rpartition("/")[2]
        fields = {
            "AccessKeyId": f"ASIA{role.upper()}",
            "SecretAccessKey": SECRET,
            "SessionToken": "session-canary-role",
            "Expiration": in_an_hour(),
        }
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        text = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<AssumeRoleResult><Credentials>{inner}</Credentials></AssumeRoleResult>"
            "</AssumeRoleResponse>"
        )
        return 200, {"content-type": "text/xml"}, text.encode()

    with serving(answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.origin)
        yield server


@pytest.fixture
def tokens() -> Iterator[Loopback]:
    """A token server: `token-1`, `token-2`, …, for an hour each."""

    def answer(asked: Asked) -> Any:
        number = len(server.asked)
        return {"access_token": f"token-canary-{number}", "expires_in": 3599, "token_type": "x"}

    with serving(answer) as server:
        yield server
