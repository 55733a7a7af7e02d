"""A disk that is full: the miner stops at once, and goes on where it was when there is room again."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

from events.journal import JournalReader
from tests.cli.kit import Command, only_journal, running
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for


def test_a_full_disk_stops_the_miner_and_costs_nothing_twice(here: World, command: Command) -> None:
    """Exit code 1 and one line; the journal stays valid; the next start neither scrapes nor analyzes again."""
    here.sandbox.script("llm.chat", "slow", times=5, seconds=0.6)
    with running(here, env=here.env(LLM_CONCURRENCY="1")) as process:
        wait_for(lambda: "PostAnalyzed" in here.names(), "the first analysis")
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "T", "the stop")
        (segment,) = here.journal.glob("*/*.jsonl")
        room = segment.stat().st_size + 10  # of the next record a few bytes go, as on a disk that fills up
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("user-miner: ")
    assert "File too large" in last
    assert "ulimit -f" in last
    assert "Traceback" not in errors
    assert segment.stat().st_size == room
    journal = only_journal(here)
    assert [record.name for record in JournalReader(journal)][-1] == "PostAnalyzed"
    assert not here.sandbox.ledger.api.submits(), "nothing is sent on the strength of a record that is not on disk"
    here.sandbox.clear_faults()
    code, _, errors = command("run", "--windows", "1")
    assert code == 0, errors
    assert "TailRepaired" in here.names()
    assert here.sandbox.ledger.x.searches == 1
    assert len(here.sandbox.ledger.api.accepted()) == 5
    posts = here.sandbox.ledger.llm.posts()
    assert posts.count(posts[0]) == 1, "the analysis that is recorded was not paid for again"
    only_journal(here)
