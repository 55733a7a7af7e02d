"""The X-Auth headers: form, age, signature, replay. It never keeps a signature longer than it must."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["AuthError", "Authenticator"]

_MAX_AGE_S = 300.0
_MAX_AHEAD_S = 60.0
_MESSAGE = re.compile(r"talisman-ai-auth:(\d{1,12})", re.ASCII)
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}", re.ASCII)


class AuthError(Exception):
    """Headers that do not prove a hotkey; the text is the answer's detail."""


class Authenticator:
    """Checks a request's headers.

    Args:
        wall: Unix seconds.
        verify: False accepts any well-formed signature, for clients without a key.
    """

    def __init__(self, wall: Callable[[], float], *, verify: bool) -> None:
        self._wall = wall
        self._verify = verify
        self._seen: dict[str, float] = {}

    def hotkey(self, headers: Mapping[str, str]) -> str:
        """The address that signed.

        Raises:
            AuthError: Something is missing, malformed, too old, too new, forged or was used before.
        """
        address = _header(headers, "X-Auth-SS58Address")
        message = _header(headers, "X-Auth-Message")
        signature = _header(headers, "X-Auth-Signature")
        now = self._wall()
        _check_time(message, _header(headers, "X-Auth-Timestamp"), now)
        if not _SIGNATURE.fullmatch(signature):
            raise AuthError("X-Auth-Signature is not 128 hex digits")
        if self._verify:
            _check_signature(address, message, signature)
        self._check_replay(signature.lower(), now)
        return address

    def _check_replay(self, signature: str, now: float) -> None:
        self._seen = {seen: at for seen, at in self._seen.items() if abs(now - at) <= _MAX_AGE_S}
        if signature in self._seen:
            raise AuthError("Signature was used before")
        self._seen[signature] = now


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower(), "")
    if not value:
        raise AuthError(f"Missing header {name}")
    return value


def _check_time(message: str, timestamp: str, now: float) -> None:
    found = _MESSAGE.fullmatch(message)
    if found is None:
        raise AuthError("X-Auth-Message is not talisman-ai-auth:<unix seconds>")
    if not _DECIMAL.fullmatch(timestamp):
        raise AuthError("X-Auth-Timestamp is not a decimal number of seconds")
    if int(found[1]) != int(float(timestamp)):
        raise AuthError("X-Auth-Message and X-Auth-Timestamp name different seconds")
    if now - float(timestamp) > _MAX_AGE_S:
        raise AuthError("Timestamp is too old")
    if float(timestamp) - now > _MAX_AHEAD_S:
        raise AuthError("Timestamp lies in the future")


def _check_signature(address: str, message: str, signature: str) -> None:
    from bittensor_core import verify  # noqa: PLC0415 - needed only where signatures are checked

    try:
        genuine = verify(message.encode(), bytes.fromhex(signature), address)
    except ValueError as error:
        raise AuthError("X-Auth-SS58Address is not an ss58 address") from error
    if not genuine:
        raise AuthError("Signature does not match")
