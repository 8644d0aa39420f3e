"""Signing: how a request proves to a provider who is asking.

A `Signer` takes the finished request and gives it back with its credentials. `ApiKey` puts one
key into one header; `cloud_signer` makes those that look their credentials up (`AwsSigner`,
`Bearer`) and renew them; `Unsigned` is for providers that ask for nothing. Credentials are bound
to the one place they belong to and never print. `Hiding` takes them out of what providers say.
"""

from __future__ import annotations

from trunkline.auth.cloud import (
    CLOUD_SECRETS,
    bearer_key,
    cloud_form,
    cloud_mask,
    cloud_signer,
    credential_headers,
    path_as_content,
    signing_settings,
)
from trunkline.auth.hiding import Hiding
from trunkline.auth.secret import MASK, Secret, SecretError, check_base, origin_of
from trunkline.auth.signer import ApiKey, Masked, Signer, Unsigned

__all__ = [
    "CLOUD_SECRETS",
    "MASK",
    "ApiKey",
    "Hiding",
    "Masked",
    "Secret",
    "SecretError",
    "Signer",
    "Unsigned",
    "bearer_key",
    "check_base",
    "cloud_form",
    "cloud_mask",
    "cloud_signer",
    "credential_headers",
    "origin_of",
    "path_as_content",
    "signing_settings",
]
