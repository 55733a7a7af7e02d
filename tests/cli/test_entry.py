"""Where the command begins."""

from __future__ import annotations

import importlib.metadata
import signal
import subprocess
import sys

import pytest

from tests.docs.kit import ROOT
from tests.users import as_first_process
from user_miner.__main__ import main

# A signal comes while a module is looked for.
INTERRUPTED = """
import signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            signal.raise_signal(number)

sys.meta_path.insert(0, Interrupting())
_, module, number, *sys.argv = sys.argv
number = signal.Signals[number]
if sys.argv.pop() == "ignored":
    signal.signal(number, signal.SIG_IGN)
from user_miner.__main__ import main
main()
"""


def interrupted(*words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command that gets a signal when that module is looked for: module, signal, command line, its shell's word."""
    command = [*before, sys.executable, "-c", INTERRUPTED, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("shell", "code", "printed"), [("", -signal.SIGINT, False), ("ignored", 0, True)])
def test_ctrl_c_while_it_is_loaded_ends_it_quietly(shell: str, code: int, *, printed: bool) -> None:
    """No traceback; and where the shell has it ignored, as in the background of a script, it stays ignored."""
    done = interrupted("typer", "SIGINT", "user-miner", "--version", shell)
    assert (done.returncode, done.stderr) == (code, "")
    assert bool(done.stdout) == printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_process_of_a_container_hears_a_signal_while_it_is_loaded(number: signal.Signals) -> None:
    """Linux drops for it what it has no handler for; it cannot die of a signal, so its exit code tells of it."""
    done = interrupted("typer", number.name, "user-miner", "--version", "", before=as_first_process())
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")


def test_a_command_that_is_being_loaded_hears_sigterm_as_first_process() -> None:
    """From the first line to the command's own handler there is no gap."""
    done = interrupted("user_miner.commands.run", "SIGTERM", "user-miner", "run", "", before=as_first_process())
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", "")


def test_the_installed_command_begins_there() -> None:
    """The script that installers make."""
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="user-miner")
    assert script.load() is main


def test_the_package_is_a_program() -> None:
    """`python -m user_miner` is the command."""
    done = subprocess.run([sys.executable, "-m", "user_miner", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("user-miner ")
