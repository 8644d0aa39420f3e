"""An application that is to survive a provider's bad day."""

import json
import urllib.error
import urllib.request


def ask(base_url: str, prompt: str) -> str:
    """The answer to a prompt, or what went wrong."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(
        f"{base_url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        error.close()
        return f"sorry, not now ({error.code})"
