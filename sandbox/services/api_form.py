"""Whether a submission is in order: its headers, its fields, and whether it agrees with X. It never answers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.services.x_corpus import Corpus, CorpusPost

__all__ = ["AuthError", "Authenticator", "Verify", "field_errors", "x_mismatch"]

# (address, message, signature) -> whether that address signed that message; ValueError for what is no address.
Verify: TypeAlias = Callable[[str, bytes, bytes], bool]

_MAX_AGE_S: Final = 300.0
_MAX_AHEAD_S: Final = 60.0
_MESSAGE: Final = re.compile(r"talisman-ai-auth:(\d{1,12})", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{128}", re.ASCII)


class AuthError(Exception):
    """Headers that do not prove a hotkey; the text is the answer's detail."""


class Authenticator:
    """Checks a request's headers.

    Args:
        verify: Checks a signature; None accepts any well-formed one.
        checks_replays: Refuses a signature that was there before.
    """

    def __init__(self, verify: Verify | None, *, checks_replays: bool) -> None:
        self._verify = verify
        self._checks_replays = checks_replays
        self._seen: dict[str, float] = {}

    def hotkey(self, headers: Mapping[str, str], wall_s: float) -> str:
        """The address that signed; header names are in lower case.

        Raises:
            AuthError: Something is missing, malformed, too old, too new, forged or was used before.
        """
        address = _header(headers, "X-Auth-SS58Address")
        message = _header(headers, "X-Auth-Message")
        signature = _header(headers, "X-Auth-Signature")
        _check_time(message, _header(headers, "X-Auth-Timestamp"), wall_s)
        if not _SIGNATURE.fullmatch(signature):
            raise AuthError("X-Auth-Signature is not 128 hex digits")
        if self._verify is not None:
            _check_signature(self._verify, address, message, signature)
        if self._checks_replays:
            self._check_replay(signature.lower(), wall_s)
        return address

    def _check_replay(self, signature: str, wall_s: float) -> None:
        self._seen = {seen: at_s for seen, at_s in self._seen.items() if abs(wall_s - at_s) <= _MAX_AGE_S}
        if signature in self._seen:
            raise AuthError("Signature was used before")
        self._seen[signature] = wall_s


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower(), "")
    if not value:
        raise AuthError(f"Missing header {name}")
    return value


def _check_time(message: str, timestamp: str, wall_s: float) -> None:
    found = _MESSAGE.fullmatch(message)
    if found is None:
        raise AuthError("X-Auth-Message is not talisman-ai-auth:<unix seconds>")
    if not _DECIMAL.fullmatch(timestamp):
        raise AuthError("X-Auth-Timestamp is not a decimal number of seconds")
    if int(found[1]) != int(float(timestamp)):
        raise AuthError("X-Auth-Message and X-Auth-Timestamp name different seconds")
    if wall_s - float(timestamp) > _MAX_AGE_S:
        raise AuthError("Timestamp is too old")
    if float(timestamp) - wall_s > _MAX_AHEAD_S:
        raise AuthError("Timestamp lies in the future")


def _check_signature(verify: Verify, address: str, message: str, signature: str) -> None:
    try:
        genuine = verify(address, message.encode(), bytes.fromhex(signature))
    except ValueError as error:
        raise AuthError("X-Auth-SS58Address is not an ss58 address") from error
    if not genuine:
        raise AuthError("Signature does not match")


_MAX_COUNT = 2**63 - 1
_MAX_TEXT = 30_000


def field_errors(body: object) -> list[dict[str, str]]:
    """What is wrong with a submission, as [{field, message}]; empty when nothing is."""
    if body is None:
        return [{"field": "body", "message": "JSON decode error"}]
    if not isinstance(body, dict):
        return [{"field": "body", "message": "Input should be a JSON object"}]
    errors = []
    for name, check in _FIELDS.items():
        message = check(body[name]) if name in body else "Field required"
        if message:
            errors.append({"field": name, "message": message})
    errors += [{"field": name, "message": "Extra inputs are not permitted"} for name in body if name not in _FIELDS]
    return errors


def _text(value: object) -> str:
    if not isinstance(value, str):
        return "Input should be a valid string"
    if not value.strip():
        return "String should have at least 1 character"
    return "" if len(value) <= _MAX_TEXT else f"String should have at most {_MAX_TEXT} characters"


def _post_id(value: object) -> str:
    message = _text(value)
    return message or ("" if str(value).isascii() and str(value).isdigit() else "String should be a numeric post id")


def _author(value: object) -> str:
    message = _text(value)
    return message or ("Username should not start with @" if str(value).startswith("@") else "")


def _count(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return "Input should be a valid integer"
    return "" if 0 <= value <= _MAX_COUNT else "Input should be greater than or equal to 0"


def _between(low: float, high: float) -> Callable[[object], str]:
    def check(value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "Input should be a valid number"
        return "" if low <= value <= high else f"Input should lie between {low:g} and {high:g}"

    return check


def _tokens(value: object) -> str:
    if not isinstance(value, dict):
        return "Input should be a valid dictionary"
    unit = _between(0, 1)
    for name, relevance in value.items():
        if not name.strip():
            return "Subnet names should not be empty"
        if message := unit(relevance) or ("" if relevance else "Input should be greater than 0"):
            return f"{name}: {message}"
    return ""


_FIELDS: dict[str, Callable[[Any], str]] = {
    "miner_hotkey": _text,
    "post_id": _post_id,
    "content": _text,
    "date": _count,
    "author": _author,
    "account_age": _count,
    "retweets": _count,
    "likes": _count,
    "responses": _count,
    "followers": _count,
    "tokens": _tokens,
    "sentiment": _between(-1, 1),
    "score": _between(0, 1),
}


def x_mismatch(body: dict[str, Any], corpus: Corpus) -> dict[str, str] | None:
    """The first difference as {code, message}; None when the submission agrees with X."""
    post = corpus.find(body["post_id"])
    if post is None:
        return {"code": "post_not_found", "message": "X does not know this post"}
    if _normal(body["content"]) != _normal(post.text):
        return {"code": "text_mismatch", "message": "content differs from the post's text"}
    if body["author"].lower() != post.author.username.lower():
        return {"code": "author_mismatch", "message": "author differs from the post's author"}
    if body["date"] != int(post.created_at):
        return {"code": "date_mismatch", "message": "date differs from the post's second"}
    return _inflated(body, post)


def _inflated(body: dict[str, Any], post: CorpusPost) -> dict[str, str] | None:
    live = {
        "retweets": post.metrics["retweet_count"],
        "likes": post.metrics["like_count"],
        "responses": post.metrics["reply_count"],
        "followers": post.author.followers,
    }
    for name, count in live.items():
        if body[name] > count + max(1, count // 10):
            return {"code": f"{name}_inflated", "message": f"{name} is more than X counts"}
    return None


def _normal(text: str) -> str:
    """NFC, and every run of whitespace as one space, trimmed."""
    return " ".join(unicodedata.normalize("NFC", text).split())
