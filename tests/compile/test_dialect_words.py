"""The catalogue's own dialects ask for nothing that is never there."""

from __future__ import annotations

import pytest

from trunkline import catalog
from trunkline.compile.roots import closed_in_dialects


@pytest.mark.parametrize("name", catalog.dialects())
def test_a_dialect_of_the_catalogue_reads_known_fields(name: str) -> None:
    assert catalog.dialect(name).unknown(closed_in_dialects()) == []
