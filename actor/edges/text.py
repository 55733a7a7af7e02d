"""Pure helpers for what comes in from outside: bounded texts, secrets taken out, numbers believed only when sane.

Nothing here does IO, and nothing here raises for a value that a server could send.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import math
import re
import unicodedata
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

import msgspec

__all__ = [
    "REDACTED",
    "Redactor",
    "ambiguous_key",
    "as_float",
    "as_int",
    "bounded",
    "checked_base",
    "deployment",
    "http_date",
    "is_loopback",
    "is_loopback_host",
    "one_line",
    "parse_json",
    "place",
    "safe_line",
    "shown",
    "valid_unicode",
]

REDACTED: Final = "[redacted]"

_INT64: Final = range(-(2**63), 2**63)
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,19}")
_LONGEST_REDACTED: Final = 65_536
_SHORTEST_SECRET: Final = 4
_SHORTEST_CORE: Final = 8  # a shorter piece of base64 could be an ordinary word
_CONTROLS: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def valid_unicode(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD and paired ones joined, so that UTF-8 can hold it."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def bounded(text: str, limit: int = 4000) -> str:
    """Valid Unicode of at most ``limit`` characters; what was cut ends in an ellipsis."""
    # Cut before repairing: a text of megabytes costs no more than one of the limit.
    head = valid_unicode(text[: limit + 1])
    return head if len(text) <= limit and len(head) <= limit else head[: max(0, limit - 1)] + "…"


def one_line(text: str, limit: int = 300) -> str:
    """Bounded text for a log or a table: no line breaks, control characters or direction overrides."""
    head = bounded(text, limit * 4)
    if not head.isprintable():
        head = "".join(" " if unicodedata.category(char) in _CONTROLS else char for char in head)
    return bounded(" ".join(head.split()), limit)


def safe_line(text: str, redact: Callable[[str], str], limit: int = 300) -> str:
    """One line without secrets. They are taken out before the cut: half of one would not be found after it."""
    return one_line(redact(text[:_LONGEST_REDACTED]), limit)


def as_int(value: object) -> int | None:
    """An integer within 64 bits from JSON or a header; None for anything else, booleans included."""
    if type(value) is int:  # nearly always; no bool
        return value if value in _INT64 else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(value, str):
        value = int(value) if _DECIMAL.fullmatch(value.strip()) else None
    if not isinstance(value, int):
        return None
    number = int(value)  # of a class of somebody's own, such as an enum: a range would be searched for it to its end
    return number if number in _INT64 else None


def as_float(value: object) -> float | None:
    """A finite number from JSON or a header; None for anything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def parse_json(body: bytes) -> object:
    """JSON as Python reads it, lone surrogates included (orjson would refuse a whole page for one of them).

    Raises:
        ValueError: Not UTF-8, not JSON, or nested too deeply.
    """
    text = body.removeprefix(BOM_UTF8)
    try:
        parsed: object = msgspec.json.decode(text)  # in a quarter of the time
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_leniently(text)
    return parsed


def _parse_leniently(text: bytes) -> object:
    """What msgspec refuses: lone surrogates, infinities, and what is no JSON to anybody."""
    try:
        parsed: object = json.loads(text.decode())
    except RecursionError as error:
        raise ValueError("JSON is nested too deeply") from error
    return parsed


def ambiguous_key(body: bytes) -> str | None:
    """A key that has two values in one object of this JSON, so that readers differ in what it says."""
    found: list[str] = []

    def keep(pairs: list[tuple[str, object]]) -> dict[str, object]:
        kept: dict[str, object] = {}
        for name, value in pairs:
            if name in kept and kept[name] != value:
                found.append(name)
            kept[name] = value
        return kept

    try:
        json.loads(body.removeprefix(BOM_UTF8).decode(), object_pairs_hook=keep)
    except (ValueError, RecursionError):
        return None
    return found[0] if found else None


class Redactor:
    """Replaces known secrets in a text, in clear and in the forms that requests and answers carry them in.

    The forms are percent-encoded, JSON-escaped and base64, the last also when the secret stands inside a longer text
    that was encoded (as in Basic auth). Secrets below four characters are ignored: they would blank ordinary words.
    """

    __slots__ = ("_count", "_forms")

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        forms = {form for secret in kept for form in _forms(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))  # the longest first
        self._count = len(kept)

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        if not any(map(text.__contains__, self._forms)):
            return text  # nearly always; compiling a pattern takes a thousand times longer than looking
        return re.sub("|".join(map(re.escape, self._forms)), REDACTED, text)

    def __repr__(self) -> str:
        return f"Redactor({self._count} secrets)"


def _forms(secret: str) -> Iterator[str]:
    # Tokens of X are handed out percent-encoded, so the decoded form counts as the secret too.
    for clear in {secret, unquote(secret)}:
        if len(clear) < _SHORTEST_SECRET:
            continue
        yield clear
        if not (clear.isascii() and clear.isalnum()):  # letters and digits are written as they are
            yield from _percent_forms(clear)
            yield json.dumps(clear)[1:-1]
            yield json.dumps(clear, ensure_ascii=False)[1:-1]
        for form in _base64_forms(clear.encode("utf-8", "surrogatepass")):
            yield form
            yield form.replace("+", "-").replace("/", "_")  # as in URLs


def _percent_forms(clear: str) -> Iterator[str]:
    encodable = clear.encode("utf-8", "surrogatepass")
    for form in (quote(encodable, safe=""), quote(encodable), quote_plus(encodable)):
        yield form
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), form)


def _base64_forms(raw: bytes) -> Iterator[str]:
    yield base64.b64encode(raw).decode().rstrip("=")
    for before in range(3):
        # The characters that depend on neighbours of the secret are left out on both sides.
        start = -(-before * 8 // 6)
        stop = (before + len(raw)) * 8 // 6
        core = base64.b64encode(bytes(before) + raw).decode()[start:stop]
        if len(core) >= _SHORTEST_CORE:
            yield core


def http_date(value: str) -> datetime | None:
    """The moment, in UTC where it names no zone; None for what is no date, or none that a calendar holds."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_USUAL: Final = frozenset({"", "v1"})
_DIGITS: Final = 8


def checked_base(url: str, *, setting: str) -> str:
    """The URL without a trailing slash, so that a path can be appended.

    Raises:
        ValueError: Not an http(s) URL with a host, or one with a query, fragment or password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{setting} is not a URL: expected one such as https://host:8001") from error
    if parts.scheme not in {"http", "https"} or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{setting} is not an http or https URL with a host: expected one such as https://host:8001")
    if parts.username is not None or "?" in url or "#" in url:
        raise ValueError(f"{setting} holds a user, query or fragment: expected only scheme, host, port and path")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    return is_loopback_host(host) or host.endswith(".localhost")


def is_loopback_host(host: str) -> bool:
    """Whether an address, or the name localhost, is this machine; a name below it is for a resolver to say."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def place(url: str) -> str:
    """Host and port for people, nothing else of the URL."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port else str(host)


def shown(url: str) -> str:
    """Scheme, host, port and path for people: not the user, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{place(url)}{parts.path}" if parts.netloc else parts.path
    except ValueError:  # a port that is none, above all
        return "an address that is none"


def deployment(url: str) -> str:
    """What tells servers apart on record: host and port, and for a path other than /v1 the start of its SHA-256.

    Not the path itself, in which some gateways want a secret.
    """
    path = urlsplit(url).path.strip("/")
    return place(url) if path in _USUAL else f"{place(url)}#{hashlib.sha256(path.encode()).hexdigest()[:_DIGITS]}"
