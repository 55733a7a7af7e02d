"""What a line of the log looks like for people: short, whole, and without a secret even where it is broken."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from actor.compose import log_record
from actor.edges.text import Redactor
from actor.machine import State
from actor.machine.history import folded
from events import catalogue as ev
from events.describe import describe
from events.journal import JournalReader, Record
from events.prices import Prices
from tests.docs.kit import ROOT
from tests.kit import Drive
from tests.world import World
from user_miner.logs import JsonFormat, TextFormat

WIDTH = 120
RECORDED = [ROOT / "journal" / "sample", *sorted((ROOT / "tests" / "journal" / "recorded" / "v1").iterdir())]


def said(tell: Callable[[], None], form: logging.Formatter) -> str:
    """What the miner's logger writes in this form."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(form)
    log = logging.getLogger("actor")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        tell()
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
    return stream.getvalue()


def plain() -> TextFormat:
    """Without secrets and colours."""
    return TextFormat(lambda text: text, colors=False)


def history(journal: Path) -> list[tuple[Record, State]]:
    """Its records, as far as they are whole."""
    return list(folded(JournalReader(journal)))


@pytest.mark.parametrize("journal", RECORDED, ids=lambda path: path.name)
def test_every_record_s_line_is_short_and_whole(journal: Path) -> None:
    """Each under 120 characters, and together they say all that the event says, and its seq."""
    for record, state in history(journal):
        lines = said(lambda r=record, s=state: log_record(r, s), plain()).splitlines()  # type: ignore[misc]
        assert [line for line in lines if len(line) >= WIDTH] == []
        assert [line for line in lines[1:] if not line.startswith("    ")] == []
        whole = "".join("".join(lines).split())
        assert whole.endswith("".join(f"{describe(record.event())} seq={record.seq}".split()))


def test_what_a_good_day_says_needs_one_line_each() -> None:
    """Ordinary records of the sample, which has every kind of them."""
    usual = {
        "WindowOpened",
        "PostsScraped",
        "SubmissionStarted",
        "SubmissionAccepted",
        "CheckpointSigned",
        "ActorStopped",
    }
    for record, state in history(ROOT / "journal" / "sample"):
        if record.name in usual and (record.name != "PostsScraped" or not record.data["unusable"]):
            line = said(lambda r=record, s=state: log_record(r, s), plain())  # type: ignore[misc]
            assert line.count("\n") == 1, line


def test_a_window_ends_with_what_its_posts_cost() -> None:
    """X and the LLM together, today and in 7 days; nothing where no post was ever taken."""
    drive = Drive(ev.Policy(prices=Prices(x_usd_per_post=0.004, x_usd_per_user=0.011))).start()

    def line() -> str:
        drive.sign()
        return said(lambda: log_record(drive.records[-1], drive.state), plain()).partition("] ")[2]

    drive.window(7).scraped()
    assert line().startswith("checkpoint of record ")
    drive.batch(8, 1, 2, 3).accept_all()
    assert line().startswith("a post: $0.1000 today, $0.1000 in 7 days; checkpoint of record ")
    drive.at_ms += 86_400_000
    drive.window(100).scraped()
    assert line().startswith("a post: none today, $0.1500 in 7 days; checkpoint of record ")


def test_a_run_s_lines_are_short(world: World) -> None:
    """At every level, with failures, a restart and a 429 in it."""
    for _ in range(2):
        for fault, times in (("500", 1), ("ok", 2), ("409", 1), ("429", 1)):
            world.sandbox.script("api.submit", fault, times=times)
        code, out = world.run("--windows", "1", env=world.env(LOG_LEVEL="debug"))
        assert code == 0
        assert out.count("posts_processed") == 1
        assert [line for line in out.splitlines() if len(line) >= WIDTH] == []
        world.sandbox.next_window()


def test_a_line_break_hides_no_secret_from_the_redactor() -> None:
    """Wherever it stands in a long line."""
    secret = "sk-" + "0123456789 abcdef " * 4 + "end"
    for before in range(100):
        text = f"{'x' * before} {secret} after"
        shown = said(lambda t=text: logging.getLogger("actor").warning("%s", t), _redacting(secret))  # type: ignore[misc]
        assert "0123" not in shown
        assert "abcdef" not in shown
        assert "after" in shown


def _redacting(secret: str) -> TextFormat:
    return TextFormat(Redactor({secret}), colors=False)


def test_a_traceback_stays_as_it_is() -> None:
    """Its lines are Python's, and each begins where it did."""
    text = 'EffectX crashed: Traceback:\n  File "x.py", line 1\n' + "y" * 200
    shown = said(lambda: logging.getLogger("actor").error("%s", text), plain())
    assert shown.endswith('\n  File "x.py", line 1\n' + "y" * 200 + "\n")


def test_a_coloured_line_breaks_where_a_plain_one_does() -> None:
    """The colour takes no room."""

    def tell() -> None:
        logging.getLogger("actor").warning("word " * 60)

    coloured = said(tell, TextFormat(lambda text: text, colors=True))
    assert coloured.count("\033[33mwarning\033[0m") == 1
    assert coloured.replace("\033[33m", "").replace("\033[0m", "").split()[1:] == said(tell, plain()).split()[1:]


def test_a_machine_gets_one_object_a_line() -> None:
    """With kind and state, however long it is."""
    record, state = history(ROOT / "journal" / "sample")[3]
    shown = said(lambda: log_record(record, state), JsonFormat(lambda text: text))
    assert shown.count("\n") == 1
    assert f'"kind": "{record.name}", "seq": {record.seq}, "state": "{state.state}"' in shown
