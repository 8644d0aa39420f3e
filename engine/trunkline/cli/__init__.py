"""The command `trunkline`: one verb a file.

A verb is a module of its own with `ABOUT` (what its help begins with), `EXAMPLES`, `options`
(which arguments it takes) and `perform` (do it; gives the exit code). Only `command` is imported
to start with, and a verb's module only when it is asked for; whatever a verb needs is imported
where it is needed, so that help comes at once.

Exit codes: 0 fine, 1 something was found or failed, 2 wrong usage, 3 a provider failed.
"""

from __future__ import annotations

from trunkline.cli.command import main

__all__ = ["main"]
