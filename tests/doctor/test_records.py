"""Whether the journal is whole and ours, and what its day has cost."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from events.catalogue import Policy, Spent
from events.journal import GENESIS, JournalReader, verify_journal
from events.journal.layout import list_segments
from events.prices import Prices
from tests.cli.kit import Command, only_journal
from tests.docs.kit import ROOT
from tests.doctor.kit import exactly, look
from tests.patience import Stopwatch
from tests.world import World, make_wallet
from user_miner.doctor.journal import budget_checks, records_checks, spending_checks
from user_miner.doctor.report import Check

SAMPLE = ROOT / "journal" / "sample"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the sample, which has several segments."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "sample"))


def records(journal: Path | None, *, budget_s: float = 30.0, whole_bytes: int | None = None) -> Check:
    """What is said of a journal's records."""
    more = {} if whole_bytes is None else {"whole_bytes": whole_bytes}
    (check,) = records_checks(journal, budget_s=budget_s, **more)
    return check


def last_segment(journal: Path) -> Path:
    """The file that is written to."""
    return journal / list_segments(journal)[-1]


def test_a_whole_journal() -> None:
    """All records, read in this process, and when the last one was written."""
    report = verify_journal(SAMPLE)
    assert exactly(records(SAMPLE), "ok", f"all {report.records} are whole", "2026")
    assert exactly(records(None), "ok", "no journal yet")


def test_the_end_of_a_long_journal() -> None:
    """Only the last files are read, and the line says so."""
    total = verify_journal(SAMPLE).records
    check = records(SAMPLE, whole_bytes=300_000)
    assert exactly(check, "ok", f"of {total} are whole", "user-miner verify")
    assert 0 < int(check.found.split()[2]) < total / 3


def test_a_time_that_is_too_short() -> None:
    """It stops in time, says how far it came, and names the command that takes its time."""
    watch = Stopwatch()
    assert exactly(records(SAMPLE, budget_s=0.0), "warning", "could not be read whole", "user-miner verify")
    assert exactly(records(SAMPLE, budget_s=0.0, whole_bytes=1_000_000), "warning", "the time was up", "verify")
    assert watch.seconds() < 2


@pytest.mark.parametrize("whole_bytes", [None, 300_000])
def test_a_damaged_journal(sample: Path, whole_bytes: int | None) -> None:
    """File, place, reason and the way out, for a bit in the last file, a lost end and a lost HEAD."""
    segment = last_segment(sample)
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    assert exactly(records(sample, whole_bytes=whole_bytes), "failure", segment.name, "backup", "user-miner repair")
    segment.write_bytes(data[: data.index(b"\n") + 1])
    assert exactly(records(sample, whole_bytes=whole_bytes), "failure", "lost", "backup")
    (sample / "HEAD").unlink()
    assert exactly(records(sample, whole_bytes=whole_bytes), "failure", "HEAD", "backup")


def test_an_unfinished_write_is_no_damage(sample: Path) -> None:
    """The next start moves it away."""
    with last_segment(sample).open("ab") as file:
        file.write(b'{"seq":')
    assert exactly(records(sample), "ok", "no damage")


def test_a_foreign_file_among_the_segments(sample: Path) -> None:
    """It is named."""
    (sample / "copy.jsonl").touch()
    assert exactly(records(sample), "failure", "copy.jsonl", "backup")


def test_a_folder_without_records(tmp_path: Path) -> None:
    """As a first start leaves it that did not come far."""
    assert exactly(records(tmp_path), "ok", "none yet")


def test_a_journal_of_these_settings(here: World, command: Command) -> None:
    """Whole and ours; with a damaged one the costs of the day are not guessed."""
    here.mine()
    found = look(command)
    assert found.code == 0
    assert found.says("records", "ok", "whole")
    assert found.says("identity", "ok", "netuid 45", here.sandbox.api_base)
    segment = last_segment(only_journal(here))
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    found = look(command)
    assert found.code == 1
    assert found.says("records", "failure", segment.name)
    assert found.says("identity", "failure", segment.name)
    assert found.says("budgets", "skipped")
    assert found.says("alarms", "skipped")


def test_an_alarm_of_the_journal(here: World, command: Command) -> None:
    """A failure with what to change; a warning where it is from before the last start; without one a good word."""
    here.mine()
    assert look(command).says("alarms", "ok", "none is on")
    here.sandbox.script("llm.chat", "402", times=100)
    here.sandbox.next_window()
    here.sandbox.add_post("Bittensor SN45 is paid for no more")
    here.mine()
    found = look(command)
    assert found.code == 1
    assert found.says("alarms", "failure", "analysis_refused since 20", "quota: HTTP 402", "top up the account")
    here.sandbox.next_window()
    here.mine()  # and finds nothing new
    found = look(command)
    assert found.code == 0
    assert found.says("alarms", "warning", "analysis_refused since 20", "before the last start", "top up the account")


def test_a_journal_of_other_settings(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another hotkey's, another subnet's, another API's: as `run` would refuse it, with the way out."""
    here.mine()
    journal = only_journal(here)
    assert look(command, "--netuid", "46").says("identity", "failure", "netuid 45", "NETUID is 46")
    other = make_wallet(here.folder / "wallets", "//Bob", hotkey="bob")
    journal.rename(journal.with_name(other))
    found = look(command, "--wallet.hotkey", "bob")
    assert found.says("identity", "failure", f"belongs to hotkey {journal.name}", other, "JOURNAL_DIR")
    journal.with_name(other).rename(journal)
    monkeypatch.setenv("MINER_API_URL", here.sandbox.api_base.replace("127.0.0.1", "localhost"))
    found = look(command)
    assert found.says("identity", "failure", here.sandbox.api_base, "--move-api")
    assert command("run", "--windows", "1", "--move-api")[0] == 0
    assert look(command).says("identity", "ok", "http://localhost:")


def test_a_journal_of_another_build(here: World, command: Command) -> None:
    """A record that this build does not know is a failure; so `run` would say."""
    here.mine()
    journal = only_journal(here)
    segment, hashed = last_segment(journal), GENESIS.hash
    written = b""
    for line in segment.read_bytes().replace(b'"event":"ActorStopped"', b'"event":"ActorVanished"').splitlines():
        prefix = line.rpartition(b',"hash"')[0]
        hashed = hashlib.sha256(hashed.encode() + prefix).hexdigest()
        written += prefix + f',"hash":"{hashed}"}}\n'.encode()
    segment.write_bytes(written)
    found = look(command)
    assert found.says("identity", "failure", "does not agree", "ActorVanished", "user-miner check")


def policy(**more: object) -> Policy:
    """A policy with budgets."""
    prices = Prices(llm_usd_per_million_prompt_tokens=1.0, llm_usd_per_million_completion_tokens=2.0)
    return Policy(**{"prices": prices, **more})  # type: ignore[arg-type]


def budget(spent: Spent, **more: object) -> Check:
    """What is said of one budget."""
    (check,) = budget_checks(policy(**more), spent)
    return check


def test_no_budget_says_what_may_be_spent() -> None:
    """By window and by day, at the settings' prices."""
    assert exactly(budget(Spent()), "ok", "none set", "$0.15 a window", "$10.80 a day")
    assert exactly(budget(Spent(), max_search_pages=2), "ok", "$0.30 a window", "$21.60 a day")


@pytest.mark.parametrize(
    ("spent", "level", "words"),
    [
        (Spent(), "ok", ("$2", "$0.0000", "13 window(s)")),
        (Spent(posts=100, users=100), "ok", ("$1.5000", "3 window(s)")),
        (Spent(posts=124, users=124), "warning", ("$1.8600", "none is searched before 00:00 UTC", "MAX_X_USD_PER_DAY")),
        (Spent(posts=500), "warning", ("$2.5000", "raise MAX_X_USD_PER_DAY")),
    ],
)
def test_the_budget_for_x(spent: Spent, level: str, words: tuple[str, ...]) -> None:
    """What is left against the most that the next window can cost."""
    assert exactly(budget(spent, max_x_usd_per_day=2.0), level, *words)


@pytest.mark.parametrize(
    ("spent", "level", "words"),
    [
        (Spent(), "ok", ("MAX_LLM_USD_PER_DAY is $0.01",)),
        (Spent(prompt_tokens=5_000, largest_prompt=500), "ok", ("$0.0050", "2 window(s)")),
        (Spent(prompt_tokens=8_000, largest_prompt=500), "warning", ("$0.0080", "none is searched", "raise")),
        (Spent(completion_tokens=5_000), "warning", ("$0.0100", "raise MAX_LLM_USD_PER_DAY")),
    ],
)
def test_the_budget_for_the_llm(spent: Spent, level: str, words: tuple[str, ...]) -> None:
    """By the dearest analysis of the day."""
    assert exactly(budget(spent, max_llm_usd_per_day=0.01), level, *words)


def test_today_s_costs_are_those_of_the_journal(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of five posts and users, and tomorrow nothing of it."""
    here.mine()
    monkeypatch.setenv("MAX_X_USD_PER_DAY", "0.16")
    found = look(command)
    assert found.says("budgets", "warning", "MAX_X_USD_PER_DAY is $0.16", "none is searched", "raise")
    assert found.code == 0
    journal = only_journal(here)
    (last,) = list(JournalReader(journal))[-1:]
    (tomorrow,) = spending_checks(journal, policy(max_x_usd_per_day=0.16), last.at_ms + 86_400_000)
    assert exactly(tomorrow, "ok", "$0.0000 of it is spent today")
