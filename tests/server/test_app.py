"""What the gateway says of itself, and to those who ask the wrong thing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

if TYPE_CHECKING:
    from tests.server.conftest import Begin, Gateway

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"


async def ask(
    served: Gateway, method: str, path: str, body: bytes = b"", *headers: str
) -> tuple[int, dict[str, str], Any]:
    lines = [f"{method} {path} HTTP/1.1", "host: x", "connection: close", *headers]
    if not any(header.startswith(("content-length", "transfer-encoding")) for header in headers):
        lines.append(f"content-length: {len(body)}")
    got = await served.send("\r\n".join([*lines, "", ""]).encode() + body)
    head, _, rest = got.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    answered = dict(field.lower().split(": ", 1) for field in fields)
    return int(status.split()[1]), answered, json.loads(rest) if rest else None


async def test_health_says_ok(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    status, headers, value = await ask(served, "GET", "/health")
    assert (status, value["status"]) == (200, "ok")
    head_status, head_headers, nothing = await ask(served, "HEAD", "/health")
    assert (head_status, nothing) == (200, None)
    assert head_headers["content-length"] == headers["content-length"]


async def test_a_closed_engine_is_said_to_be_closed(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    await served.engine.aclose()
    assert (await ask(served, "GET", "/health"))[::2] == (503, {"status": "closed"})
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    status, _, value = await ask(served, "POST", CHAT, body)
    assert status == 503
    assert "closed" in value["error"]["message"]


async def test_a_model_that_no_route_takes_is_a_404_with_what_is_near(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    await served.engine.reload(
        "version: 1\nproviders:\n  up: {type: simulated, as: openai}\n"
        "routes:\n  - {match: smart, to: up}\n"
    )
    async with served.openai() as client:
        with pytest.raises(openai.NotFoundError, match="smart"):
            await client.chat.completions.create(
                model="smrt", messages=[{"role": "user", "content": "hi"}]
            )
    async with served.anthropic() as other:
        with pytest.raises(anthropic.NotFoundError, match="smart"):
            await other.messages.create(
                model="smrt", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )


async def test_models_lists_the_names_that_both_sdks_can_ask_for(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    async with served.openai() as client:
        assert [model.id async for model in client.models.list()] == ["smart"]
    async with served.anthropic() as other:
        listed = [model async for model in other.models.list()]
    assert [(model.id, model.display_name) for model in listed] == [("smart", "smart")]


async def test_every_answer_has_an_id_of_its_own_under_both_names(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    said = "x-request-id: chosen-by-the-client"
    asked = [("GET", "/health", b""), ("POST", CHAT, body), ("POST", CHAT, b"{")]
    ids = set()
    for method, path, content in asked:
        _, headers, _ = await ask(served, method, path, content, said)
        assert headers["x-request-id"] == headers["request-id"]
        ids.add(headers["request-id"])
    assert len(ids) == 3
    assert "chosen-by-the-client" not in ids


@pytest.mark.parametrize(
    ("path", "messages"),
    [
        ("/v1/chat/completion", False),
        ("/v1/messages/count_tokens", True),
        ("/v1/messages/", True),
        ("/", None),
        ("/v1/rerank", None),
    ],
)
async def test_a_path_where_nothing_is_gets_told_what_there_is(
    gateway: Begin, path: str, messages: bool | None
) -> None:
    served = await gateway(("openai-chat",))
    status, _, value = await ask(served, "POST", path, b"{}")
    assert status == 404
    message = value["error"]["message"]
    assert path in message
    assert "POST /v1/chat/completions" in message
    assert "POST /v1/messages" in message
    if messages is not None:
        assert (value.get("type") == "error") is messages


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", CHAT, "POST"), ("DELETE", "/v1/messages", "POST"), ("POST", "/health", "GET, HEAD")],
)
async def test_a_wrong_method_is_told_the_right_one(
    gateway: Begin, method: str, path: str, allowed: str
) -> None:
    served = await gateway(("openai-chat",))
    status, headers, value = await ask(served, method, path)
    assert status == 405
    assert headers["allow"].upper() == allowed
    assert path in value["error"]["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "must be a JSON object"),
        (b"{}", "required"),
        (b"[" * 200 + b"]" * 200, "nested deeper"),
        (b'{"model":7,"max_tokens":1,"messages":[]}', "model: text wanted"),
    ],
)
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
async def test_a_body_at_fault_is_a_400_that_says_where(
    gateway: Begin, path: str, body: bytes, said: str
) -> None:
    served = await gateway(("openai-chat",))
    status, _, value = await ask(served, "POST", path, body)
    assert status == 400
    assert value["error"]["type"] == "invalid_request_error"
    assert said in value["error"]["message"]
    assert served.upstream.count == 0


async def test_a_body_that_is_too_large_is_a_413(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    large = 20 * 1024 * 1024 + 1
    for path, body in ((CHAT, b"x" * large), ("/v1/messages", b"")):
        expect = () if body else ("expect: 100-continue",)
        said = await ask(served, "POST", path, body, f"content-length: {large}", *expect)
        assert said[0] == 413
        assert "20 MiB" in said[2]["error"]["message"]
    huge = await ask(served, "POST", CHAT, b"", f"content-length: {10**12}")
    assert huge[0] == 413
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    sent = await ask(
        served, "POST", "/v1/messages", piece * 21 + b"0\r\n\r\n", "transfer-encoding: chunked"
    )
    assert sent[0] == 413
    assert sent[2]["error"]["type"] == "request_too_large"


async def test_a_compressed_body_is_a_415(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    status, _, value = await ask(served, "POST", CHAT, b"\x1f\x8b", "content-encoding: gzip")
    assert status == 415
    assert "gzip" in value["error"]["message"]


async def test_a_body_in_chunks_is_read(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    status, _, value = await ask(served, "POST", CHAT, chunks, "transfer-encoding: chunked")
    assert status == 200
    assert value["object"] == "chat.completion"


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
@pytest.mark.parametrize("key", ["Model", "MESSAGES", "Max_Tokens", "Stream", "Tools"])
async def test_a_key_that_only_looks_like_another_is_refused(
    gateway: Begin, path: str, key: str
) -> None:
    served = await gateway(("openai-chat",))
    value = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    body = json.dumps({**value, key: value.get(key.lower(), True)}).encode()
    status, _, answer = await ask(served, "POST", path, body)
    assert status == 400
    assert key in answer["error"]["message"]
    assert served.upstream.count == 0


@pytest.mark.parametrize("headers", [[f"x-{n}: y" for n in range(200)], ["x-a: " + "y" * 40_000]])
async def test_too_many_headers_are_refused(gateway: Begin, headers: list[str]) -> None:
    served = await gateway(("openai-chat",))
    status, _, answer = await ask(served, "POST", CHAT, b"{}", *headers)
    assert status == 431
    assert "headers" in answer["error"]["message"]


async def test_an_error_does_not_repeat_a_key_as_long_as_a_book(gateway: Begin) -> None:
    served = await gateway(("openai-chat",))
    value = {"model": "m", "messages": [], "logit_bias": {"k" * 1_000_000: "x"}}
    _, _, answer = await ask(served, "POST", CHAT, json.dumps(value).encode())
    assert len(answer["error"]["message"]) < 1000


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
async def test_half_an_emoji_comes_through(gateway: Begin, path: str) -> None:
    served = await gateway(("openai-chat",))
    body = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"\\ud83d"}]}'
    status, _, _ = await ask(served, "POST", path, body)
    assert status == 200


DECLARED = """
version: 1
dialects:
  words:
    write: {path: /say, body: {words: "{{ request.messages[0].content }}"}}
    reply: {text: "{{ body.said }}", finish: stop}
    serve:
      paths: ["/words/{model}"]
      request: {model: "{{ params.model }}", messages: [{role: user, content: "{{ body.words }}"}]}
      reply: {said: "{{ reply.choices[0].parts[0].text }}"}
      error: {wrong: "{{ error.message }}"}
providers:
  up: {type: simulated, as: openai, reply: aye}
routes:
  - {match: smart, to: up}
"""


async def test_a_dialect_of_the_route_file_has_a_door_as_long_as_it_is_declared(
    gateway: Begin,
) -> None:
    served = await gateway(("openai-chat",))
    body = b'{"words": "hello"}'
    assert (await ask(served, "POST", "/words/smart", body))[0] == 404
    await served.engine.reload(DECLARED)
    assert (await ask(served, "POST", "/words/smart", body))[::2] == (200, {"said": "aye"})
    status, _, value = await ask(served, "POST", "/words/other", body)
    assert status == 404
    assert "smart" not in value
    assert "no route" in value["wrong"]
