"""Where the command ``user-miner`` begins: Ctrl-C and SIGTERM end it quietly while the rest is loaded.

It imports nothing of ours before that. Python's own handler would show a traceback from the midst of an import. And
without a handler a container's first process, which is what this is without an init, does not hear SIGTERM at all: so
one stands from here on, until a command that has to say goodbye sets its own.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

__all__ = ["main"]


def main() -> None:
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # else it is ignored, as in the background of a script
        signal.signal(signal.SIGINT, _end)
    from user_miner.cli import main as run  # noqa: PLC0415

    signal.signal(signal.SIGINT, handler)
    run()


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """Die of the signal, as without a handler; as a first process, which cannot, leave with the code that says so."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


if __name__ == "__main__":
    main()
