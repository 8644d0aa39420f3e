"""Simulated providers: they answer over real loopback HTTP in the wire language of any provider.

What they say is made from the request and a seed, so that the same request always gets the same
answer; what goes wrong with them is written down as `Fault`s. They need no key and no network.
"""

from __future__ import annotations

from trunkline.simulator.provider import Simulated, start
from trunkline.simulator.settings import Fault, Seen, Settings

__all__ = ["Fault", "Seen", "Settings", "Simulated", "start"]
