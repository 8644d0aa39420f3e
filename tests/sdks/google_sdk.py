"""google-genai, in front of the Gemini API and of Vertex AI."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from tests.sdks.asking import PARAMETERS, PNG, SUNNY, Ask, Said

__all__ = ["Gemini", "GeminiArray", "VertexGemini"]


class Gemini:
    """`client.aio.models` with an API key."""

    def __init__(self, origin: str, **settings: Any) -> None:
        self.origin = origin
        self.sdk: Any = self.connect(types.HttpOptions(base_url=origin, **settings))

    @staticmethod
    def connect(options: types.HttpOptions) -> Any:
        return genai.Client(api_key="key-of-the-client", http_options=options)

    async def aclose(self) -> None:
        await self.sdk.aio.aclose()

    def user(self, ask: Ask) -> list[Any]:
        parts = [types.Part.from_text(text=ask.text)]
        if ask.image:
            parts.append(types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png"))
        return [types.Content(role="user", parts=parts)]

    def results(self, said: Said) -> list[Any]:
        answers = [
            types.FunctionResponse(id=call or None, name=name, response={"output": SUNNY})
            for call, name, _ in said.calls
        ]
        parts = [types.Part(function_response=one) for one in answers]
        return [types.Content(role="user", parts=parts)]

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        models, options = self.sdk.aio.models, config(ask)
        asked = {"model": ask.model, "contents": messages, "config": options}
        if not stream:
            whole = await models.generate_content(**asked)
            assert whole.sdk_http_response is not None
            return said([whole])
        chunks = [chunk async for chunk in await models.generate_content_stream(**asked)]
        return said(chunks)


class VertexGemini(Gemini):
    """The same in Google Cloud, whose paths name a project and a place."""

    @staticmethod
    def connect(options: types.HttpOptions) -> Any:
        return genai.Client(
            vertexai=True,
            project="acme",
            location="us-central1",
            credentials=Credentials(token="token-of-the-client"),
            http_options=options,
        )


class GeminiArray(Gemini):
    """Without `alt=sse` the stream is one JSON array, which no SDK reads: the whole of it must
    parse, and each element be what the SDK takes for an answer."""

    async def send(self, messages: list[Any], ask: Ask, *, stream: bool) -> Said:
        if not stream:
            return await super().send(messages, ask, stream=stream)
        dumped = [one.model_dump(mode="json", exclude_none=True, by_alias=True) for one in messages]
        options = config(ask).model_dump(mode="json", exclude_none=True, by_alias=True)
        body: dict[str, Any] = {"contents": dumped}
        for name in ("tools", "toolConfig"):
            if name in options:
                body[name] = options.pop(name)
        options.pop("automaticFunctionCalling", None)
        body["generationConfig"] = options
        url = f"{self.origin}/v1beta/models/{ask.model}:streamGenerateContent"
        async with httpx.AsyncClient() as client:
            got = await client.post(url, json=body)
        if got.status_code != 200:
            kind = errors.ServerError if got.status_code >= 500 else errors.ClientError
            raise kind(got.status_code, got.json(), got)
        assert got.headers["content-type"].startswith("application/json")
        chunks = json.loads(got.content)
        for chunk in chunks:
            if "error" in chunk:
                raise errors.APIError(chunk["error"]["code"], chunk, got)
        return said([types.GenerateContentResponse.model_validate(chunk) for chunk in chunks])


def config(ask: Ask) -> types.GenerateContentConfig:
    options: dict[str, Any] = {}
    if ask.tools:
        functions = [
            types.FunctionDeclaration(name=name, parameters_json_schema=PARAMETERS)
            for name in ask.tools
        ]
        options["tools"] = [types.Tool(function_declarations=functions)]
        options["automatic_function_calling"] = {"disable": True}
    if ask.choice is not None:
        calling: dict[str, Any] = {"mode": "ANY"}
        if ask.choice != "required":
            calling["allowed_function_names"] = [ask.choice]
        options["tool_config"] = {"function_calling_config": calling}
    if ask.schema:
        options["response_mime_type"] = "application/json"
        options["response_json_schema"] = PARAMETERS
    if ask.thinks:
        options["thinking_config"] = {"thinking_budget": 1024, "include_thoughts": True}
    if ask.n is not None:
        options["candidate_count"] = ask.n
    if ask.stop is not None:
        options["stop_sequences"] = [ask.stop]
    if ask.logprobs:
        options.update(response_logprobs=True, logprobs=2)
    return types.GenerateContentConfig(**options)


def said(chunks: list[types.GenerateContentResponse]) -> Said:
    parts: list[types.Part] = []
    answers: dict[int, str] = {}
    found = Said()
    for chunk in chunks:
        for candidate in chunk.candidates or ():
            index = candidate.index or 0
            mine = (candidate.content and candidate.content.parts) or []
            words = "".join(part.text or "" for part in mine if not part.thought)
            answers[index] = answers.get(index, "") + words
            if index == 0:
                parts += mine
                found.pieces += bool(words)
                if candidate.finish_reason is not None:
                    found.finish = candidate.finish_reason.value
                chosen = candidate.logprobs_result and candidate.logprobs_result.chosen_candidates
                found.logprobs += [
                    (one.token or "", one.log_probability or 0.0) for one in chosen or ()
                ]
    usage = chunks[-1].usage_metadata
    assert usage is not None
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    assert usage.total_token_count == (usage.prompt_token_count or 0) + output
    found.usage = (usage.prompt_token_count or 0, output)
    found.reasoning = "".join(part.text or "" for part in parts if part.thought)
    found.text = "".join(part.text or "" for part in parts if not part.thought)
    calls = [part.function_call for part in parts if part.function_call]
    found.calls = [(one.id or "", one.name or "", one.args) for one in calls]
    found.answers = [answers[index] for index in sorted(answers)]
    found.model = chunks[-1].model_version or ""
    found.turn = [types.Content(role="model", parts=parts)]
    return found
