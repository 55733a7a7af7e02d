"""Servers that take a connection and say nothing, firewalls that drop, answers that drip, files that hang."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from actor.edges.threads import run_loop
from tests.cli.kit import Command
from tests.doctor.kit import Look, black_hole, exactly, look, silent
from tests.kit import HOTKEY
from tests.patience import GIVE_UP_S, Stopwatch, patiently
from tests.world import World
from user_miner.doctor.patient import examine
from user_miner.doctor.report import Check
from user_miner.doctor.rounds import Rounds
from user_miner.doctor.runner import run_probes

TIMEOUT_S = 0.3
# The paid questions first load their clients, which takes seconds on a busy machine.
LATEST_S = 8.0


def rounds(folder: Path, *, chain: bool = False, paid: bool = False) -> list[Check]:
    """All checks by this process's environment, with short limits; they end in time."""
    patient = examine(folder / "none", named=False, flags={})
    visit = Rounds(patient, timeout_s=TIMEOUT_S, chain=chain, search=paid, llm=paid, notify=paid, reading_s=GIVE_UP_S)
    watch = Stopwatch()
    found = run_loop(run_probes(visit.probes(), redact=patient.redact, on_done=lambda _done, _total: None))
    assert watch.seconds() < LATEST_S
    return found


def named(found: list[Check], name: str) -> Check:
    """The only line of this name."""
    (check,) = [check for check in found if check.name == name]
    return check


def not_ok(found: Look) -> set[str]:
    """The names of the lines that are not "ok"."""
    return {name for name, level in found.levels().items() if level != "ok"}


def is_late(check: Check, *words: str) -> bool:
    """Whether no answer came; one operation and the whole question have the same limit, and either may be noticed."""
    return (
        exactly(check, "failure", *words)
        and re.search(r"no (connection|(whole )?answer) (in time|within)", check.found) is not None
    )


@pytest.mark.parametrize("server", [silent, black_hole])
def test_servers_that_never_answer(
    here: World, monkeypatch: pytest.MonkeyPatch, server: Callable[[], AbstractContextManager[str]]
) -> None:
    """All of them at once take no longer than one, and each has its own line."""
    with server() as address:
        for name, path in (("MINER_API_URL", ""), ("X_API_BASE", "/2"), ("LLM_BASE", "/v1")):
            monkeypatch.setenv(name, f"http://{address}{path}")
        monkeypatch.setenv("LLM_TIMEOUT_SECONDS", str(TIMEOUT_S))
        found = rounds(here.folder, paid=True)
    for name in ("api", "x", "llm"):
        assert is_late(named(found, name), address, "start what serves")
    for name in ("x-search", "llm-answer"):
        assert named(found, name).level == "failure"
    assert named(found, "disk").level == "ok"


def test_a_node_that_never_answers(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain has the same limit, once bittensor is loaded."""
    import bittensor  # noqa: F401, PLC0415  (a second, which is not the node's)

    with silent() as address:
        monkeypatch.setenv("SUBTENSOR_NETWORK", f"ws://{address}/key-4711")
        found = rounds(here.folder, chain=True)
    assert exactly(named(found, "chain"), "failure", address, "no answer within 0.3 s")
    assert "key-4711" not in str(found)


@pytest.mark.parametrize("fault", ["hang", "drip", "slow"])
def test_stand_ins_that_are_too_slow(here: World, fault: str) -> None:
    """No answer at all, one byte at a time, and one that comes too late."""
    for route in ("api.status", "x.usage", "llm.models"):
        here.sandbox.script(route, fault, seconds=1 if fault == "drip" else 3600)
    found = rounds(here.folder)
    for name in ("api", "x", "llm"):
        assert is_late(named(found, name))


def test_a_journal_that_could_hang(here: World) -> None:
    """A pipe in the place of HEAD holds up nobody: it is told for what it is."""
    journal = here.journal / HOTKEY
    journal.mkdir(parents=True)
    (journal / f"{1:020d}.jsonl").touch()
    os.mkfifo(journal / "HEAD")
    found = rounds(here.folder)
    assert exactly(named(found, "records"), "failure", "no regular file", "repair")
    assert named(found, "journal").level == named(found, "lock").level == "ok"
    assert not any(is_late(named(found, name)) for name in ("records", "identity", "budgets"))


def test_a_key_file_that_hangs(here: World) -> None:
    """A pipe is no key file, and nothing waits for it."""
    keyfile = here.folder / "wallets" / "default" / "hotkeys" / "default"
    keyfile.unlink()
    os.mkfifo(keyfile)
    assert exactly(named(rounds(here.folder), "wallet"), "failure", "is not a file", "WALLET_HOTKEY")


def test_the_flag_sets_the_limit(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """--timeout reaches the servers."""
    with silent() as address:
        monkeypatch.setenv("X_API_BASE", f"http://{address}/2")

        def looked(limit_s: float) -> Look:
            watch = Stopwatch()
            found = look(command, "--timeout", str(limit_s))
            assert watch.seconds() < LATEST_S + 2 * limit_s
            return found

        found = patiently(looked, is_late=lambda found: not_ok(found) != {"x"})
    assert found.code == 1
    assert found.says("x", "failure", address, "answer", "X_API_BASE")
    assert not_ok(found) == {"x"}
    assert here.sandbox.ledger.x.exchanges() == []
