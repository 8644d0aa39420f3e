"""The chat request that a command line asks for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trunkline.cli.stops import UsageError
from trunkline.cli.terminal import note

if TYPE_CHECKING:
    import argparse

    from trunkline.compile import Plan

__all__ = ["add_request", "build_request", "model_of"]

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a request or an image that are read; more is a mistake."""


def add_request(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that make up a request."""
    parser.add_argument("--model", "-m", metavar="NAME", help="the model to ask for")
    parser.add_argument("--system", "-s", metavar="TEXT", help="what the model is told beforehand")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FILE|URL",
        help="an image to send along; may be given several times",
    )
    parser.add_argument(
        "--request", metavar="FILE", help="a whole chat request as JSON; `-` is stdin"
    )


def build_request(args: argparse.Namespace, prompt: str | None) -> dict[str, Any]:
    """The request of these arguments; `model` is left out where none is named."""
    if args.request is not None:
        for name, given in (("PROMPT", prompt), ("--system", args.system), ("--image", args.image)):
            if given:
                raise UsageError(f"`--request` is a whole request: leave out {name}")
        request = _read_request(args.request)
    else:
        request = {"messages": _messages(_prompt(prompt), args.system, args.image)}
    if args.model is not None:
        request["model"] = args.model
    return request


def model_of(plan: Plan) -> str:
    """The model to ask for where none is named: the first name that the routes match as it is."""
    patterns = [pattern for route in plan.routes for pattern in route.patterns]
    for pattern in patterns:
        if pattern and not pattern.startswith("re:") and not {"*", "?"} & set(pattern):
            return pattern
    shown = ", ".join(f"`{pattern}`" for pattern in patterns[:5] if pattern)
    matching = f", matching {shown}" if shown else ""
    raise UsageError(f"which model? The routes name none: write `--model NAME`{matching}")


def _prompt(said: str | None) -> str:
    """The words of the argument, or of stdin where there is none or it is `-`."""
    if said is None and sys.stdin.isatty():
        raise UsageError('what shall be asked? Write `trunkline run "hello"`, or pipe it in')
    if said is None or said == "-":
        said = _text(sys.stdin.buffer.read(MAX_BYTES + 1), "stdin")
        if said.lstrip().startswith("{") and '"messages"' in said:
            note("stdin is taken as a prompt; if it is a chat request: `--request -`")
    if not said.strip():
        raise UsageError("the prompt is empty")
    try:
        said.encode()
    except UnicodeEncodeError as error:
        raise UsageError("the prompt is not UTF-8 text") from error
    return said


def _messages(prompt: str, system: str | None, images: list[str]) -> list[dict[str, Any]]:
    content: Any = prompt
    if images:
        content = [{"type": "image_url", "image_url": {"url": _image(name)}} for name in images]
        content.append({"type": "text", "text": prompt})
    messages = [{"role": "user", "content": content}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    return messages


def _image(name: str) -> str:
    """A URL as it is, a file as a `data:` URL."""
    if name.startswith(("https://", "http://", "data:")):
        return name
    import base64
    import mimetypes

    kind = mimetypes.guess_type(name)[0] or ""
    if not kind.startswith("image/"):
        raise UsageError(f"{name} does not look like an image; name it .png, .jpg, .gif or .webp")
    return f"data:{kind};base64,{base64.b64encode(_bytes(name)).decode()}"


def _read_request(name: str) -> dict[str, Any]:
    from trunkline.wire import WireError
    from trunkline.wire.jsontext import loads

    shown = "stdin" if name == "-" else name
    data = sys.stdin.buffer.read(MAX_BYTES + 1) if name == "-" else _bytes(name)
    try:
        value = loads(_text(data, shown))
    except WireError as error:
        raise UsageError(f"{shown}: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{shown} is not a chat request; see `trunkline schema chat`")
    return value


def _bytes(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise UsageError(f"{name} cannot be read: {reason.lower()}") from error


def _text(data: bytes, shown: str) -> str:
    if len(data) > MAX_BYTES:
        raise UsageError(f"{shown} is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown} is not UTF-8 text") from error
