"""What comes in from outside is bounded, valid and free of secrets."""

from __future__ import annotations

import base64
import json
import re
from enum import IntEnum
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.edges.text import (
    REDACTED,
    Redactor,
    as_float,
    as_int,
    bounded,
    one_line,
    parse_json,
    valid_unicode,
)

hostile = st.sampled_from("\ud800\udbff\udc00\udfff\x00\x1b\u202e\u2028\r\n")
any_text = st.lists(st.one_of(st.text(max_size=6), hostile), max_size=12).map("".join)
SECRET = 'AAAA%2Bxyz/+=é"0123456789'  # noqa: S105  (planted to be found)


@given(any_text, st.integers(min_value=1, max_value=50))
def test_bounded_is_valid_and_never_longer(text: str, limit: int) -> None:
    """Whatever the text, the result fits and UTF-8 can hold it."""
    result = bounded(text, limit)
    assert len(result) <= limit
    result.encode()


@given(st.text(max_size=40))
def test_bounded_leaves_a_short_valid_text_alone(text: str) -> None:
    """Nothing is changed that needs no change, NUL included."""
    assert bounded(text, 40) == text


def test_bounded_shows_that_it_cut() -> None:
    """A cut text ends in an ellipsis within the limit."""
    assert bounded("abcdef", 4) == "abc…"
    assert bounded("a" * 5000) == "a" * 3999 + "…"


def test_surrogates_are_joined_or_replaced() -> None:
    """A pair written as two surrogates becomes its character, a lone one the replacement character."""
    assert valid_unicode("\ud83d\ude80 \ud83d") == bounded("\ud83d\ude80 \ud83d") == "🚀 �"


@given(any_text, st.integers(min_value=1, max_value=50))
def test_one_line_is_one_printable_line(text: str, limit: int) -> None:
    """No line break, control character or terminal escape survives."""
    result = one_line(text, limit)
    assert len(result) <= limit
    assert len(result.splitlines()) <= 1
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in result)


def test_one_line_joins_words() -> None:
    """Line breaks and direction overrides become single spaces."""
    assert one_line(" a\r\n\x1b[31mb\u202e\x00c  ") == "a [31mb c"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        (-7, -7),
        (7.0, 7),
        ("7", 7),
        (" +7 ", 7),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (float(2**63), None),
        (1e300, None),
        (7.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, None),
        ("7.0", None),
        ("\u0667", None),
        ("9" * 19, None),
        ("9" * 5000, None),
        ("", None),
        (None, None),
        ([7], None),
    ],
)
def test_as_int_takes_only_integers_within_64_bits(value: object, expected: int | None) -> None:
    """Integral floats and decimal strings count; booleans and everything else do not."""
    assert as_int(value) == expected


def test_as_int_makes_plain_integers_of_those_of_other_classes() -> None:
    """In a range they are looked for one by one, which ends soon for this value and never for others."""

    class Least(IntEnum):
        VALUE = -(2**63)

    assert (type(as_int(Least.VALUE)), as_int(Least.VALUE)) == (int, -(2**63))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), ("2.5", 2.5), ("nan", None), ("1e999", None), (10**400, None), (True, None), ("x", None), (None, None)],
)
def test_as_float_takes_only_finite_numbers(value: object, expected: float | None) -> None:
    """Numbers and decimal strings count when they are finite."""
    assert as_float(value) == expected


slips = st.sampled_from('{}[]",:\\u0dDe+-.19 \x00\x7f\t') | st.sampled_from(
    ["\\ud83d", "\\ude00", "\\udc00", "1e400", "9" * 40, "null", "NaN", "é🚀"]
)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
)


def _by_python(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return ValueError


def _by_us(text: str) -> object:
    try:
        return parse_json(text.encode())
    except ValueError:
        return ValueError


@given(any_json, st.booleans(), st.integers(0, 40), st.lists(slips, max_size=4).map("".join))
def test_parse_json_reads_what_python_reads(value: object, ascii_only: bool, at: int, slip: str) -> None:  # noqa: FBT001
    """JSON of any shape, and JSON with a slip in it, is the same value of the same types, or an error for both."""
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace").decode()
    for tried in (text, text[:at] + slip + text[at:], slip):
        assert repr(_by_us(tried)) == repr(_by_python(tried))


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 100_000, b'{"a":', b"<html>", b"9" * 5000])
def test_parse_json_has_one_error(body: bytes) -> None:
    """Every flaw is a ValueError, deep nesting and huge numbers too."""
    with pytest.raises(ValueError, match=r"."):
        parse_json(body)


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quote(SECRET, safe="")),
        json.dumps(SECRET)[1:-1],
        json.dumps({"token": SECRET}, ensure_ascii=False),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"a:" + SECRET.encode() + b"!").decode(),
        base64.b64encode(b"ab:c" + SECRET.encode()).decode(),
    ],
)
def test_redactor_finds_a_secret_in_every_form(form: str) -> None:
    """In clear, percent-encoded, JSON-escaped, base64, alone and inside a longer encoded text."""
    redacted = Redactor((SECRET, "another"))(f"before {form} after")
    assert REDACTED in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    assert "0123456789" not in redacted
    assert base64.b64encode(b"0123456789").decode()[:8] not in redacted


def test_redactor_knows_the_decoded_form_of_an_encoded_secret() -> None:
    """X hands tokens out percent-encoded; the decoded token is as secret."""
    assert Redactor(["AAAA%2Bxyz"])("is AAAA+xyz") == f"is {REDACTED}"


def test_redactor_ignores_what_would_blank_ordinary_words() -> None:
    """Secrets below four characters and no secrets at all change nothing."""
    assert Redactor(["abc", ""])("abc of it") == "abc of it"
    assert Redactor(())("abc") == "abc"


def test_redactor_takes_the_longest_secret_first() -> None:
    """A secret that begins with another leaves no rest behind."""
    assert Redactor(["secret", "secret-longer"])("secret-longer") == REDACTED


@given(st.text(min_size=4), any_text, any_text)
def test_redactor_leaves_no_secret(secret: str, before: str, after: str) -> None:
    """Whatever stands around it, the secret is gone, and so it is from the redactor's own repr."""
    redactor = Redactor([secret])
    if secret not in REDACTED:
        assert secret not in redactor(before + secret + after).replace(REDACTED, "\x00\x00\x00\x00")
    assert repr(redactor) == "Redactor(1 secrets)"
