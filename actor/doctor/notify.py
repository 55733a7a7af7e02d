"""Whether alarms reach anybody: can NOTIFY_URL be sent to, and, where that is asked for, does a message get there."""

from __future__ import annotations

from typing import Final

from actor.compose import messenger
from actor.doctor.check import Check, failure, ok
from actor.edges.messages import Message, MessengerError, NotSentError
from actor.settings import Settings

__all__ = ["notify_checks"]

_NAME: Final = "notify"
_TEST: Final = Message(title="user-miner: test", text="Alarms of this miner are told here.", good=True)


def notify_checks(settings: Settings, *, sends: bool) -> list[Check]:
    """Read the address, and send a test message there if it ``sends``."""
    try:
        found = messenger(settings)
    except MessengerError as error:
        return [failure(_NAME, f"NOTIFY_URL {error}", "correct NOTIFY_URL, or install what it needs")]
    if found is None:
        nobody = "NOTIFY_URL is not set: alarms stand in log, status and metrics"
        return [failure(_NAME, nobody, "set NOTIFY_URL") if sends else ok(_NAME, nobody)]
    if not sends:
        return [ok(_NAME, f"alarms go to {found.service}; --notify sends a test message")]
    try:
        found.send(_TEST)
    except NotSentError as error:
        return [failure(_NAME, f"{found.service} did not take a test message: {error}", "correct NOTIFY_URL")]
    return [ok(_NAME, f"{found.service} took a test message")]
