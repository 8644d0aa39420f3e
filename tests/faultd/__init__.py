"""faultd: an upstream that fails on request, and remembers what it saw.

It speaks the wires of the catalogue from their vendors' documents and recordings, over a server of
its own: nothing here is shared with the engine, so that the engine is judged and not mirrored.

::

    async with faultd() as server:
        server.script(Play(status=503), first=2)
        server.script(Play(chunks=60, breaks=Break("rst", 40)), model="m-2")
        …                                     # a client asks at server.url
        assert server.seen[0].client_gone is None

A script is a list of rules, tried in order for each request; a request that none takes gets the
server's usual `Play`. `python -m tests.faultd` is the same in a process of its own, which can be
stopped and killed; `Remote` starts one and speaks with it over its control port.
"""

from tests.faultd.play import Break, Play, Rule
from tests.faultd.remote import Remote
from tests.faultd.seen import Seen
from tests.faultd.server import Faultd, faultd

__all__ = ["Break", "Faultd", "Play", "Remote", "Rule", "Seen", "faultd"]
