"""The graph: one node kind a file, each a frozen dataclass with `call` and `children`."""

from __future__ import annotations

from trunkline.graph.account import Account, CallerBudget, CallerLimit, subject_of
from trunkline.graph.balance import Balance
from trunkline.graph.cache import Cache
from trunkline.graph.exits import gates, soonest, useful_in
from trunkline.graph.fallback import Fallback
from trunkline.graph.hedge import Hedge
from trunkline.graph.media import FetchRules, Media
from trunkline.graph.mirror import Mirror
from trunkline.graph.node import Call, ExcludedError, Node, Scope, SkippedError
from trunkline.graph.options import OPTIONS, Options, check_allowed
from trunkline.graph.overlay import Overlay
from trunkline.graph.passage import most_output
from trunkline.graph.provider import (
    Binding,
    Credential,
    DialectRule,
    Key,
    Model,
    Provider,
    Upstream,
)
from trunkline.graph.reply import Reply
from trunkline.graph.rescue import Again
from trunkline.graph.state import State
from trunkline.graph.switch import Arm, Switch
from trunkline.graph.target import Target, TargetSettings

__all__ = [
    "OPTIONS",
    "Account",
    "Again",
    "Arm",
    "Balance",
    "Binding",
    "Cache",
    "Call",
    "CallerBudget",
    "CallerLimit",
    "Credential",
    "DialectRule",
    "ExcludedError",
    "Fallback",
    "FetchRules",
    "Hedge",
    "Key",
    "Media",
    "Mirror",
    "Model",
    "Node",
    "Options",
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
    "check_allowed",
    "gates",
    "most_output",
    "soonest",
    "subject_of",
    "useful_in",
]
