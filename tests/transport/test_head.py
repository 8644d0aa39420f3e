"""Requests as they go on the wire: what is added, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import InternalError, UpstreamError
from trunkline.ports import HttpRequest
from trunkline.transport.head import on_the_wire, parse_url, response_headers


def headers_of(request: HttpRequest) -> dict[str, str]:
    return dict(on_the_wire(request).headers)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("https://api.test/v1/chat?x=1", "api.test", "/v1/chat?x=1"),
        ("https://api.test", "api.test", "/"),
        ("https://API.test:443/a%2Fb", "api.test", "/a%2Fb"),
        ("http://127.0.0.1:8000?x=/..", "127.0.0.1:8000", "/?x=/.."),
        ("http://[::1]:80/model/a:b", "[::1]", "/model/a:b"),
        ("http://a.test/v1..2/.hidden/...", "a.test", "/v1..2/.hidden/..."),
    ],
)
def test_a_plain_url_keeps_its_path_byte_for_byte(url: str, authority: str, target: str) -> None:
    address = parse_url(url)
    assert (address.authority, address.target) == (authority, target)
    assert headers_of(HttpRequest("GET", url, (), b""))["host"] == authority


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/", "a.test/", "//a.test/", "https:///x", "http://u:p@a.test/",
        "http://a.test/x#y", "http://a.test/a b", "http://a.test\\@b.test/", "http://a.test/\r\nx",
        "http://a.test/..", "http://a.test/a/../b", "http://a.test/./b", "http://a.test/%2E%2e/b",
        "http://a.test/.%2e?x", "http://a.test/é", "http://ä.test/", "http://a.test:99999999/",
        "http://a.test/\x00", "HTTPS://a.test/", "http://a.test:/",
    ],
)  # fmt: skip
def test_a_url_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(InternalError, match="cannot be sent"):
        parse_url(url)


def test_a_refusal_shows_neither_credentials_nor_query() -> None:
    with pytest.raises(InternalError) as caught:
        parse_url("http://user:hunter2@a.test/?key=hunter2")
    assert "hunter2" not in str(caught.value)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_path_goes_out_unchanged_or_not_at_all(path: str) -> None:
    try:
        address = parse_url("https://a.test/" + path)
    except InternalError:
        return
    assert address == ("https", "a.test", 443, "/" + path)


def test_what_was_given_is_not_added_twice() -> None:
    given_headers = (("accept-encoding", "gzip"), ("user-agent", "me"), ("host", "b.test"))
    sent = on_the_wire(HttpRequest("POST", "http://a.test/", given_headers, b"x")).headers
    assert sent == (*given_headers, ("content-length", "1"))


def test_a_body_has_its_length_and_a_get_has_none() -> None:
    assert headers_of(HttpRequest("POST", "http://a.test/", (), b""))["content-length"] == "0"
    assert "content-length" not in headers_of(HttpRequest("GET", "http://a.test/", (), b""))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", "x\r\nb: c"), ("a", "x\ny"), ("a", "\x00"), ("a", "\x7f"), ("a\r\nb", "c"), ("", "x"),
        ("a:", "x"), ("A", "x"), ("é", "x"), ("transfer-encoding", "chunked"),
    ],
)  # fmt: skip
def test_a_header_that_could_split_the_request_is_refused_unshown(name: str, value: str) -> None:
    with pytest.raises(InternalError) as caught:
        on_the_wire(HttpRequest("POST", "http://a.test/", ((name, f"hunter2{value}"),), b""))
    assert "hunter2" not in str(caught.value)


def test_response_headers_are_read_by_lower_case_name_within_limits() -> None:
    raw = [(b"X-A", b"1"), (b"x-a", b"2"), (b"B", "ä".encode("latin-1"))]
    assert response_headers(raw) == {"x-a": "1, 2", "b": "ä"}
    for many in ([(b"a", b"b")] * 101, [(b"a", b"b" * 32_768)]):
        with pytest.raises(UpstreamError) as caught:
            response_headers(many)
        assert caught.value.kind == "malformed"
