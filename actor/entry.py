"""Where the command ``user-miner`` begins: Ctrl-C ends it quietly while the rest is loaded.

It imports nothing of ours before that. Python's own handler would show a traceback from the midst of an import.
"""

from __future__ import annotations

import signal

__all__ = ["main"]


def main() -> None:
    """Load the command line, and run it."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # else it is ignored, as in the background of a script
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from actor.cli import main as run  # noqa: PLC0415

    signal.signal(signal.SIGINT, handler)
    run()
