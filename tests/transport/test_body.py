"""Bodies: how much is read, and what is decompressed."""

from __future__ import annotations

import itertools
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import UpstreamError
from trunkline.transport.body import MAX_BODY, Body


def read(coding: str, *chunks: bytes) -> bytes:
    body = Body(coding)
    whole = b"".join(piece for chunk in chunks for piece in body.take(chunk))
    body.end()
    return whole


def gzipped(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=31)
    return deflate.compress(data) + deflate.flush()


@given(st.binary(max_size=200), st.integers(0, 3000), st.lists(st.integers(0, 5000), max_size=5))
def test_compressed_bytes_are_the_same_under_any_cut(
    data: bytes, times: int, places: list[int]
) -> None:
    data *= times
    packed = gzipped(data) + gzipped(b"and a second member")
    bounds = [0, *sorted(min(place, len(packed)) for place in places), len(packed)]
    chunks = [packed[a:b] for a, b in itertools.pairwise(bounds)]
    assert read("GZIP ", *chunks) == data + b"and a second member"


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 131_072])
def test_pieces_at_the_edge_lose_nothing(size: int) -> None:
    assert read("deflate", zlib.compress(b"ab" * size)) == b"ab" * size


def test_plain_chunks_pass_as_they_are() -> None:
    chunk = b"x" * 100
    assert next(Body("identity").take(chunk)) is chunk
    assert read("", b"", b"a", b"") == b"a"


def test_more_than_sixty_four_mebibytes_are_refused() -> None:
    body, chunk = Body(""), b"x" * (MAX_BODY // 64)
    for _ in range(64):
        assert list(body.take(chunk)) == [chunk]
    with pytest.raises(UpstreamError, match="longer") as caught:
        list(body.take(b"x"))
    assert caught.value.kind == "malformed"


def test_a_bomb_is_noticed_before_it_fills_memory() -> None:
    deflate = zlib.compressobj(9, wbits=31)
    bomb = b"".join(deflate.compress(b"\0" * 1_000_000) for _ in range(300)) + deflate.flush()
    assert len(bomb) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamError, match="decompresses"):
            for _ in Body("gzip").take(bomb):
                pass
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_compressed_bytes_cut_short_are_an_error() -> None:
    for size in range(1, len(gzipped(b"hello"))):
        with pytest.raises(UpstreamError, match="cut off"):
            read("gzip", gzipped(b"hello")[:size])
    assert read("gzip") == b""
