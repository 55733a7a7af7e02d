"""Who is told of alarms: one message when one begins and one when it ends, by miners that nothing of it holds up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.edges.messages import Message, NotSentError
from actor.machine.alarms import ALARMS, Alarm
from actor.metrics.telling import Announcements, Announcer
from actor.my_miner import MyMiner
from actor.settings.model import Settings, SettingsError, load_settings
from tests.cli.kit import running
from tests.hook import TOKEN, Hook, hook
from tests.kit import HOTKEY
from tests.patience import Stopwatch, wait_for
from tests.world import World

STARTED_MS = 1_000_000
HOURS_S = 3600.0


def alarm(name: str = "x_refused", since_ms: int | None = STARTED_MS) -> Alarm:
    """One that began with the process, or at another time."""
    return Alarm(name=name, since_ms=since_ms, words="X refuses", fix="set X_BEARER_TOKEN")


class Told:
    """A teller that is shown ``ringing`` and whose messages are kept, or are not taken."""

    def __init__(self) -> None:
        self.ringing: tuple[Alarm, ...] | None = ()
        self.titles: list[str] = []
        self.tried = 0
        self.works = True
        self.now_s = 0.0
        self._teller = Announcer(lambda: self.ringing, self._send, Announcements("5Grw", STARTED_MS))

    def _send(self, message: Message) -> None:
        self.tried += 1
        if not self.works:
            raise NotSentError("error=500")
        self.titles.append(message.title.removeprefix("user-miner: alarm "))

    def look(self, *ringing: Alarm, after_s: float = 1.0) -> list[str]:
        """Show it what rings so much later; all titles so far."""
        self.ringing = ringing
        self.now_s += after_s
        self._teller.step(self.now_s)
        return self.titles


def test_one_message_when_it_begins_and_one_when_it_ends() -> None:
    """However often it is looked at, and whatever other alarms do meanwhile."""
    told = Told()
    for _ in range(3):
        assert told.look(alarm()) == ["x_refused"]
    assert told.look(alarm(), alarm("disk", None)) == ["x_refused", "disk"]
    assert told.look(alarm("disk", None)) == ["x_refused", "disk", "x_refused is over"]
    assert told.look()[3:] == ["disk is over"]


def test_an_alarm_that_comes_and_goes_is_told_every_few_hours() -> None:
    """Once in four hours; one that is on then is told then, and one that was not told ends without a word."""
    told = Told()
    told.look(alarm())
    told.look()
    assert told.look(alarm()) == ["x_refused", "x_refused is over"]
    told.look()
    told.look(alarm())
    assert len(told.look(alarm(), after_s=3.9 * HOURS_S)) == 2
    assert told.look(alarm(), after_s=0.2 * HOURS_S)[2:] == ["x_refused"]


def test_what_began_before_the_start_was_told_by_the_process_before() -> None:
    """A restart repeats nothing; the end of it is news."""
    told = Told()
    assert told.look(alarm(since_ms=STARTED_MS - 1)) == []
    assert told.look() == ["x_refused is over"]


@pytest.mark.parametrize("name", ALARMS)
def test_what_was_on_at_the_start_is_over_however_soon(name: str) -> None:
    """Before anybody looked even: the process before told that it began."""
    titles: list[str] = []
    inherited: list[set[str]] = []
    teller = Announcer(
        tuple,
        lambda message: titles.append(message.title),
        Announcements("5Grw", STARTED_MS),
        lambda: inherited[0] if inherited else None,
    )
    teller.step(1.0)
    assert titles == [], "the journal is being opened"
    inherited.append({name})
    teller.step(2.0)
    teller.step(3.0)
    assert titles == [f"user-miner: alarm {name} is over"]


def test_nothing_is_told_before_the_miner_works() -> None:
    """A journal that is being opened rings and ends nothing."""
    told = Told()
    told.look(alarm())
    told.ringing = None
    told._teller.step(5.0)
    assert told.titles == ["x_refused"]


def test_what_is_not_taken_is_tried_every_minute_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """And told when it can be; an alarm that is over by then is not told at all."""
    caplog.set_level(logging.INFO)
    told = Told()
    told.works = False
    for _ in range(100):
        told.look(alarm(), alarm("disk", None))
    assert (told.tried, told.titles) == (2, [])
    (line,) = caplog.messages
    assert line == (
        "'user-miner: alarm x_refused' cannot be sent by NOTIFY_URL: error=500; it is tried again every 60 s; "
        "`user-miner doctor --notify` tries now"
    )
    told.works = True
    assert told.look(alarm("disk", None), after_s=60) == ["disk"]


@given(st.lists(st.tuples(st.sets(st.sampled_from(ALARMS)), st.booleans(), st.floats(0.5, 9000))))
def test_messages_about_one_alarm_alternate(looks: list[tuple[set[str], bool, float]]) -> None:
    """Beginning, end, beginning: whatever rings, fails and passes; never two beginnings in four hours."""
    told, began_s = Told(), dict[str, float]()
    for ringing, works, after_s in looks:
        told.works = works
        before = len(told.titles)
        for title in told.look(*(alarm(name) for name in sorted(ringing)), after_s=after_s)[before:]:
            name = title.removesuffix(" is over")
            mine = [other for other in told.titles if other.removesuffix(" is over") == name]
            assert mine == [name, f"{name} is over"] * (len(mine) // 2) + [name] * (len(mine) % 2)
            if title == name:
                assert told.now_s - began_s.get(name, -HOURS_S * 4) >= 4 * HOURS_S
                began_s[name] = told.now_s


def settings_of(world: World, address: str) -> Settings:
    """Those of a host's miner in this world that tells alarms there."""
    flags: dict[str, Any] = {name.lower(): value for name, value in world.settings(NOTIFY_URL=address).items()}
    return load_settings(world.folder / "none", **flags)


@pytest.fixture
def served() -> Iterator[Hook]:
    """A webhook."""
    with hook() as found:
        yield found


def test_a_miner_tells_that_x_refuses_and_that_it_does_no_more(make_world: Callable[..., World], served: Hook) -> None:
    """Over real HTTP, with what to change; no secret in message, journal or log."""
    world = make_world()
    world.sandbox.script("x.search", "401", times=1)
    with running(world, "--logging.debug", env=world.env(NOTIFY_URL=served.address)) as process:
        wait_for(lambda: served.titles() == ["user-miner: alarm x_refused"], "a message that it began")
        world.sandbox.next_window()
        wait_for(lambda: len(served.posted) == 2, "a message that it ended")
        code, output = world.stop(process)
    assert code == 0, output
    assert served.titles()[1] == "user-miner: alarm x_refused is over"
    text = served.posted[0]["message"]
    assert "To fix it: set X_BEARER_TOKEN to the bearer token" in text
    assert f"Miner {HOTKEY}." in text
    kept = b"".join(path.read_bytes() for path in world.journal.rglob("*") if path.is_file()).decode()
    told = str(served.posted)
    for secret in (TOKEN, world.sandbox.env()["X_BEARER_TOKEN"], world.sandbox.env()["API_KEY"]):
        assert secret not in output + kept + told
    assert "alarms are sent by JSON" in output


def test_a_start_that_mends_an_alarm_at_once_tells_that_it_is_over(
    make_world: Callable[..., World], served: Hook
) -> None:
    """The documented path: X refused, the operator mended that, and the restarted miner's first search succeeds."""
    world = make_world()
    world.sandbox.script("x.search", "401", times=1)
    world.mine()
    assert "x" in world.state().troubles
    world.sandbox.next_window()
    with running(world, env=world.env(NOTIFY_URL=served.address)) as process:
        wait_for(served.titles, "a message")
        code, output = world.stop(process)
    assert code == 0, output
    assert served.titles() == ["user-miner: alarm x_refused is over"]


def test_a_webhook_that_hangs_holds_up_nobody(make_world: Callable[..., World], served: Hook) -> None:
    """Mining goes on while it takes the message and says nothing, and SIGTERM ends the process within 5 seconds."""
    world = make_world()
    served.hold = threading.Event()
    world.sandbox.script("x.search", "401", times=1)
    with running(world, env=world.env(NOTIFY_URL=served.address)) as process:
        wait_for(lambda: served.posted, "a message")
        world.sandbox.next_window()
        wait_for(world.sandbox.ledger.api.accepted, "posts to be accepted")
        watch = Stopwatch(process.pid)
        code, output = world.stop(process)
        assert watch.seconds() < 5
    assert code == 0, output


def test_a_host_s_miner_tells_too(world: World, served: Hook) -> None:
    """``MyMiner`` reads the same setting."""
    world.sandbox.script("x.search", "403", times=1)
    with MyMiner(settings=settings_of(world, served.address)):
        wait_for(lambda: served.titles() == ["user-miner: alarm x_refused"], "a message")


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("planted-5512", "NOTIFY_URL: is no address: expected SCHEME://"),
        ("nonsense://planted-5512", "NOTIFY_URL: is no address that the library apprise can send to: expected"),
        ("json://planted 5512", "NOTIFY_URL: holds characters that no token has"),
    ],
)
def test_an_address_that_cannot_be_is_a_mistake_at_the_start(world: World, address: str, line: str) -> None:
    """Exit code 2 and a line without a part of it; nothing is asked or written."""
    code, output = world.run(env=world.env(NOTIFY_URL=address))
    assert (code, "planted" in output, line in output) == (2, False, True), output
    assert world.sandbox.ledger.x.exchanges() == []
    assert not world.journal.exists()
    with pytest.raises(SettingsError, match="NOTIFY_URL"):
        MyMiner(settings=settings_of(world, address))
