"""What a refusal tells, in the shapes that servers were seen to give it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.edges.reply import Reply
from actor.edges.told import plain_words, told
from tests.edges.conftest import RawServer
from tests.edges.three import EDGES, told_by

X_PROBLEM = {
    "title": "Invalid Request",
    "detail": "One or more parameters were invalid.",
    "type": "https://api.twitter.com/2/problems/invalid-request",
    "errors": [{"message": "The `max_results` is not valid", "parameters": {"max_results": ["1"]}}],
}
SHAPES: list[tuple[Any, str]] = [
    ({"detail": "WORDS"}, "WORDS"),
    ({"detail": [{"msg": "WORDS", "loc": ["body", "score"], "type": "value_error"}]}, "body.score: WORDS"),
    ({"detail": {"message": "WORDS"}}, "WORDS"),
    ({"message": "WORDS"}, "WORDS"),
    ({"Message": "WORDS"}, "WORDS"),
    ({"msg": "WORDS"}, "WORDS"),
    ({"error": "WORDS"}, "WORDS"),
    ({"error": "WORDS", "error_type": "validation"}, "WORDS"),
    ({"error": {"message": "WORDS", "code": "x", "type": "y", "param": None}}, "WORDS"),
    ({"error": {"error": {"message": "WORDS"}}}, "WORDS"),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "WORDS"}}, "WORDS"),
    ([{"error": {"code": 400, "message": "WORDS", "status": "INVALID_ARGUMENT"}}], "WORDS"),
    ({"errors": [{"code": 88, "message": "WORDS"}]}, "WORDS"),
    ({"errors": ["one", "WORDS"]}, "one; WORDS"),
    ({"success": False, "errors": [{"message": "WORDS"}], "messages": []}, "WORDS"),
    ({"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "WORDS"}]}}, "body: WORDS"),
    ({"error": "invalid_grant", "error_description": "WORDS"}, "invalid_grant: WORDS"),
    ({"status": 404, "error": "Not Found", "message": "WORDS", "path": "/x"}, "Not Found: WORDS"),
    ({"title": "Bad Request", "detail": "WORDS", "status": 400}, "Bad Request: WORDS"),
    ({"title": "Unauthorized", "detail": "Unauthorized: WORDS"}, "Unauthorized: WORDS"),
    ({"content": ["is too long"], "score": ["WORDS"]}, "content: is too long; score: WORDS"),
    ({"fault": {"faultstring": "WORDS"}}, "WORDS"),
    ({"detail": '{"error": {"message": "WORDS"}}'}, "WORDS"),
    ({"error": {"message": "Provider returned error", "metadata": {"raw": '{"detail":"WORDS"}'}}}, "error: WORDS"),
    (X_PROBLEM, "Invalid Request: One or more parameters were invalid.: The `max_results` is not valid"),
    ("WORDS", "WORDS"),
    (b"WORDS and no JSON", "WORDS and no JSON"),
    (b"<html><head><title>WORDS</title></head><body>more", "an HTML page: WORDS"),
    (b"<html><style>a{}</style><script>f()</script><h1>WORDS &amp; more</h1></html>", "an HTML page: WORDS & more"),
    (b"<?xml version='1.0'?><Error><Code>Denied</Code><Message>WORDS</Message></Error>", "Denied WORDS"),
    ({"code": "E_WORDS"}, '{"code": "E_WORDS"}'),
]


@pytest.mark.parametrize(("body", "words"), SHAPES)
@pytest.mark.parametrize("edge", EDGES)
def test_a_refusal_keeps_its_words(wire: Any, edge: str, body: object, words: str) -> None:
    """The same for X, the model's server and the API."""
    wire.answers(400, body if isinstance(body, bytes) else json.dumps(body))
    said = told_by(edge, wire.url)
    assert words in said
    assert "400" in said
    assert "Error code" not in said


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"error": {"message": "m", "type": "insufficient_quota", "code": "x"}}, ("x", "insufficient_quota")),
        ({"error": {"code": 429, "message": "m"}, "choices": None}, ("429",)),
        ({"error": {"code": "429", "message": "m", "type": "None"}}, ("429",)),
        ({"error": {"code": 400.0, "status": "INVALID_ARGUMENT"}}, ("400", "INVALID_ARGUMENT")),
        ({"type": "error", "error": {"type": "overloaded_error"}}, ("overloaded_error",)),
        ({"error": {"error": {"code": "inner"}, "code": "outer"}}, ("inner", "outer")),
        ({"error": "invalid_grant", "error_description": "m"}, ("invalid_grant",)),
        ({"error": "two words", "code": None}, ()),
        ({"errors": [{"code": 88}, {"code": 89}]}, ("88", "89")),
        ([], ()),
        ("text", ()),
    ],
)
def test_the_codes_of_an_error(body: object, codes: tuple[str, ...]) -> None:
    """For programs: the innermost first, numbers as digits."""
    assert told(body).codes == codes


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "errors", "loc", "code", "title", "raw", "x"]),
            inner,
            max_size=4,
        )
    ),
)


@given(VALUES, st.integers(0, 3))
def test_any_body_becomes_one_bounded_line(body: object, wraps: int) -> None:
    """Of whatever shape, also where a JSON text stands within a JSON text; no secret is in it."""
    text = json.dumps(body)
    for _ in range(wraps):
        text = json.dumps({"error": text, "token": "SECRET"})
    line = Reply(status=400, body=text.encode()).summary(lambda said: said.replace("SECRET", "[redacted]"))
    assert 0 < len(line) <= 300
    assert "\n" not in line
    assert "SECRET" not in line
    assert not [code for code in told(body).codes if " " in code]


def test_a_secret_of_a_page_is_in_no_form_shown() -> None:
    """Neither cut in two by the end of what is read, nor written as a page writes it."""
    secret = 'sk-"planted"&more'  # noqa: S105  (planted to be found)
    for before in range(8_100, 8_200):
        page = f"<html>{' ' * before}<p>{secret}"
        line = Reply(status=400, body=page.encode()).summary(lambda said: said.replace(secret, "[redacted]"))
        assert "planted" not in line
    escaped = "<html><title>sk-&quot;planted&quot;&amp;more"
    line = Reply(status=400, body=escaped.encode()).summary(lambda said: said.replace(secret, "[redacted]"))
    assert line == "an HTML page: [redacted]"


@pytest.mark.parametrize("piece", ["<", "<script", "<!--", "<title", "<a ", "&", "<style>", "</script"])
def test_no_page_takes_long_to_read(piece: str) -> None:
    """However many marks are opened and never closed."""
    assert len(plain_words("<html>" + piece * 200_000)) < 10_000


def test_a_redirect_is_told_of_as_one(wire: Any) -> None:
    """The API's signed request follows none, and X's has no address to follow."""
    wire.plays(RawServer.answer(308, {"detail": "gone"}, Location="http://127.0.0.1:9/x"))
    assert "MINER_API_URL" in told_by("api", wire.url)
    assert "308: gone (check X_API_BASE)" in told_by("x", wire.url)
