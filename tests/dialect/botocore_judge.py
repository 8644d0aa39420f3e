"""botocore as a judge: requests, replies and event streams of Bedrock, held to AWS's own model.

botocore's validator checks names, required members, types, unions and minima; patterns, enums
and maxima stand in the same shapes, and are checked here.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.eventstream
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.validate

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def _service() -> Any:
    described = botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    return botocore.model.ServiceModel(described, "bedrock-runtime")


def check_request(operation: str, body: dict[str, Any], model: str = "m.m") -> None:
    """Raises `ValueError` for a body that AWS's model of the operation does not allow."""
    shape = _service().operation_model(operation).input_shape
    body = {**body, "modelId": model}
    report = botocore.validate.ParamValidator().validate(body, shape)
    if report.has_errors():
        raise ValueError(report.generate_report())
    _deep(body, shape, "")


def _deep(value: Any, shape: Any, place: str) -> None:
    said = shape.metadata
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        for key, item in value.items():
            _deep(item, shape.members[key], f"{place}.{key}")
    elif shape.type_name == "list":
        _hold(len(value) <= said.get("max", len(value)), f"{place} is too long")
        for index, item in enumerate(value):
            _deep(item, shape.member, f"{place}[{index}]")
    elif shape.type_name == "string":
        _hold(value in said.get("enum", [value]), f"{place}: {value!r} is none of the known")
        fits = re.fullmatch(said["pattern"], value) if "pattern" in said else True
        _hold(bool(fits), f"{place}: {value!r} breaks {said.get('pattern')}")
        _hold(len(value) <= said.get("max", len(value)), f"{place} is too long")
    elif shape.type_name in ("integer", "float", "long", "double"):
        _hold(value <= said.get("max", value), f"{place} is too large")


def _hold(good: bool, why: str) -> None:
    if not good:
        raise ValueError(why)


def reply(operation: str, body: Any, status: int = 200) -> dict[str, Any]:
    """A whole answer, or an error, as botocore parses it."""
    headers = {"content-type": "application/json"}
    response = {"body": json.dumps(body).encode(), "headers": headers, "status_code": status}
    shape = _service().operation_model(operation).output_shape
    parsed: dict[str, Any] = botocore.parsers.create_parser("rest-json").parse(response, shape)
    return parsed


class _Body:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> Iterator[bytes]:
        yield self.data

    def close(self) -> None:
        pass


def stream(operation: str, data: bytes) -> list[dict[str, Any]]:
    """The events of a stream. Raises `botocore.exceptions.EventStreamError` for an exception."""
    output = _service().operation_model(operation).output_shape
    shape = next(m for m in output.members.values() if m.serialization.get("eventstream"))
    parser = botocore.parsers.EventStreamJSONParser()
    return list(botocore.eventstream.EventStream(_Body(data), shape, parser, operation))
