"""Read an answer as it is made, in code that is not async."""

from pathlib import Path

from trunkline import Engine

ROUTES = Path(__file__).parent / "trunkline.yaml"

with Engine.open_sync(ROUTES) as engine:
    asked = [{"role": "user", "content": "A rhyme, please."}]
    with engine.stream(model="poet", messages=asked) as stream:
        for delta in stream:
            print(delta.text, end="|" if delta.text else "\n")
    usage = stream.reply.usage
    print(f"{usage['output']} tokens, finish: {stream.reply.finish}")
