"""MyMiner: the actor in a background thread of a host that has a loop, a logging and signals of its own."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import bittensor
import httpx
import pytest

from actor import MyMiner
from actor.compose import redactor
from actor.edges.hotkey import HotkeyError
from actor.settings.model import Settings, SettingsError, load_settings
from events.journal import JournalLockedError, JournalReader, verify_journal
from events.journal.record import Record
from tests.patience import GIVE_UP_S, Stopwatch
from tests.world import World, make_wallet, wait_for

STOP_S: Final = 5.0


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from the machine that runs the tests."""
    for name in os.environ:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make(world: World) -> Iterator[Callable[..., MyMiner]]:
    """Build miners of the world; they are stopped at the end."""
    miners: list[MyMiner] = []

    def build(*, hotkey: str | None = None, wallet: Any = None, **more: Any) -> MyMiner:
        miners.append(MyMiner(hotkey=hotkey, wallet=wallet, settings=settings(world), **more))
        return miners[-1]

    yield build
    for miner in miners:
        miner.stop()


def settings(world: World, **more: str) -> Settings:
    """The world's settings, ready-made."""
    flags: dict[str, Any] = {name.lower(): value for name, value in world.settings(**more).items()}
    return load_settings(world.folder / "no-file", **flags)


def wallet_of(world: World, hotkey: str = "default") -> Any:
    """What a neuron has as ``self.wallet``."""
    return bittensor.Wallet("default", hotkey, str(world.folder / "wallets"))


def works(miner: MyMiner) -> bool:
    """Whether its thread is alive; asked anew each time, which a type checker does not expect of a property."""
    return miner.is_running


def workers() -> list[threading.Thread]:
    """The threads that miners work in; those of their searches come and go."""
    return [thread for thread in threading.enumerate() if thread.name == "user-miner"]


def mined(world: World, posts: int = 5) -> bool:
    """Whether so many posts are accepted, and the journal knows."""
    return bool(world.history()) and world.state().totals.accepted == posts


def test_a_neuron_s_two_lines_mine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """MyMiner(hotkey=, wallet=) with settings from .miner_env beside it, then start()."""
    lines = "".join(f"{name}={value}\n" for name, value in world.settings().items())
    (world.folder / ".miner_env").write_text(lines)
    monkeypatch.setenv("WALLET_PATH", "/nowhere")  # the wallet that is given needs no path
    wallet = wallet_of(world)
    miner = MyMiner(hotkey=wallet.hotkey.ss58_address, wallet=wallet)
    assert not works(miner)
    assert miner.posts_processed == 0
    miner.start()
    try:
        wait_for(lambda: miner.posts_processed == 5, "five posts")
    finally:
        miner.stop()
    assert miner.hotkey == wallet.hotkey.ss58_address
    assert miner.error is None
    assert mined(world)


def test_the_hotkey_alone_is_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """MyMiner(hotkey=...) as in the specification: the wallet is the one that the settings name."""
    for name, value in world.settings().items():
        monkeypatch.setenv(name, value)
    address = wallet_of(world).hotkey.ss58_address
    assert MyMiner(hotkey=address).hotkey == address


def test_another_hotkey_than_the_wallet_s_is_refused(world: World, make: Callable[..., MyMiner]) -> None:
    """Both addresses are named, and what to correct; nothing is started or written."""
    other = make_wallet(world.folder / "wallets", "//Bob", hotkey="bob")
    with pytest.raises(HotkeyError) as caught:
        make(hotkey=other, wallet=wallet_of(world))
    for word in (other, wallet_of(world).hotkey.ss58_address, "WALLET_HOTKEY"):
        assert word in str(caught.value)
    with pytest.raises(HotkeyError, match="no hotkey 'nobody'"):
        make(wallet=wallet_of(world, "nobody"))
    assert not world.journal.exists()


def test_wrong_settings_are_told_at_construction(tmp_path: Path) -> None:
    """A host's configuration error stops the host, not a thread of it later."""
    with pytest.raises(SettingsError) as caught:
        MyMiner(env_file=tmp_path / "none")
    assert len(caught.value.lines) == 2


def test_a_proxy_that_cannot_be_used_is_told_at_construction(
    world: World, make: Callable[..., MyMiner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a wrong setting is; a miner whose servers are all on this machine needs no proxy."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    make(wallet=wallet_of(world))
    elsewhere = settings(world).model_copy(update={"llm_base": "https://llm.invalid/v1"})
    with pytest.raises(SettingsError, match=r"^ALL_PROXY: is no proxy that can be used"):
        MyMiner(wallet=wallet_of(world), settings=elsewhere)


def test_what_no_proxy_cannot_mean_is_told_at_construction(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning that names it, and the rest counts; addresses and networks of IPv6 are no reason to refuse."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    elsewhere = settings(world).model_copy(update={"llm_base": "https://llm.invalid/v1"})
    for value, warnings in (("::1,fd00::/8", 0), ("::1,host:99x", 1)):
        caplog.clear()
        monkeypatch.setenv("NO_PROXY", value)
        MyMiner(wallet=wallet_of(world), settings=elsewhere)
        told = [record.getMessage() for record in caplog.records]
        assert len(told) == warnings
        assert all(line.startswith("NO_PROXY: ") and "'host:99x'" in line for line in told)


def test_a_proxys_password_is_taken_out_of_texts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also as the proxy was sent it, which it may send back."""
    monkeypatch.setenv("HTTPS_PROXY", "http://operator:p%2Fassword@proxy.corp:3128")
    sent = base64.b64encode(b"operator:p/assword").decode()
    text = redactor(settings(world))(f"407: Basic {sent}, p/assword, p%2Fassword")
    assert "assword" not in text
    assert sent[12:-4] not in text


def test_start_and_stop_may_be_repeated(world: World, make: Callable[..., MyMiner]) -> None:
    """A second start or stop does nothing; start after stop goes on with the same journal and count."""
    miner = make()
    miner.stop()
    miner.start()
    threads = workers()
    miner.start()
    assert workers() == threads
    wait_for(lambda: miner.posts_processed == 5, "five posts")
    miner.stop()
    miner.stop()
    assert not works(miner)
    assert world.names().count("ActorStopped") == 1
    world.sandbox.next_window()
    world.sandbox.add_post("bittensor goes on")
    miner.start()
    assert works(miner)
    wait_for(lambda: miner.posts_processed == 6, "the sixth post")
    miner.stop()
    assert world.names().count("ActorStarted") == 2
    assert verify_journal(next(world.journal.iterdir())).ok


def test_posts_processed_survives_a_new_object(world: World, make: Callable[..., MyMiner]) -> None:
    """R14: it is a fold of the journal, known from start() on."""
    world.mine()
    with make() as miner:
        assert works(miner)
        assert miner.posts_processed == 5
    assert not works(miner)
    assert miner.posts_processed == 5


@pytest.mark.parametrize(("route", "ledger"), [("x.search", "x"), ("llm.chat", "llm"), ("api.submit", "api")])
def test_r14_stop_takes_at_most_five_seconds(
    world: World, make: Callable[..., MyMiner], route: str, ledger: str
) -> None:
    """R14: with a search, analyses or a submission that hang; the goodbye is recorded and the count logged."""
    world.sandbox.script(route, "hang", times=5)
    miner = make()
    miner.start()
    wait_for(lambda: getattr(world.sandbox.ledger, ledger).exchanges(route), "the request that hangs")
    watch = Stopwatch()
    miner.stop()
    assert watch.seconds() < STOP_S
    assert not works(miner)
    assert world.names()[-1] == "ActorStopped"


def test_r14_the_count_is_logged_at_stop(
    world: World, make: Callable[..., MyMiner], caplog: pytest.LogCaptureFixture
) -> None:
    """R14: posts_processed, on the standard library's logger "actor"."""
    world.mine()
    caplog.clear()
    with caplog.at_level(logging.INFO, "actor"), make():
        pass
    assert {record.name for record in caplog.records} == {"actor"}
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if "posts_processed" in line] == ["stopped: stop() was called; posts_processed 5"]


def test_r14_the_count_is_logged_for_a_host_that_listens_itself(
    world: World, make: Callable[..., MyMiner], caplog: pytest.LogCaptureFixture
) -> None:
    """R14: once, too, where the records are not logged."""
    world.mine()
    caplog.clear()
    with caplog.at_level(logging.INFO, "actor"), make(on_record=lambda _record, _state: None):
        pass
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if "posts_processed" in line] == ["stopped; posts_processed 5"]


def test_requests_leave_no_line_in_a_host_s_log(
    world: World, make: Callable[..., MyMiner], caplog: pytest.LogCaptureFixture
) -> None:
    """Of the libraries that send them, at level INFO; the host's own requests with the same library do."""
    with caplog.at_level(logging.INFO), make() as miner:
        wait_for(lambda: miner.posts_processed == 5, "five posts")
        with httpx.Client(trust_env=False) as client:
            client.get(f"{world.settings()['MINER_API_URL']}/v2/status")
    others = [
        (record.name, record.threadName) for record in caplog.records if record.name.startswith(("http", "openai"))
    ]
    assert others == [("httpx", "MainThread")]


def test_the_host_s_logging_and_signals_stay_its_own(make: Callable[..., MyMiner]) -> None:
    """No handler, level or signal handler is changed, by construction, work or stop."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)

    def seen() -> list[object]:
        loggers = [logging.getLogger(name) for name in ("", "actor", "httpx", "openai", "tweepy")]
        return [
            [(one.level, one.disabled, one.propagate, one.handlers[:]) for one in loggers],
            [signal.getsignal(number) for number in numbers],
            signal.set_wakeup_fd(-1),
        ]

    before = seen()
    with make() as miner:
        wait_for(lambda: miner.posts_processed == 5, "five posts")
        assert seen() == before
    assert seen() == before


def test_the_thread_never_keeps_the_host_alive(make: Callable[..., MyMiner]) -> None:
    """It is a daemon, and so is every thread that it starts."""
    before = set(threading.enumerate())
    with make() as miner:
        wait_for(lambda: miner.posts_processed > 0, "work")
        ours = set(threading.enumerate()) - before
        assert any(thread.name == "user-miner" for thread in ours)
        assert all(thread.daemon for thread in ours)


def test_a_held_journal_is_told_at_start(make: Callable[..., MyMiner]) -> None:
    """start() raises what a second process would be told; once the first one stops, it works."""
    first, second = make(), make()
    first.start()
    with pytest.raises(JournalLockedError, match=f"process {os.getpid()} "):
        second.start()
    assert not works(second)
    assert isinstance(second.error, JournalLockedError)
    second.stop()
    first.stop()
    second.start()
    assert works(second)
    assert second.error is None


def test_a_hotkey_in_use_is_told_at_start(world: World, make: Callable[..., MyMiner], tmp_path: Path) -> None:
    """R22: so when the second one would have a journal of its own, which is not even made."""
    first = make()
    second = MyMiner(settings=settings(world, JOURNAL_DIR=str(tmp_path / "other")))
    first.start()
    said = f"hotkey {first.hotkey} .* process {os.getpid()} .*, journal {tmp_path}"
    with pytest.raises(JournalLockedError, match=said):
        second.start()
    assert not (tmp_path / "other").exists()
    first.stop()
    second.start()
    assert works(second)
    second.stop()


def test_stop_in_the_first_record_s_callback_holds_up_nobody(make: Callable[..., MyMiner]) -> None:
    """start() returns at once, the thread ends, and the journal is free again."""
    miners: list[MyMiner] = []

    def on_record(record: Record, _state: object) -> None:
        if record.name == "ActorStarted":
            miners[0].stop()

    miners.append(make(on_record=on_record))
    watch = Stopwatch()
    miners[0].start()
    assert watch.seconds() < 5
    wait_for(lambda: not works(miners[0]), "the end of the thread")


def test_a_callback_may_stop_the_miner(world: World, make: Callable[..., MyMiner]) -> None:
    """on_record is called in the miner's thread, and stop() there does not wait for itself."""
    miners: list[MyMiner] = []
    seen: list[str] = []

    def on_record(record: Record, _state: object) -> None:
        seen.append(record.name)
        if record.name == "PostsScraped":
            miners[0].stop()

    miners.append(make(on_record=on_record))
    miners[0].start()
    wait_for(lambda: not miners[0].is_running, "the end")
    assert seen[-1] == "ActorStopped"
    assert seen == world.names()
    assert "EffectCrashed" not in seen


def test_it_works_beside_the_host_s_own_loop(make: Callable[..., MyMiner]) -> None:
    """Started and stopped from a coroutine; the host's loop is not the miner's, and stays free while it works."""

    async def host() -> int:
        miner = make()
        miner.start()
        ticks = 0
        while miner.posts_processed < 5:
            await asyncio.sleep(0.01)
            ticks += 1
        miner.stop()
        return ticks

    assert asyncio.run(asyncio.wait_for(host(), GIVE_UP_S)) > 0


def test_two_miners_in_one_process_keep_apart(world: World, make: Callable[..., MyMiner]) -> None:
    """Two hotkeys: two threads, two journals, two counts; X posts belong to whoever was first at the API."""
    bob = make_wallet(world.folder / "wallets", "//Bob", hotkey="bob")
    one, two = make(wallet=wallet_of(world)), make(wallet=wallet_of(world, "bob"))
    with one, two:
        done = ("SubmissionAccepted", "SubmissionRejected")
        for miner in (one, two):
            wait_for(lambda m=miner: sum(name in done for name in names_of(world, m)) == 5, "five verdicts")  # type: ignore[misc]
    assert one.posts_processed + two.posts_processed == 5
    assert {path.name for path in world.journal.iterdir()} == {one.hotkey, two.hotkey}
    assert two.hotkey == bob
    for path in world.journal.iterdir():
        assert verify_journal(path).ok


def names_of(world: World, miner: MyMiner) -> list[str]:
    """The names of a miner's records."""
    return [record.name for record in JournalReader(world.journal / miner.hotkey)]
