"""SIGHUP and ``MyMiner.reload_settings``: what a running miner takes over is recorded and used, and nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from bittensor_core import Keypair

from actor import MyMiner
from actor.chain_end import ChainEnd
from actor.edges.hotkey import signer_from_keypair
from actor.perform import Performer
from actor.ports import Scraped
from actor.runtime import Actor, ActorConfig
from actor.settings.model import Settings, check_settings, read_sources
from actor.settings.reload import RELOADABLE, Reloader
from actor.settings.sources import Sources
from actor.testing.clock import VirtualClock, settle
from actor.testing.edges import ScriptedAnalyzer, ScriptedScraper, scripted_ports
from events.catalogue import ActorStarted, ActorStopped, JournalCreated, Policy, SettingsChanged
from events.codec import changed
from events.effects import AnalyzePost
from events.journal import MemoryJournal
from events.journal.tenure import Tenure
from tests.cli.kit import only_journal, running
from tests.kit import HOTKEY, Drive
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for

SECRET: Final = "planted-3b9c"  # noqa: S105  (planted to be found)


def write(world: World, **values: str) -> Path:
    """The settings file, which alone gives these values."""
    file = world.folder / ".miner_env"
    file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
    return file


def changes(world: World) -> list[SettingsChanged]:
    """What was recorded of settings."""
    return [event for record, _ in world.history() if isinstance(event := record.event(), SettingsChanged)]


def queries(world: World) -> list[str]:
    """What X was asked, in order."""
    return [exchange.facts["params"]["query"] for exchange in world.sandbox.ledger.x.exchanges("x.search")]


def test_a_signal_changes_what_the_next_search_asks_for(world: World) -> None:
    """A real process: recorded, used by the next window, the rest named without secrets; a wrong file is harmless."""
    log = world.folder / "log"
    good = {"SEARCH_KEYWORDS": "tao,sub net", "SAMPLING": "top", "LLM_CONCURRENCY": "2", "LOG_LEVEL": "debug"}
    write(world, SEARCH_KEYWORDS="bittensor", BATCH_HTTP_TIMEOUT="30")
    with running(world, env=world.env(LOG_FILE=str(log))) as process:

        def reload(told: str, **values: str) -> None:
            write(world, **values)
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: told in " ".join(log.read_text().split()), told)

        wait_for(lambda: "CheckpointSigned" in world.names(), "the first window")
        reload("settings changed: ", **good, BATCH_HTTP_TIMEOUT="20", HOTKEY_PASSWORD=SECRET, NETUDI="4")
        reload("settings not reloaded, because of errors: ", **good, NETUID="x", API_KEYS=SECRET)
        reload("settings reloaded: nothing has changed", **good)
        world.sandbox.add_post("tao rises")
        world.sandbox.next_window()
        wait_for(lambda: len(queries(world)) == 2, "the next search")
        code, _ = world.stop(process)
    assert code == 0
    (change,) = changes(world)
    assert change.names == ("SEARCH_KEYWORDS", "SAMPLING", "LLM_CONCURRENCY", "LOG_LEVEL")
    assert (change.policy.search_keywords, change.policy.sampling) == (("tao", "sub net"), "top")
    assert [query.partition(" -is")[0] for query in queries(world)] == ["(bittensor)", '(tao OR "sub net")']
    assert world.state().policy == change.policy
    told = log.read_text()
    assert SECRET not in told
    for line in (
        "SEARCH_KEYWORDS changes from bittensor to tao,sub net",
        "LLM_CONCURRENCY changes from 5 to 2",
        "changed, but takes effect only after a restart: BATCH_HTTP_TIMEOUT, HOTKEY_PASSWORD",
        "'NETUDI' is not a setting",
        "NETUID: input should be a valid integer",
    ):
        assert line in told, line
    only_journal(world)


def test_a_signal_before_the_journal_is_taken_does_not_end_it(world: World) -> None:
    """Settings come through a pipe here, so the process is surely at its beginning; they can be read only once."""
    pipe = world.folder / "settings"
    os.mkfifo(pipe)
    log = world.folder / "log"
    with running(world, "--env-file", str(pipe), env=world.env(LOG_FILE=str(log))) as process:
        with pipe.open("w") as writer:  # opens when the process reads
            process.send_signal(signal.SIGHUP)
            writer.write("SEARCH_KEYWORDS=bittensor\n")
        told = "is a pipe and can be read only once"
        wait_for(lambda: log.exists() and told in " ".join(log.read_text().split()), told)
        code, output = world.stop(process)
    assert code == 0, output
    assert "ActorStarted" in world.names()
    assert changes(world) == []


def test_a_closed_terminal_ends_a_miner_that_began_on_one(world: World) -> None:
    """Its shell is gone with it, so nobody could stop it: it says goodbye instead of reading settings again."""
    master, slave = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "user_miner.cli", "run"]
    with subprocess.Popen(
        command, cwd=world.folder, env=world.env(), stdin=slave, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        wait_for(lambda: "CheckpointSigned" in world.names(), "the first window")
        os.close(master)
        process.wait(GIVE_UP_S)
    event = world.history()[-1][0].event()
    assert isinstance(event, ActorStopped)
    assert event.reason == "SIGHUP: the terminal was closed"
    only_journal(world)


@pytest.fixture
def embedded(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[MyMiner]:
    """A miner in this process, whose settings are the environment's and the file's."""
    for name in os.environ:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    for name, value in world.settings().items():
        monkeypatch.setenv(name, value)
    miner = MyMiner(env_file=write(world, SEARCH_KEYWORDS="bittensor"))
    yield miner
    miner.stop()


def test_a_host_reloads_by_a_call(world: World, embedded: MyMiner, caplog: pytest.LogCaptureFixture) -> None:
    """The same as the signal, from any thread; a restart of the thread keeps what was taken over."""
    caplog.set_level(logging.INFO)
    assert embedded.reload_settings() is False, "it does not run"
    embedded.start()
    write(world, SEARCH_KEYWORDS="tao", LOG_LEVEL="debug")
    assert embedded.reload_settings() is True
    wait_for(lambda: changes(world), "the record")
    assert embedded.reload_settings() is False
    assert "nothing has changed" in caplog.text
    (change,) = changes(world)
    assert change.names == ("SEARCH_KEYWORDS",), "LOG_LEVEL is the host's matter"
    embedded.stop()
    embedded.start()
    started = [event for record, _ in world.history() if isinstance(event := record.event(), ActorStarted)]
    assert [each.policy.search_keywords for each in started] == [("bittensor",), ("tao",)]


def test_ready_settings_are_not_read_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """There is no file to read."""
    flags: dict[str, Any] = {name.lower(): value for name, value in world.settings().items()}
    with MyMiner(settings=check_settings(read_sources(world.folder / "none", **flags))) as miner:
        assert miner.reload_settings() is False
    assert "only from a file" in caplog.text


def test_a_search_under_way_ends_by_the_settings_that_it_began_with() -> None:
    """Its answer is recorded before the change, so that every reader knows by which settings it was made."""

    class Slow(ScriptedScraper):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[tuple[str, ...]] = []
            self.may_answer = asyncio.Event()

        async def scrape_posts(self, count: int, *, keywords: tuple[str, ...], **more: Any) -> Scraped:
            self.asked.append(keywords)
            await self.may_answer.wait()
            return await super().scrape_posts(count, keywords=keywords, **more)

    async def test() -> list[str]:
        store, scraper, names = MemoryJournal(), Slow(), list[str]()
        policy = Policy()
        actor = Actor(
            store=store,
            ports=scripted_ports(
                signer=signer_from_keypair(Keypair.create_from_uri("//Alice")), scraper=scraper, clock=VirtualClock()
            ),
            config=ActorConfig(
                identity=JournalCreated(hotkey=HOTKEY, netuid=45, api_url="http://127.0.0.1:8001"),
                policy=policy,
                build="0.1.0",
                pid=1,
            ),
            on_record=lambda record, _state: names.append(record.name),
        )
        for keyword, name in (("one", "SEARCH_KEYWORDS"), ("two", "SAMPLING")):
            change = SettingsChanged(policy=changed(policy, search_keywords=(keyword,)), names=(name,))
            if keyword == "two":
                task = asyncio.create_task(actor.run())
                await settle()
                assert scraper.asked == [("one",)], "a change from before the start is the first thing it takes over"
            actor.change_settings(change, llm_concurrency=3)
        await settle()
        assert names[-1] == "WindowOpened"
        scraper.may_answer.set()
        await settle()
        assert actor.state.policy.search_keywords == ("two",)
        actor.stop()
        await task
        return names

    names = asyncio.run(asyncio.wait_for(test(), GIVE_UP_S))
    assert names[:6] == [
        *("JournalCreated", "ActorStarted", "SettingsChanged", "WindowOpened", "PostsScraped", "SettingsChanged")
    ]


def test_fewer_analyses_at_once_from_the_next_one_on() -> None:
    """LLM_CONCURRENCY: those under way end, and no more than the new number begin."""

    async def test() -> tuple[int, int]:
        analyzer = ScriptedAnalyzer(gate=asyncio.Event())
        ports = scripted_ports(analyzer=analyzer, clock=VirtualClock())
        store = MemoryJournal()
        tenure = Tenure(store, longest_s=1, grace_s=1, on_warning=print)
        performer = Performer(ports, llm_concurrency=4, new_seed=lambda: 1, chain_end=ChainEnd(store), hold=tenure.hold)
        await store.take(reducer=1)
        state = Drive().start().window(8).scraped(1, 2, 3, 4, 5).state
        found = []
        for number in (4, 2):
            performer.change_llm_concurrency(number)
            analyzer.gate = asyncio.Event()
            tasks = [asyncio.create_task(performer.perform(AnalyzePost(post_id=str(n)), state)) for n in range(1, 6)]
            await settle()
            found.append(analyzer.busy)
            analyzer.gate.set()
            await asyncio.gather(*tasks)
        return found[0], found[1]

    assert asyncio.run(asyncio.wait_for(test(), GIVE_UP_S)) == (4, 2)


def test_new_values_that_go_only_with_a_restart_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A budget that suits more posts in a window does not suit the fewer that are still in use."""
    file = tmp_path / "settings"
    file.write_text("MAX_SUBMISSIONS_PER_WINDOW=20\nMAX_X_USD_PER_DAY=1\n")
    reloader = Reloader(check_settings(sources_of(file)), lambda: sources_of(file))
    file.write_text("MAX_SUBMISSIONS_PER_WINDOW=5\nMAX_X_USD_PER_DAY=0.2\n")
    assert reloader.reload(Refusing()) is False
    assert "MAX_X_USD_PER_DAY depend on others that need a restart" in caplog.text
    assert reloader.settings.max_x_usd_per_day == 1


def sources_of(file: Path) -> Sources:
    """A file's settings and the two secrets that each needs."""
    return read_sources(file, x_bearer_token="t", api_key="k")  # noqa: S106  (they open nothing)


class Refusing:
    """An actor that must not be told."""

    def change_settings(self, change: SettingsChanged, *, llm_concurrency: int) -> None:
        """Never called."""
        raise AssertionError(change, llm_concurrency)


def test_what_is_reloadable_is_a_setting() -> None:
    """As documented, and nothing that a window was begun with, which the machine would refuse."""
    assert {name.lower() for name in RELOADABLE} <= set(Settings.model_fields)
    told = (
        (Path(__file__).parents[2] / "docs" / "reference" / "settings.md")
        .read_text("utf-8")
        .partition("It takes over ")[2]
    )
    assert tuple(re.findall(r"`([A-Z_]+)`", told.partition("\n\n")[0])) == RELOADABLE
    begun = {"BLOCKS_PER_WINDOW", "MAX_SUBMISSIONS_PER_WINDOW", "SUBMIT_ATTEMPTS", "SUBMIT_BACKOFF_SECONDS"}
    assert not begun & set(RELOADABLE)
