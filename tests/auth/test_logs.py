"""Whoever logs everything that the vendors' libraries say still sees no secret."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from tests.auth.test_aws import GIVEN, ROLE
from tests.auth.test_google import service_account, user
from trunkline.auth.aws import AwsLookup
from trunkline.auth.entra import ClientCredentials
from trunkline.auth.google import GoogleLookup
from trunkline.auth.sigv4 import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.auth.loopback import Loopback


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(
        f"{record.name} {record.getMessage()} {record.args}" for record in caplog.records
    )


def test_of_a_role(sts: Loopback, logged: Callable[[], str]) -> None:
    keys = Keys(GIVEN["access_key_id"], GIVEN["secret_access_key"], "session-canary-given")
    assert AwsLookup("eu-west-1", keys, None, ROLE, "external-canary")().value.session_token
    assert sts.asked
    assert "canary" not in logged()


def test_of_a_container(container: Loopback, logged: Callable[[], str]) -> None:
    assert AwsLookup("eu-west-1")().value.session_token
    assert container.asked
    assert "canary" not in logged()


@pytest.mark.parametrize("kind", [service_account, user])
def test_of_google(
    tokens: Loopback,
    logged: Callable[[], str],
    kind: Callable[[Loopback], dict[str, str]],
) -> None:
    info = kind(tokens)
    assert GoogleLookup(json.dumps(info))().value.text
    assert "canary" not in logged()
    assert info.get("private_key", "canary") not in logged()


def test_of_entra(tokens: Loopback, logged: Callable[[], str]) -> None:
    look = ClientCredentials("tenant", "client", "secret-canary", authority=tokens.origin)
    assert look().value.text
    assert "canary" not in logged()
