"""How requests to a provider carry or prove its credential."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from trunkline.config.models.words import MESSAGE, HeaderName, Name, Strict, Text


def _only_one(*keys: str, message: str) -> dict[str, Any]:
    return {"not": {"type": "object", "required": list(keys)}, MESSAGE: message}


_KEYS_OR_PROFILE = "`access_key_id` and `profile` are two ways to say whose keys: write one"
_FILE_OR_TEXT = "`credentials` and `credentials_file` are the same thing twice: write one"
_ONE_FORM = "a provider is signed for in one way: write one of `aws`, `google` and `entra`"


class AwsAuth(Strict):
    """AWS signatures (Signature Version 4). Without keys or a profile, with whatever credentials
    the machine offers to AWS's own tools."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [_only_one("access_key_id", "profile", message=_KEYS_OR_PROFILE)],
            "dependentRequired": {
                "access_key_id": ["secret_access_key"],
                "secret_access_key": ["access_key_id"],
                "session_token": ["access_key_id"],
                "external_id": ["role_arn"],
            },
        }
    )

    service: Text | None = Field(default=None, examples=["bedrock"])
    """The service's name in signatures; the provider's row knows it."""
    region: Text | None = Field(default=None, examples=["eu-central-1"])
    """The region in signatures, where it is not the provider's `region`."""
    bearer_env: Name | None = None
    """The environment variable whose key is used instead of a signature, if it is set and no
    other AWS credentials are written here."""
    access_key_id: Text | None = None
    """The id of an access key."""
    secret_access_key: Text | None = None
    """Its secret: a reference, never clear text."""
    session_token: Text | None = None
    """Its session token, if the key is a temporary one."""
    profile: Text | None = None
    """A profile of AWS's configuration files."""
    role_arn: Text | None = Field(default=None, examples=["arn:aws:iam::123456789012:role/models"])
    """A role to take on with these credentials."""
    external_id: Text | None = None
    """The external id that the role asks for."""

    @model_validator(mode="after")
    def _whole(self) -> AwsAuth:
        if self.access_key_id is not None and self.profile is not None:
            raise ValueError(_KEYS_OR_PROFILE)
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("an access key is an id and a secret")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("a session token belongs to an access key")
        if self.external_id is not None and self.role_arn is None:
            raise ValueError("an external id is for a role")
        return self


class GoogleAuth(Strict):
    """Google access tokens. Without credentials, with Application Default Credentials."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [_only_one("credentials", "credentials_file", message=_FILE_OR_TEXT)]
        }
    )

    credentials_file: Text | None = Field(default=None, examples=["/run/secrets/google.json"])
    """A file with credentials: of a service account, a user, or workload identity federation."""
    credentials: Text | None = Field(default=None, examples=["${env:GOOGLE_CREDENTIALS}"])
    """The same as text: a reference, never clear text."""
    scopes: Annotated[list[Text], Field(min_length=1)] | None = None
    """What tokens are asked for; without it, all of the Google Cloud APIs."""
    quota_project: Text | None = None
    """The project that quota is counted for, where it is not the credentials' own."""

    @model_validator(mode="after")
    def _once(self) -> GoogleAuth:
        if self.credentials is not None and self.credentials_file is not None:
            raise ValueError(_FILE_OR_TEXT)
        return self


_APPLICATION = ("tenant_id", "client_id", "client_secret")


class EntraAuth(Strict):
    """Microsoft Entra ID access tokens: of an application and its secret, or, without these, of
    the identity that the machine has (for which the extra `azure` must be installed)."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {
                **{one: [two for two in _APPLICATION if two != one] for one in _APPLICATION},
                "authority": ["client_secret"],
            }
        }
    )

    tenant_id: Text | None = None
    """The tenant that the application is in."""
    client_id: Text | None = None
    """The application's id."""
    client_secret: Text | None = None
    """The application's secret: a reference, never clear text."""
    scope: Text | None = Field(default=None, examples=["https://ai.azure.com/.default"])
    """What tokens are asked for; without it, Azure's AI services."""
    authority: Text | None = Field(default=None, examples=["https://login.microsoftonline.us"])
    """Who gives out the tokens, where it is not Azure's public cloud."""

    @model_validator(mode="after")
    def _whole(self) -> EntraAuth:
        said = [getattr(self, name) is not None for name in _APPLICATION]
        if any(said) and not all(said):
            raise ValueError("an application is a tenant, an id and a secret")
        if self.authority is not None and not any(said):
            raise ValueError("an authority is asked for an application's token")
        return self


class Auth(Strict):
    """How requests carry the credential: a key in a header, with what stands before it. Where
    there is no `api_key`, one of the other forms signs them."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                _only_one(*pair, message=_ONE_FORM)
                for pair in (("aws", "google"), ("aws", "entra"), ("google", "entra"))
            ]
        }
    )

    header: HeaderName | None = Field(default=None, examples=["authorization", "x-api-key"])
    """The header that carries the key."""
    prefix: str | None = Field(default=None, examples=["Bearer "])
    """What stands before the key."""
    optional: bool | None = None
    """Whether requests may go without a key, as many servers of one's own allow."""
    aws: AwsAuth | None = None
    """AWS signatures."""
    google: GoogleAuth | None = None
    """Google access tokens."""
    entra: EntraAuth | None = None
    """Microsoft Entra ID access tokens."""

    @model_validator(mode="after")
    def _one_form(self) -> Auth:
        if sum(form is not None for form in (self.aws, self.google, self.entra)) > 1:
            raise ValueError(_ONE_FORM)
        return self
