"""Templates: wire languages as data.

A YAML tree whose text may hold `{{ expression }}` becomes one Python function. `Library`
compiles; `Template` is called; `Refusal` is what a template may raise, `ABSENT` what it gives
for nothing.
"""

from trunkline.template.directives import WORDS
from trunkline.template.filters import FILTERS, Filter
from trunkline.template.library import Library, Mode, Template, compile_expression
from trunkline.template.links import LOWER
from trunkline.template.runtime import ABSENT, Absent, Excess, Refusal
from trunkline.template.vectors import base64_vector

__all__ = [
    "ABSENT",
    "DIRECTIVES",
    "FILTERS",
    "LOWER",
    "Absent",
    "Excess",
    "Filter",
    "Library",
    "Mode",
    "Refusal",
    "Template",
    "base64_vector",
    "compile_expression",
]

DIRECTIVES = frozenset({*WORDS, "$spread"})
"""The keys that are directives; any other that begins with `$` is data."""
