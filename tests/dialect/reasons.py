"""Why a request is refused on another wire, and why that is true: reviewed by hand.

A refusal that no pattern here covers fails the proof. The first column is the target's dialect
(a regular expression), the second the reason (another), the third why it is so.
"""

from __future__ import annotations

import re

__all__ = ["TRUE", "is_true"]

_CLAUDE = "anthropic-messages|vertex-anthropic|bedrock-invoke-claude"
_CONVERSE = "bedrock-converse|bedrock-invoke-nova"
_PLAIN = "bedrock-invoke-titan|bedrock-invoke-llama"

TRUE: list[tuple[str, str, str]] = [
    (
        ".*",
        r"no field for extra\..*\.(background|previous_response_id|conversation)",
        "state that is kept at one provider",
    ),
    (
        ".*",
        r"no field for extra\..*\.(context_management|moderation|web_search_options"
        r"|container|mcp_servers)",
        "a function of one provider's servers",
    ),
    (
        ".*",
        r"no field for extra\.bedrock-converse\.body\.guardrailConfig",
        "a guardrail is a thing of one account",
    ),
    (
        ".*",
        r"no field for extra\.gemini-generate\.(safetySettings|modelArmorConfig|toolConfig)",
        "Google's own filters and server-side tools",
    ),
    (
        ".*",
        r"no field for extra\..*\.task_budget",
        "a budget of one provider's own",
    ),
    (".*", r"no field for store", "an answer that is to be kept, is kept where it was asked for"),
    (".*", r".* has no files of its own: .*", "a file's id means something to its owner alone"),
    (
        "gemini-generate",
        r".* gives JSON and calls tools in one answer from Gemini 3 on only",
        "older models refuse the two together",
    ),
    (_CLAUDE, r".* takes documents of PDF and plain text only", "so Anthropic's types say"),
    (
        f"gemini-generate|{_CONVERSE}",
        r".* (has|knows) no such reasoning effort( of this model)?",
        "there is no level of that name, and the model cannot be kept from thinking",
    ),
    (
        f"{_CLAUDE}|{_CONVERSE}",
        r".* has no such tool_choice",
        "one tool can be demanded, or any; a choice among some of them cannot",
    ),
    (
        "cohere-chat",
        r"no field for (top_)?logprobs",
        "Cohere's log probabilities come by chunks of its own, not by token with alternatives",
    ),
    (
        "openai-chat|openai-responses|cohere-chat",
        r".* cannot carry an image that another model made",
        "an assistant's messages hold no images but its own",
    ),
    (".*", r".* cannot carry a block of .*", "a block that only one wire knows"),
    ("cohere-chat", r".* cannot carry a part of type file", "its documents are fields of its own"),
    ("cohere-chat", r".* has no such tool_choice", "a tool can be demanded, but not which"),
    ("openai-chat", r"openai-chat has no field for top_k", "OpenAI knows no top_k"),
    (".*", r".* cannot carry a tool of .*", "a tool that a provider runs itself"),
    (".*", r".* cannot carry a tool call that .* ran itself", "the call of such a tool"),
    (".*", r".* cannot carry a part of type server_call", "the call of such a tool"),
    (
        f"{_CLAUDE}|openai-responses|{_CONVERSE}|cohere-chat",
        r"no field for n",
        "there is one answer to a request",
    ),
    (
        f"{_CLAUDE}|openai-responses|{_CONVERSE}",
        r"no field for (presence|frequency)_penalty",
        "there are no penalties",
    ),
    (f"{_CLAUDE}|{_CONVERSE}", r"no field for (top_)?logprobs", "there are no logprobs"),
    ("openai-chat|openai-responses", r"no field for top_k", "OpenAI knows no top_k"),
    ("openai-responses", r"no field for stop", "Responses knows no stop sequences"),
    (
        "openai-responses|cohere-chat|" + _CLAUDE,
        r".* cannot carry a part of type input_audio",
        "it takes no sound",
    ),
    (
        _PLAIN,
        r"no field for (tools|tool_choice|parallel_tool_calls|response_format|reasoning_effort"
        r"|n|logprobs|top_logprobs|top_k|presence_penalty|frequency_penalty|logit_bias|seed"
        r"|modalities|audio|store)",
        "the body is one text with a temperature and a length",
    ),
    (_PLAIN, r".* takes text only, no .* part", "the body is one text"),
    ("bedrock-invoke-llama", r"no field for stop", "Llama's body has no stop sequences"),
    (_CLAUDE, r".* needs a schema for JSON answers", "there is no JSON mode without a schema"),
    (_CONVERSE, r".* needs a schema for JSON answers", "the same"),
    ("openai-chat", r"openai-chat cannot carry a file by URL", "a file is inline or has an id"),
    (
        "gemini-generate",
        r".* cannot fetch media from a URL; .*",
        "URLs of files uploaded to Google are taken, others not reliably",
    ),
    (_CONVERSE, r".* takes (images|documents) as (data: URLs .*|base64)", "there are no URLs"),
    (_CONVERSE, r".* knows no (top_k|sound) of this (model|format)", "there is no such setting"),
    (_CONVERSE, r".* takes names of tools of up to 64 letters, .*", "so AWS's model says"),
    (_CONVERSE, r".* takes the system's words as text only", "so AWS's model says"),
    (_CONVERSE, r".* takes a limit of 1 token at least", "so AWS's model says"),
    (_CONVERSE, r".* can only require a tool that is declared", "there is nothing to choose"),
    (
        "bedrock-invoke-nova",
        r".* has no place for Converse's .*",
        "what Bedrock does around a model is told by headers here",
    ),
    (
        "bedrock-invoke-nova",
        r"no field for (response_format|extra\.bedrock-converse\..*)",
        "schemas and Bedrock's own functions are Converse's",
    ),
    ("gemini-generate", r".* needs (data: URLs in base64|the media type of .*)", "as it says"),
    ("gemini-generate", r".* needs the name of the tool that answered: .*", "Google has no ids"),
    ("gemini-generate", r".* cannot name a tool .*", "so Google's own definition says"),
    ("gemini-generate", r".* can only (require|choose among) (a )?functions?", "the same"),
    ("gemini-generate", r".* gives sound as plain samples \(pcm16\) only", "the same"),
    ("bedrock-invoke-llama", r".* knows the templates of Llama 3 and 4 only", "others differ"),
    ("bedrock-invoke-llama", r".* text that holds marks of .*", "it would forge a turn"),
]


def is_true(target: str, reason: str) -> bool:
    """Whether a reason was reviewed for this target."""
    return any(
        re.fullmatch(wire, target) and re.fullmatch(pattern, reason) for wire, pattern, _ in TRUE
    )
