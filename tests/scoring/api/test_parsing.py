"""The JSON gate: what it lets through, and what it names when it does not."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from leadscoring.common.errors import Stop
from scoring.api.parsing import (
    MAX_DEPTH,
    MOST_ERRORS,
    BadJson,
    BodyTooLarge,
    MediaTypeRefused,
    parse_object,
    read_object,
)

# body → (pointer of the first error or None, words that the sentence must hold)
REFUSED: dict[str, tuple[bytes, str | None, tuple[str, ...]]] = {
    "nothing": (b"", None, ("empty", "JSON object")),
    "blanks": (b" \r\n\t", None, ("empty",)),
    "not json": (b'{"a": tru}', None, ("line 1, column 7",)),
    "single quotes": (b"{'a': 1}", None, ("line 1, column 2",)),
    "second line": (b'{"a": 1,\n "b" 2}', None, ("line 2, column 6",)),
    "trailing comma": (b'{"a": 1,}', None, ("line 1",)),
    "two values": (b'{"a": 1} {"b": 2}', None, ("line 1, column 10",)),
    "cut short": (b'{"a": "x', None, ("line 1",)),
    "raw control character": (b'{"a": "x\x01"}', None, ("control character", "line 1")),
    "raw NUL": (b'{"a": "x\x00"}', None, ("control character",)),
    "html": (b"<html></html>", None, ("line 1, column 1",)),
    "not utf-8": (b'{"a": "\xff"}', None, ("not UTF-8", "byte 8", "0xff")),
    "utf-16": ('{"a": 1}'.encode("utf-16"), None, ("not UTF-8", "byte 1")),
    "encoded surrogate": (b'{"a": "\xed\xa0\x80"}', None, ("not UTF-8", "byte 8")),
    "a list": (b"[1, 2]", None, ("[1, 2]", "JSON object")),
    "a text": (b'"x"', None, ('"x"', "JSON object")),
    "null": (b"null", None, ("null", "JSON object")),
    "a number": (b"12", None, ("12", "JSON object")),
    "top-level NaN": (b"NaN", "", ("The body is NaN",)),
    "NaN": (b'{"a": {"b": NaN}}', "/a/b", ("/a/b", "NaN")),
    "infinity": (b'{"a": [1, Infinity]}', "/a/1", ("/a/1", "Infinity")),
    "minus infinity": (b'{"a": -Infinity}', "/a", ("/a", "-Infinity")),
    "1e400": (b'{"a": {"b": 1e400}}', "/a/b", ("/a/b", "too large", "1.8e308")),
    "-1e400": (b'{"a": -1e400}', "/a", ("/a", "too large")),
    "20 digits": (b'{"a": 99999999999999999999}', "/a", ("/a", "20 digits", "64 bits")),
    "just too large": (b'{"a": 9223372036854775808}', "/a", ("/a", "19 digits")),
    "just too small": (b'{"a": -9223372036854775809}', "/a", ("/a", "19 digits")),
    "4,301 digits": (b'{"x": 1, "a": [' + b"9" * 4301 + b"]}", "/a/0", ("/a/0", "4301 digits")),
    "escaped NUL": (b'{"a": {"b": "x\\u0000y"}}', "/a/b", ("/a/b", "NUL")),
    "NUL in a name": (b'{"a": {"b\\u0000c": 1}}', "/a/b\\u0000c", ("NUL",)),
    "high surrogate": (b'{"a": "\\ud800"}', "/a", ("/a", "\\ud800", "lone surrogate")),
    "low surrogate": (b'{"a": "x\\udfff"}', "/a", ("/a", "\\udfff")),
    "surrogates swapped": (b'{"a": "\\udc00\\ud800"}', "/a", ("/a", "\\udc00")),
    "surrogate in a name": (b'{"\\ud83d": 1}', "/\\ud83d", ("lone surrogate",)),
    "a name twice": (b'{"a": 1, "b": {"c": 1, "d": 2, "c": 3}}', "/b/c", ("/b/c", "more than once")),
    "a name twice, escaped": (b'{"a": 1, "\\u0061": 2}', "/a", ("/a", "more than once")),
    "a name that needs escapes twice": (b'{"x/y~": 1, "x/y~": 2}', "/x~1y~0", ("more than once",)),
    "100,000 deep": (b"[" * 100_000, None, (f"{MAX_DEPTH} levels",)),
    "100,000 deep, closed": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, None, (f"{MAX_DEPTH} levels",)),
    "100,000 deep in lists": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, ("levels",)),
    "33 deep": (b'{"a":' * 33 + b"1" + b"}" * 33, None, (f"{MAX_DEPTH} levels",)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_what_cannot_be_stored_and_names_the_place(case: str) -> None:
    body, pointer, words = REFUSED[case]
    with pytest.raises(BadJson) as caught:
        parse_object(body)
    document = caught.value.document()
    assert document["status"] == 400
    for word in words:
        assert word in document["detail"]
    if pointer is not None:
        assert document["errors"][0]["pointer"] == pointer
    json.dumps(document).encode("ascii")
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    assert len(document["detail"]) < 400


def test_a_refusal_tells_line_and_column_to_programs_too() -> None:
    with pytest.raises(BadJson) as caught:
        parse_object(b'{"a": 1,\n "b" 2}')
    assert (caught.value.document()["line"], caught.value.document()["column"]) == (2, 6)


def test_it_names_several_places_at_once_but_not_thousands() -> None:
    with pytest.raises(BadJson) as caught:
        parse_object(b'{"a": NaN, "b": 1e400, "c": "\\u0000"}')
    assert [error.pointer for error in caught.value.errors] == ["/a", "/b", "/c"]
    with pytest.raises(BadJson) as caught:
        parse_object(b'{"a": [' + b"NaN," * 5000 + b"1]}")
    assert len(caught.value.errors) == MOST_ERRORS


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {}),
        (b' {"a": 1} \n', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 9223372036854775807, "b": -9223372036854775808}', {"a": 2**63 - 1, "b": -(2**63)}),
        (b'{"a": 1.7976931348623157e308, "b": 1e-400}', {"a": 1.7976931348623157e308, "b": 0.0}),
        (b'{"a": "\\ud83d\\ude00 \\u00e9"}', {"a": "😀 é"}),
        ('{"a": "😀 \u2028"}'.encode(), {"a": "😀 \u2028"}),
        (b'{"a": "\\u005cu0000"}', {"a": "\\u0000"}),
        (b'{"a": {"x": 1}, "b": {"x": 1}}', {"a": {"x": 1}, "b": {"x": 1}}),
        (b'{"": 1, "__proto__": 2}', {"": 1, "__proto__": 2}),
        (b'{"a": [true, false, null]}', {"a": [True, False, None]}),
    ],
)
def test_it_lets_everything_else_through_unchanged(body: bytes, expected: dict[str, Any]) -> None:
    assert parse_object(body) == expected


def test_the_deepest_body_it_takes_has_32_levels() -> None:
    assert parse_object(b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4).filter(str.isprintable), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=5).filter(str.isprintable), PLAIN, max_size=5), st.booleans())
def test_any_storable_object_comes_back_as_it_was_sent(found: dict[str, Any], escaped: bool) -> None:
    assert parse_object(json.dumps(found, ensure_ascii=escaped).encode()) == found


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80) | st.text('{}[]",:\\u0dea18NIfty.+-e \n', max_size=60).map(str.encode))
def test_no_body_whatever_does_more_than_be_refused(body: bytes) -> None:
    try:
        found = parse_object(body)
    except BadJson as refusal:
        json.dumps(refusal.document(), ensure_ascii=False).encode("utf-8")
    else:
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8")


def request(body: bytes = b'{"a": 1}', content_type: str = "application/json", **extra: Any) -> WSGIRequest:
    return RequestFactory().generic("POST", "/", body, content_type=content_type, **extra)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "Application/JSON",
    ],
)
def test_it_takes_json_in_utf_8(content_type: str) -> None:
    assert read_object(request(content_type=content_type), limit=100) == {"a": 1}


@pytest.mark.parametrize(
    ("content_type", "extra", "word"),
    [
        ("text/plain", {}, "text/plain"),
        ("application/x-www-form-urlencoded", {}, "application/x-www-form-urlencoded"),
        ("multipart/form-data; boundary=x", {}, "multipart"),
        ("", {}, "missing"),
        ("application/json; charset=utf-16", {}, "utf-16"),
        ("application/json; charset=latin-1", {}, "latin-1"),
        ("application/json", {"HTTP_CONTENT_ENCODING": "gzip"}, "gzip"),
    ],
)
def test_another_media_type_is_refused_with_its_name(
    content_type: str, extra: dict[str, str], word: str
) -> None:
    with pytest.raises(MediaTypeRefused) as caught:
        read_object(request(content_type=content_type, **extra), limit=100)
    assert caught.value.status == 415
    assert word in caught.value.detail


def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    body = b'{"a": 1}'
    assert read_object(request(body), limit=len(body)) == {"a": 1}
    with pytest.raises(BodyTooLarge) as caught:
        read_object(request(body), limit=len(body) - 1)
    assert caught.value.status == 413
    assert "8 bytes; expected at most 7" in caught.value.detail


@pytest.mark.parametrize("declared", ["99999999999999999999999999", "1" * 5000, "-5", "0x10", "７"])
def test_a_nonsense_length_is_refused_without_reading(declared: str) -> None:
    sent = request()
    sent.META["CONTENT_LENGTH"] = declared
    with pytest.raises(BadJson, match="Content-Length"):
        read_object(sent, limit=100)


def chunked(body: bytes) -> WSGIRequest:
    sent = request()
    del sent.META["CONTENT_LENGTH"]
    sent.META["wsgi.input"] = io.BytesIO(body)
    sent.META["wsgi.input_terminated"] = True
    return sent


def test_a_body_sent_in_chunks_is_read_to_its_end() -> None:
    assert read_object(chunked(b'{"a": "' + b"x" * 100_000 + b'"}'), limit=200_000) == {"a": "x" * 100_000}


def test_a_body_sent_in_chunks_is_not_read_past_the_limit() -> None:
    sent = chunked(b" " * 5_000_000)
    with pytest.raises(BodyTooLarge):
        read_object(sent, limit=100_000)
    assert sent.META["wsgi.input"].tell() == 100_001


def test_a_body_that_ends_early_is_refused() -> None:
    sent = request()
    sent.META["CONTENT_LENGTH"] = "20"
    sent = WSGIRequest(sent.environ | {"wsgi.input": io.BytesIO(b'{"a": 1}'), "CONTENT_LENGTH": "20"})
    with pytest.raises(Stop, match="ended after 8 bytes; expected 20"):
        read_object(sent, limit=100)
