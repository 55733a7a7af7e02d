"""R16: nothing that should stay secret is in the journal, and no network hears a signed header in clear."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from audit.rules.rule import Entry, Finding, Rule
from events import catalogue as ev

__all__ = ["NoSecrets", "PlainHttp"]

# Findings show these names, never the text that matched: a finding that showed a secret would spread it.
_SECRETS: Final[Mapping[str, str]] = {
    "a bearer token": r"(?i:\bbearer)\s+(?!\[redacted\])[\w.~+/%-]{12,}",
    "a token of X": r"\bA{18,}[\w%-]{20,}",
    "an API key": r"\b(?:sk|cpk|pk|rk|gsk)[-_](?=[\w-]*\d)[\w.-]{16,}",
    "a signature": r"\b(?:0x)?[0-9a-fA-F]{128}\b",
    "a signed message": r"\btalisman-ai-auth:\d{9,}",
    "a signed header": r"(?i:x-auth-(?:signature|message))\W{1,4}(?!\[redacted\])[\w:-]{9,}",
    "a password in a URL": r"\bhttps?://[^\s/@:\"']+:[^\s/@\"']+@",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}
_ANY: Final = re.compile("|".join(f"({pattern})" for pattern in _SECRETS.values()))
_NAMES: Final = tuple(_SECRETS)
# These are random, so many different characters of several kinds must match: no word, and no row of one letter.
_DRAWN: Final = frozenset({"a bearer token", "a token of X", "an API key", "a signature", "a signed header"})
_LEAD: Final = re.compile(r"(?i)(?:bearer\s+|x-auth-(?:signature|message)\W{1,4})")
_MIXED: Final = re.compile(r"\d|[a-z][A-Z]")
_FEWEST_CHARACTERS: Final = 8
# One of these stands in an API key, in small letters.
_KEYS: Final = tuple(kind + mark for kind in (b"pk", b"rk", b"sk") for mark in (b"-", b"_"))
_LONG_A: Final = b"a" * 18
_HEX_TO_0: Final = bytes(ord("0") if chr(byte) in "0123456789abcdef" else ord(" ") for byte in range(256))
_LONG_HEX: Final = b"0" * 128
# Fields with public texts.
_PUBLIC: Final = frozenset({"content", "author"})


class NoSecrets(Rule):
    """R16. Posts' own texts are public and left out, also where the LLM's answer quotes them."""

    name = "secrets"
    demands = "no record holds what looks like a token, a key, a password or a signed header"
    lacks = ""
    unreadable = True

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Look at every text of the record; what a validator said is no secret of ours."""
        if entry.record.name == "ValidationObserved" or not _may_hold_secrets(entry.record.raw.lower()):
            return
        for path, text in _texts(entry.record.data, ""):
            if entry.record.name == "CheckpointSigned" and path == "signature":
                continue
            for match in _ANY.finditer(text):
                name = _NAMES[(match.lastindex or 1) - 1]
                if (name not in _DRAWN or _is_drawn(match[0])) and not self._is_quoted(entry, match[0]):
                    yield self.finding(entry, found=f"{path} holds what looks like {name}", expected="no secret")

    @staticmethod
    def _is_quoted(entry: Entry, text: str) -> bool:
        post = entry.books.pending.get(getattr(entry.event, "post_id", None) or "")
        return post is not None and text in post.post.content


class PlainHttp(Rule):
    """R16. Only a note, for the operator allowed it (ALLOW_INSECURE_HTTP)."""

    name = "R16"
    demands = "signed headers go to https or to this machine alone (a note where they do not)"
    lacks = ""
    events = (ev.JournalCreated, ev.ApiMoved)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Look at the API's URL."""
        try:
            url = urlsplit(getattr(entry.event, "api_url", ""))
        except ValueError as error:
            yield self.finding(entry, found=f"no URL: {error}", expected="an address of the API", kind="note")
            return
        if url.scheme == "http" and not _is_loopback(url.hostname or ""):
            yield self.finding(
                entry, found=f"plain http to {url.hostname}", expected="https, or a path that is private", kind="note"
            )


def _is_drawn(text: str) -> bool:
    value = _LEAD.sub("", text, count=1)
    return len(set(value)) >= _FEWEST_CHARACTERS and _MIXED.search(value) is not None


def _may_hold_secrets(raw: bytes) -> bool:
    """Whether one of the patterns could match these small letters: every record comes here, and few go further."""
    return (
        b"bearer" in raw
        or b"x-auth-" in raw
        or b"talisman-ai-auth:" in raw
        or b"private key-----" in raw
        or _LONG_A in raw
        or ((b"k-" in raw or b"k_" in raw) and any(key in raw for key in _KEYS))
        or (b"://" in raw and b"@" in raw)
        or _LONG_HEX in raw.translate(_HEX_TO_0)
    )


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text within parsed JSON with its path, keys of maps included."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield path, key
            if key not in _PUBLIC:
                yield from _texts(item, f"{path}.{key}" if path else key)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
