"""``run --require-journal``: no second journal is begun by a wrong folder; and what is said where one is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.kit import Command, is_one_line, nothing_was_sent
from tests.kit import HOTKEY
from tests.world import World


@pytest.mark.parametrize("made", [(), ("folder",), ("folder", "LOCK"), ("folder", "snapshots/")])
def test_no_journal_is_begun(here: World, command: Command, made: tuple[str, ...]) -> None:
    """Exit code 2 and one line: where it looked, and what to do. Nothing is sent, paid or made."""
    place = here.folder / "elsewhere"
    for name in made:
        (place / HOTKEY / name.replace("folder", "")).mkdir(parents=True, exist_ok=True)
    code, _, errors = command("run", "--require-journal", "--journal", place)
    assert code == 2
    assert is_one_line(errors, f"there is no journal in {place / HOTKEY}: set JOURNAL_DIR", f"holds {HOTKEY}")
    assert nothing_was_sent(here)
    assert place.exists() == bool(made)


def test_the_line_names_the_journal_that_this_machine_knows(here: World, command: Command) -> None:
    """As after an update whose new folder holds none; a dry run has a journal of its own, which is none of that."""
    here.mine()
    for kind in ((), ("--dry-run",)):
        code, _, errors = command("run", "--require-journal", "--journal", "elsewhere", *kind)
        assert code == 2
        assert is_one_line(errors, f"(this hotkey mined on {here.journal / HOTKEY} before)")
    assert not Path("elsewhere").exists()


def test_a_journal_that_is_there_goes_on(here: World, command: Command) -> None:
    """The flag may stay where a service is started from."""
    here.mine()
    here.sandbox.next_window()
    here.sandbox.advance_posts(1800)
    code, _, errors = command("run", "--require-journal", "--windows", "1")
    assert code == 0, errors
    assert here.names().count("JournalCreated") == 1
    assert here.state().totals.windows == 2


def test_a_second_journal_is_said_at_the_start(here: World, command: Command) -> None:
    """Without the flag the log warns, and `doctor` does so before."""
    here.mine()
    _, out, _ = command("doctor", "--journal", "elsewhere")
    (line,) = (line for line in out.splitlines() if line.split()[:2] == ["warning", "journal"])
    assert f"it mined on {here.journal / HOTKEY} before; fix: set JOURNAL_DIR to {here.journal}, unless" in line
    here.sandbox.next_window()
    here.sandbox.advance_posts(1800)
    code, _, errors = command("run", "--windows", "1", "--journal", "elsewhere")
    assert code == 0
    assert errors.count("mined on") == 1
    assert f"{here.journal / HOTKEY} before, and now on ".replace(" ", "") in "".join(errors.split())
