"""Signing: how a request proves to a provider who is asking.

A `Signer` takes the finished request and gives it back with its credentials. `ApiKey` puts one
key into one header; `Unsigned` is for providers that ask for nothing. Credentials are `Secret`s:
they print as `***`, cannot be pickled, and are given out for the one origin they belong to.
`Hiding` takes them out of what providers say.
"""

from __future__ import annotations

from trunkline.auth.hiding import Hiding
from trunkline.auth.secret import MASK, Secret, SecretError, check_base, origin_of
from trunkline.auth.signer import ApiKey, Signer, Unsigned

__all__ = [
    "MASK",
    "ApiKey",
    "Hiding",
    "Secret",
    "SecretError",
    "Signer",
    "Unsigned",
    "check_base",
    "origin_of",
]
