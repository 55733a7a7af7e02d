"""What status tells of a journal, in JSON and in lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from actor.testing.made import polled
from audit.judge.audit import Audit
from audit.judge.text import as_text
from audit.rules.load import all_rules
from audit.status.fields import status_fields
from audit.status.holder import Holder
from audit.status.lines import brief_line, status_lines
from audit.status.look import Look
from events import catalogue as ev
from events.codec import changed
from events.journal import JournalReader
from tests.audit.replay_kit import hostile_story, write
from tests.kit import Drive, accepted, analysis_failed, failed, limited, rejected
from tests.status.kit import NOBODY, keep, looked

DAY_MS = 86_400_000


def told(tmp_path: Path, drive: Drive, later_s: float = 0.0, holder: Holder = NOBODY) -> dict[str, Any]:
    """The status some time after the last record."""
    return looked(write(tmp_path / "j", drive), drive.at_ms + round(later_s * 1000), holder)


def text(fields: dict[str, Any]) -> str:
    """The lines."""
    return "\n".join(str(line) for line in status_lines(fields))


def stands(fields: dict[str, Any]) -> dict[str, str]:
    """What each post stands at."""
    return {post["id"]: post["stands"] for post in fields["posts"]}


def test_the_record_is_named_with_its_age(tmp_path: Path) -> None:
    """What is told holds for this record, which is so old."""
    drive = Drive().start().window(7)
    found = told(tmp_path, drive, later_s=90)
    assert found["record"] | {"hash": None} == {
        "seq": 3,
        "event": "WindowOpened",
        "at": "2026-11-22T14:32:05.123Z",
        "age_s": 90.0,
        "hash": None,
        "snapshot_seq": None,
        "tail_bytes": 0,
    }
    assert found["record"]["hash"] == drive.head.hash
    assert "record       3 WindowOpened, 1 min 30 s ago\n" in text(found)


def test_a_clock_that_was_set_back_is_told(tmp_path: Path) -> None:
    """An age below nothing is no age."""
    found = told(tmp_path, Drive().start(), later_s=-5)
    assert found["record"]["age_s"] == -5
    assert "unknown time (the clock went back) ago" in text(found)


@pytest.mark.parametrize(
    ("holder", "stopped", "words"),
    [
        (
            Holder(holds="yes", pid=12, since_ms=1_795_358_000_000, lives=True),
            False,
            "12 holds the journal since 2026-11-22T",
        ),
        (Holder(holds="yes", pid=12), False, "12 holds the journal; version 0.1.0, epoch 1"),
        (NOBODY, True, "none; the last one stopped cleanly"),
        (Holder(holds="no", pid=12, lives=False), True, "none; the last one stopped cleanly; version"),
        (Holder(holds="no", pid=12, lives=False), False, "no goodbye; LOCK is stale, its process 12 is gone"),
        (Holder(holds="no", pid=12, lives=True), False, "LOCK is stale, its process 12 runs, but does not hold"),
        (NOBODY, False, "none; the last one was killed or crashed"),
        (
            Holder(holds="unknown", pid=1, host="box"),
            False,
            "cannot be seen from here: LOCK names process 1 on host box",
        ),
    ],
)
def test_the_process_is_told(tmp_path: Path, holder: Holder, words: str, *, stopped: bool) -> None:
    """Who holds the journal, or what became of the last one that did."""
    drive = Drive().start()
    if stopped:
        drive.on(ev.ActorStopped(reason="SIGTERM", posts_processed=0))
    line = next(line for line in text(told(tmp_path, drive, holder=holder)).splitlines() if line.startswith("process"))
    assert words in line


def test_uptime_is_that_of_the_process(tmp_path: Path) -> None:
    """Since it took the journal; a process that does not hold it has none."""
    drive = Drive().start()
    since_ms = drive.at_ms - 7_200_000
    assert told(tmp_path, drive, holder=Holder(holds="yes", pid=1, since_ms=since_ms))["process"]["uptime_s"] == 7200
    assert told(tmp_path, drive, holder=Holder(holds="no", pid=1, since_ms=since_ms))["process"]["uptime_s"] is None


def test_the_countdown_is_an_estimate_from_what_was_told(tmp_path: Path) -> None:
    """R11: no block is extrapolated; the estimate names the told block, its age and the pace it reckons with."""
    drive = Drive().start().window(7, current_block=710)
    coming = told(tmp_path, drive, later_s=60)["next_window"]
    assert (coming["block"], coming["told_block"], coming["told"]["age_s"]) == (800, 710, 60.0)
    assert (coming["block_s"], coming["block_s_is"]) == (12.0, "nominal")
    assert coming["estimated_in_s"] == 90 * 12 - 60
    drive.at_ms += 190 * 6_000
    drive.window(9, current_block=900)
    found = told(tmp_path, drive, later_s=30)
    assert (found["next_window"]["block_s"], found["next_window"]["estimated_in_s"]) == (6.0, 570.0)
    assert "in about 9 min 30 s, at block 1000: an estimate from block 900, told 30.0 s ago" in text(found)
    late = text(told(tmp_path, drive, later_s=660))
    assert "due for about 1 min 00 s, at block 1000" in late


def test_posts_are_told_with_analyses_and_verdicts(tmp_path: Path) -> None:
    """Each stage that a post can be in, until another window is worked on."""
    drive = Drive(ev.Policy(on_analysis_error="skip")).start().window(7).scraped(1, 2, 3, 4, 5)
    assert set(stands(told(tmp_path, drive)).values()) == {"to be analyzed"}
    drive.on(analysis_failed("5"))
    drive.analyze_all()
    assert stands(told(tmp_path, drive))["5"] == "left out"
    first = drive.send()
    assert stands(told(tmp_path, drive))[first] == "being sent"
    drive.on(changed(accepted(first), selected_for_validation=True))
    second = drive.send()
    drive.on(rejected(second))
    third = drive.send()
    drive.on(limited(third, 700))
    found = told(tmp_path, drive)
    assert stands(found) == {first: "accepted", second: "rejected", third: "put off", "4": "put off", "5": "left out"}
    by_id = {post["id"]: post for post in found["posts"]}
    assert by_id[first]["selected_for_validation"] is True
    assert by_id[first]["tokens"]
    assert by_id[first]["score"] > 0
    assert "HTTP 409" in by_id[second]["text"]
    assert found["state"]["name"] == "Backoff"
    assert found["backoff"]["until_block"] == 800
    assert "a window at block 800 or later, after a 429" in text(found)
    drive.window(8)
    later = told(tmp_path, drive)
    assert {third, "4"} == {post["id"] for post in later["posts"] if post["stands"] == "to be sent"}


def test_a_backoff_says_what_it_waits_for(tmp_path: Path) -> None:
    """After a failed attempt: how long it lasts, and when it is over."""
    drive = Drive().start().batch(7, 1)
    drive.on(failed(drive.send(), 1))
    found = told(tmp_path, drive, later_s=1)
    assert (found["backoff"]["kind"], found["backoff"]["due_in_s"]) == ("retry", 2.0)
    assert "waits for 3 s after a failed attempt, until 2026-11-22T14:32:08.123Z" in text(found)
    assert "backoff      ends in 2.0 s" in text(found)
    drive.on(ev.BackoffElapsed(), after_s=3)
    drive.on(ev.EffectCrashed(effect="SubmitPost:1", post_id="1", error="a bug"))
    assert "12 s after a crash of" in text(told(tmp_path, drive))


def test_the_last_error_is_the_last_record_of_trouble(tmp_path: Path) -> None:
    """With its record and age; none is said to be none."""
    drive = Drive().start().batch(7, 1)
    assert told(tmp_path, drive)["last_error"] is None
    drive.on(failed(drive.send(), 1))
    drive.on(ev.BackoffElapsed(), after_s=3)
    found = told(tmp_path, drive, later_s=7)["last_error"]
    assert (found["event"], found["age_s"], found["seq"]) == ("SubmissionFailed", 10.0, drive.head.seq - 1)


def test_an_outage_is_told_with_its_beginning(tmp_path: Path) -> None:
    """While it lasts."""
    drive = Drive().start().window(7).scraped()
    drive.on(ev.ApiUnreachable(reason="no route"))
    found = told(tmp_path, drive, later_s=120)
    assert found["state"]["api_down"]["age_s"] == 120.0
    assert "API          does not answer; that began 2 min 00 s ago" in text(found)
    drive.on(ev.ApiRecovered())
    assert told(tmp_path, drive)["state"]["api_down"] is None


def test_costs_are_today_s_with_the_budgets(tmp_path: Path) -> None:
    """As the budgets reckon; yesterday's are not today's."""
    drive = Drive(ev.Policy(max_x_usd_per_day=5.0)).start().batch(7, 1).accept_all()
    today = told(tmp_path, drive)["today"]
    assert (today["day"], today["posts"], today["x_usd"], today["accepted"]) == ("2026-11-22", 10, 0.15, 1)
    assert today["budgets"] == {"x": {"limit_usd": 5.0, "spent_usd": 0.15}, "llm": None}
    assert "budget x $0.1500 of $5" in text(told(tmp_path, drive))
    per_post = {"accepted": 1, "x_usd": 0.15, "llm_usd": None}
    assert today["per_post"] == {"today": {"days": 1, **per_post}, "7_days": {"days": 7, **per_post}}
    assert "each post    today X at most $0.1500 (1 accepted); 7 days X at most $0.1500" in text(told(tmp_path, drive))
    tomorrow = told(tmp_path, drive, later_s=86_400)["today"]
    assert tomorrow["per_post"]["today"]["x_usd"] is None
    assert "each post    today none accepted; 7 days X" in text(told(tmp_path, drive, later_s=86_400))
    assert (tomorrow["day"], tomorrow["posts"], tomorrow["accepted"]) == ("2026-11-23", 0, 0)


def test_missed_windows_are_told_with_their_causes(tmp_path: Path) -> None:
    """Of the last 24 hours and of this day; of windows that nobody told, the share that lies within."""
    drive = Drive().start().batch(7, 1).accept_all()
    drive.at_ms += 1_200_000
    drive.window(8).scrape_failed()
    drive.on(ev.ApiUnreachable(reason="no route"), after_s=600)
    drive.on(ev.ApiRecovered(), after_s=47 * 3600)
    drive.batch(8 + 144, 2)
    found = told(tmp_path, drive)["windows"]
    assert found["last_24_h"]["why"]["API unreachable"] in range(70, 75), "of 143 in 47 hours, those of 24"
    assert found["last_24_h"]["used"] == 1, "the newest one"
    whole = looked(tmp_path / "j", drive.at_ms - 47 * 3_600_000)["windows"]["last_24_h"]
    assert (whole["seen"], whole["used"], whole["undecided"]) == (146, 2, 0)
    assert whole["why"] == {"scrape failed": 1, "API unreachable": 143}


def test_windows_are_counted_as_an_audit_counts_them(tmp_path: Path) -> None:
    """The same numbers in the same words, wherever the journal of a day ends: before, amid and after its windows."""
    drive = Drive().start().batch(7, 1, 2).accept_all()
    drive.window(8).scrape_failed().window(9).scraped().window(10)
    drive.on(ev.ActorStopped(reason="x", posts_processed=2))
    drive.start().batch(11, 3).accept_all().window(12)
    for count in range(1, len(drive.lines) + 1):
        shorter = Drive()
        shorter.lines = drive.lines[:count]
        journal = write(tmp_path / "j", shorter)
        found = looked(journal, drive.at_ms)
        audit = Audit(all_rules((), ()), journal)
        for record in JournalReader(journal):
            audit.take(record)
        report = audit.report()
        windows = report.accounts.windows
        audited = {"seen": windows.seen, "used": windows.used, "undecided": windows.undecided, "why": windows.missed}
        missed = sum(windows.missed.values())
        assert found["windows"]["last_24_h"] == {**audited, "missed": missed}
        if windows.seen:
            (line,) = (line for line in as_text(journal, report, 0).splitlines() if line.startswith("windows "))
            assert line.removeprefix("windows").strip() in text(found)


def test_what_validators_told_stands_beside_the_posts(tmp_path: Path) -> None:
    """Scores, judgements, and why a post was refused."""
    drive = Drive().start().batch(7, 1, 2).accept_all()
    drive.on(ev.ScoreObserved(validator="v", start_block=700, end_block=800, score=0.75))
    drive.on(
        ev.ValidationObserved(validator="v", validation_id="a", post_id="1", passed=True),
        ev.ValidationObserved(
            validator="v", validation_id="b", post_id="2", passed=False, code="text", reason="text differs"
        ),
    )
    found = told(tmp_path, drive)
    by_id = {post["id"]: post["validators"] for post in found["posts"]}
    assert by_id["1"] == {"verdict": "confirmed", "confirmed": 1, "refused": 0, "why": None}
    assert by_id["2"] == {"verdict": "refused", "confirmed": 0, "refused": 1, "why": "text differs"}
    assert found["feedback"]["last_score"]["mean"] == 0.75
    lines = text(found)
    assert "scores       1 told; the last for blocks 700 to 800: 0.75" in lines
    assert "1 post(s) confirmed, 1 refused, 0 disputed (1 text)" in lines
    assert "0 confirmed, 1 refused (text differs)" in lines


def test_nothing_from_outside_steers_a_terminal(tmp_path: Path) -> None:
    """Whatever posts, servers and validators wrote: at every record, in lines and in one line."""
    drive = hostile_story()
    journal = tmp_path / "j"
    for count in range(1, len(drive.lines) + 1):
        shorter = Drive()
        shorter.lines = drive.lines[:count]
        found = looked(write(journal, shorter), drive.at_ms)
        shown = [str(line) for line in status_lines(found)]
        assert all(line.isprintable() for line in [*shown, brief_line(found)])
        assert orjson.loads(orjson.dumps(found)) == found


def test_a_dry_run_says_so(tmp_path: Path) -> None:
    """Nothing is sent under its journal."""
    drive = Drive()
    drive.on(ev.JournalCreated(hotkey="h", netuid=45, api_url="http://127.0.0.1", dry_run=True))
    found = told(tmp_path, drive)
    assert found["dry_run"] is True
    assert "a dry run: nothing is sent" in text(found)


def test_a_journal_without_a_window_says_so(tmp_path: Path) -> None:
    """Before the API's first answer."""
    found = told(tmp_path, Drive().start())
    assert (found["window"], found["next_window"], found["posts"]) == (None, None, [])
    assert "waits for the first window" in text(found)
    assert "window       none was told yet" in text(found)


@pytest.mark.parametrize(("free", "name"), [(0, "disk_full"), (3 << 20, "disk_full"), (9 << 20, "disk")])
def test_a_disk_without_room_is_an_alarm(tmp_path: Path, free: int, name: str) -> None:
    """By the room that is seen, also where no record could be written of it."""
    drive = Drive().start().window(7)
    look = Look(write(tmp_path / "j", drive), drive.at_ms)
    look.refresh()
    look.free_bytes = free
    found = status_fields(look, NOBODY, drive.at_ms)
    assert [alarm["name"] for alarm in found["alarms"]] == [name]
    assert f"alarm        {name}" in text(found)


def test_an_alarm_is_told_with_what_to_change(tmp_path: Path) -> None:
    """In JSON, in a line of its own near the top, in the one line of a pipe; the posts that are held say so."""
    drive = Drive(ev.Policy(on_analysis_error="hold")).start().window(7).scraped(1, 2)
    assert told(tmp_path, drive)["alarms"] == []
    drive.on(analysis_failed("1", "model"))
    found = told(tmp_path, drive, later_s=90)
    (alarm,) = found["alarms"]
    assert (alarm["name"], alarm["age_s"], "model: HTTP 4xx" in alarm["words"]) == ("analysis_refused", 90, True)
    assert "MODEL" in alarm["fix"]
    assert "alarm        analysis_refused, 1 min 30 s ago: the LLM's server refuses every analysis" in text(found)
    assert "to fix it: set MODEL" in text(found)
    assert brief_line(found).startswith("alarm analysis_refused; record ")
    assert set(stands(found).values()) == {"held until it can be analyzed"}
    assert found["state"]["waits_for"].endswith("block 800, to ask again about 2 held post(s)")
    assert alarm["current"]
    found = told(tmp_path, drive.start())
    assert not found["alarms"][0]["current"]
    assert ": before the last start the LLM's server refused every analysis" in text(found)
    assert brief_line(found).startswith("alarm analysis_refused (from before the last start); record ")
    later = told(tmp_path, drive.analyze_all())
    assert later["alarms"] == []
    assert [post["text"] for post in later["posts"]] == ["", ""]


def test_what_the_hotkey_earns_is_told_as_the_chain_told_it(tmp_path: Path) -> None:
    """The last answer with its age; nothing where it was never asked; a place that is lost or nearly is bad."""
    drive = Drive(ev.Policy(chain_poll_s=1800.0)).start()
    assert looked(keep(tmp_path / "none", drive), drive.at_ms, NOBODY)["chain"] is None
    drive.on(polled(), after_s=60)
    well = looked(keep(tmp_path / "well", drive), drive.at_ms + 5_000, NOBODY)
    assert {name: well["chain"][name] for name in ("uid", "rank", "age_s", "at_risk")} == {
        "uid": 12,
        "rank": 34,
        "age_s": 5.0,
        "at_risk": False,
    }
    assert earnings_line(well) == (
        "3.500 alpha a day (0.0140 TAO); uid 12, rank 34 of 190 miners; told 5.0 s ago",
        "plain",
    )
    drive.on(polled(places_before=2, tao_per_alpha=None), ev.ChainPollFailed(kind="timeout", reason="x"), after_s=60)
    text, tone = earnings_line(looked(keep(tmp_path / "risk", drive), drive.at_ms, NOBODY))
    assert (text, tone) == (
        (
            "3.500 alpha a day; uid 12, rank 34 of 190 miners; 2 hotkeys can register before its place is given away; "
            "told 1 min 00 s ago"
        ),
        "bad",
    )
    drive.on(ev.ChainPolled(block=7, miners=3))
    text, tone = earnings_line(looked(keep(tmp_path / "lost", drive), drive.at_ms, NOBODY))
    assert (text.startswith("none: the hotkey is not registered on the subnet"), tone) == (True, "bad")


def earnings_line(fields: dict[str, Any]) -> tuple[str, str]:
    """The line's text and tone."""
    ((text, tone),) = [(line.text, line.tone) for line in status_lines(fields) if line.label == "earnings"]
    return text, tone
