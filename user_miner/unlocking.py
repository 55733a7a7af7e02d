"""The hotkey of ``run``; where it is encrypted and its password is not set, a terminal is asked for it, as btcli does.

What is typed is shown nowhere and kept in memory only.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from getpass import getpass
from typing import Final

from pydantic import SecretStr

from actor.edges.hotkey import HotkeyError, HotkeyLockedError
from actor.my_miner import load_signer
from actor.ports import Signer
from actor.settings.model import Settings
from events.describe import printable
from user_miner.terminal import INTERRUPTED, fail

__all__ = ["has_operator", "unlocked"]

_TRIES: Final = 3


def unlocked(settings: Settings) -> tuple[Signer, SecretStr | None]:
    """The signer, and the password that was asked for; None when none was.

    Raises:
        HotkeyError: The hotkey cannot be used, or the operator did not open it.
        SystemExit: The operator ended it with Ctrl-C; that was said.
    """
    try:
        return load_signer(settings), None
    except HotkeyLockedError as error:
        if settings.hotkey_password is not None:
            raise
        if not has_operator():
            raise HotkeyLockedError(f"{error}, or start it on a terminal, which asks for it") from None
        return _asked(settings, error)


def _asked(settings: Settings, error: HotkeyLockedError) -> tuple[Signer, SecretStr]:
    name = printable(f"{settings.wallet_name}/{settings.wallet_hotkey}")
    for _ in range(_TRIES):
        with suppress(HotkeyLockedError):
            password = SecretStr(_password(name, error))
            return load_signer(settings.model_copy(update={"hotkey_password": password})), password
        print("user-miner: that does not open it", file=sys.stderr)  # noqa: T201  (the command line's own voice)
    raise error


def _password(name: str, error: HotkeyLockedError) -> str:
    with _python_s_ctrl_c():
        try:
            return getpass(f"Password to unlock hotkey {name}: ")
        except (EOFError, KeyboardInterrupt) as end:
            print(file=sys.stderr)  # noqa: T201  (as above)
            if isinstance(end, KeyboardInterrupt):
                raise SystemExit(fail(f"interrupted: {error}; none was given", code=INTERRUPTED)) from None
            raise HotkeyError(f"{error}; none was given") from None


def has_operator() -> bool:
    """Whether somebody can answer: a terminal whose foreground is ours, for it stops whoever reads it from behind."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def _python_s_ctrl_c() -> Iterator[None]:
    """A stop that only sets a flag would leave the question standing."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
