"""A request's walk through the graph of its route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trunkline.errors import UpstreamError
from trunkline.graph import SkippedError, soonest
from trunkline.runtime.failing import all_out, wait_for_any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trunkline.compile import Route
    from trunkline.graph import Call, Reply

__all__ = ["walk"]


async def walk(route: Route, request: Mapping[str, Any], call: Call) -> Reply:
    """The reply of whoever answers. Where everybody is out and the route wants that, the one that
    comes back first is asked all the same, once.

    Raises `CallError`.
    """
    while True:
        try:
            return await route.to.call(request, call)
        except SkippedError as error:
            first = soonest(call) if route.try_soonest and not call.forced else ""
            if not first:
                raise all_out(error, call) from error
            call.forced = first
        except UpstreamError as error:
            error.retry_after = wait_for_any(error, route.to, request, call)
            raise
