"""The graph: one node kind a file, each a frozen dataclass with `call` and `children`."""

from __future__ import annotations

from trunkline.graph.balance import Balance
from trunkline.graph.fallback import Fallback
from trunkline.graph.media import FetchRules, Media
from trunkline.graph.node import Call, Node, Scope, SkippedError
from trunkline.graph.overlay import Overlay
from trunkline.graph.provider import Binding, DialectRule, Model, Provider, Upstream
from trunkline.graph.reply import Reply
from trunkline.graph.state import State
from trunkline.graph.switch import Arm, Switch
from trunkline.graph.target import Target, TargetSettings

__all__ = [
    "Arm",
    "Balance",
    "Binding",
    "Call",
    "DialectRule",
    "Fallback",
    "FetchRules",
    "Media",
    "Model",
    "Node",
    "Overlay",
    "Provider",
    "Reply",
    "Scope",
    "SkippedError",
    "State",
    "Switch",
    "Target",
    "TargetSettings",
    "Upstream",
]
