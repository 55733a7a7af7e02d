"""Short messages to people, by any service that the library apprise knows: ntfy, Discord, Slack, Telegram and others.

The library is an extra, imported when it is needed. An address holds its tokens, so no part of it is quoted: what the
library says is heard here, told without them, and reaches no log by itself. Whoever sends waits, so it is done in a
thread of its own.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from actor.edges.text import Redactor, safe_line

if TYPE_CHECKING:
    from apprise import NotifyBase

__all__ = ["Message", "Messenger", "MessengerError", "NotSentError", "address_secrets"]

_MISSING: Final = "needs the package apprise, which is not installed"
_UNKNOWN: Final = (
    "is no address that the library apprise can send to: expected one such as ntfys://HOST/TOPIC, "
    "discord://WEBHOOK_ID/TOKEN, slack://…, tgram://… or jsons://HOST/PATH"
)
_LIBRARY: Final = "apprise"
_BELOW: Final = ("urllib3.connectionpool",)  # which tells paths to a host that logs at DEBUG
_PIECES: Final = re.compile(r"[^/?&=#@:,\s]+")
_PASSWORD: Final = re.compile(r"://[^/@:]*:([^/@]+)@")
_HOST: Final = re.compile(r"[0-9.]+|([a-z0-9-]+\.)+[a-z]{2,}")
_LONG: Final = 16
_WITH_DIGITS: Final = 8
_LONGEST: Final = 1_500
# What chats read as mentions of people or as links of somebody else's making.
_PLAIN: Final = str.maketrans({"@": "(at)", "<": "(", ">": ")"})


class MessengerError(Exception):
    """No message could ever be sent; one line about the address, without its beginning."""


class NotSentError(Exception):
    """A message was not taken; one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What people read; ``good`` where it is good news."""

    title: str
    text: str
    good: bool = False


class Messenger:
    """One address.

    Args:
        address: As apprise reads it, with its tokens.

    Raises:
        MessengerError: The library is not installed, or does not know such an address.

    Attributes:
        service: The library's name for whom it sends to, such as "Discord".
    """

    def __init__(self, address: str) -> None:
        self._redact = Redactor({address, *_pieces(address)})
        self._plugin = _plugin(address)
        self.service = str(self._plugin.service_name)

    def send(self, message: Message) -> None:
        """Send and wait.

        Raises:
            NotSentError: It was not taken.
        """
        from apprise import NotifyType  # noqa: PLC0415  (as in _plugin)

        kind = NotifyType.SUCCESS if message.good else NotifyType.FAILURE
        with _hearing() as heard:
            try:
                text = safe_line(message.text, lambda text: text, _LONGEST).translate(_PLAIN)
                is_sent = self._plugin.notify(body=text, title=message.title, notify_type=kind)
            except Exception as error:  # noqa: BLE001  (one of two hundred services that others wrote)
                raise NotSentError(safe_line(f"{type(error).__name__}: {error}", self._redact)) from None
        if not is_sent:
            raise NotSentError(safe_line("; ".join(heard) or "the service did not take it", self._redact))


def address_secrets(address: str) -> set[str]:
    """The address, its password, and what may be a token: a piece that is long or has digits, but is no host's name."""
    passwords = {part for password in _PASSWORD.findall(address) for part in (password, unquote(password))}
    return {address} | passwords | {piece for piece in _pieces(address) if _may_be_token(piece)}


def _pieces(address: str) -> set[str]:
    """What stands between the marks of the address, its scheme left out, as it is and decoded."""
    pieces = _PIECES.findall(address.partition("://")[2])
    return {*pieces, *map(unquote, pieces)}


def _may_be_token(piece: str) -> bool:
    if _HOST.fullmatch(piece):
        return False
    return len(piece) >= (_WITH_DIGITS if any(map(str.isdigit, piece)) else _LONG)


def _plugin(address: str) -> NotifyBase:
    try:
        with warnings.catch_warnings(), _hearing():
            warnings.simplefilter("ignore")  # the library's services warn of what they import
            from apprise import Apprise, AppriseAsset, PersistentStoreMode  # noqa: PLC0415  (an extra)

            asset = AppriseAsset(app_id="user-miner", app_desc="user-miner", storage_mode=PersistentStoreMode.MEMORY)
            plugin = Apprise.instantiate(address, asset=asset)
    except ModuleNotFoundError as error:
        raise MessengerError(_MISSING) from error
    if plugin is None:
        raise MessengerError(_UNKNOWN)
    return plugin


@contextmanager
def _hearing() -> Iterator[list[str]]:
    """What the library warns of in this thread, which goes no further; other threads' words go where they would."""
    heard: list[str] = []
    own = threading.get_ident()

    def listen(record: logging.LogRecord) -> bool:
        if record.thread != own:
            return True
        if record.levelno >= logging.WARNING and record.name == _LIBRARY:
            heard.append(record.getMessage())
        return False

    loggers = [logging.getLogger(name) for name in (_LIBRARY, *_BELOW)]
    for logger in loggers:
        logger.addFilter(listen)
    try:
        yield heard
    finally:
        for logger in loggers:
            logger.removeFilter(listen)
