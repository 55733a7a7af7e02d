"""The X-Auth headers: form, age, signature, replay. It never keeps a signature longer than it must."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

__all__ = ["AuthError", "Authenticator", "Verify"]

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
