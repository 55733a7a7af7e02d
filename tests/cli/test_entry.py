"""Where the command begins."""

from __future__ import annotations

import importlib.metadata
import signal
import subprocess
import sys

import pytest

from actor.entry import main

# Ctrl-C comes while the command line's library is looked for.
INTERRUPTED = """
import signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
if sys.argv.pop() == "ignored":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.argv = ["user-miner", "--version"]
from actor.entry import main
main()
"""


@pytest.mark.parametrize(("shell", "code", "printed"), [("", -signal.SIGINT, False), ("ignored", 0, True)])
def test_ctrl_c_while_it_is_loaded_ends_it_quietly(shell: str, code: int, *, printed: bool) -> None:
    """No traceback; and where the shell has it ignored, as in the background of a script, it stays ignored."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, shell], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    assert bool(done.stdout) == printed


def test_the_installed_command_begins_there() -> None:
    """The script that installers make."""
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="user-miner")
    assert script.load() is main
