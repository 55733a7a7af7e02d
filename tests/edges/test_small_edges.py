"""The clock, the thread of a blocking call, and the base URLs."""

from __future__ import annotations

import asyncio
import re
import threading
import time

import pytest

from actor.edges.clock import SystemClock
from actor.edges.text import checked_base, deployment, is_loopback, place, shown
from actor.edges.threads import in_daemon_thread
from tests.patience import GIVE_UP_S


def test_the_clock_is_the_hosts() -> None:
    """Unix milliseconds, seconds that never go back, and a wait."""
    clock = SystemClock()
    assert abs(clock.now_ms() / 1000 - time.time()) < 1
    began = clock.elapsed_s()
    asyncio.run(clock.sleep(0.02))
    assert clock.elapsed_s() - began >= 0.019


def test_a_call_in_a_thread_brings_its_result_or_its_exception() -> None:
    """The exception is the one that was raised."""

    def broken() -> None:
        raise LookupError("as it was")

    assert asyncio.run(in_daemon_thread(lambda: threading.current_thread().daemon, name="x")) is True
    with pytest.raises(LookupError, match="as it was"):
        asyncio.run(in_daemon_thread(broken, name="x"))


def test_an_abandoned_thread_harms_nobody() -> None:
    """Its result comes too late: the wait was cancelled, and then the loop was closed."""
    gate, done = threading.Event(), threading.Event()

    def late() -> None:
        gate.wait(GIVE_UP_S)
        done.set()

    async def abandon() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await in_daemon_thread(late, name="late")

    asyncio.run(abandon())
    gate.set()
    assert done.wait(GIVE_UP_S)

    faults: list[object] = []

    async def abandon_in_a_living_loop() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        gate.clear()
        done.clear()
        await abandon()
        gate.set()
        done.wait(GIVE_UP_S)
        await asyncio.sleep(0.005)

    asyncio.run(abandon_in_a_living_loop())
    assert faults == []


def test_bases() -> None:
    """No slash at the end, so that a path can follow; the place holds no path."""
    assert checked_base("https://host/a/", setting="S") == "https://host/a"
    assert place("https://host/a") == "host"
    assert place("http://[::1]:8001/a") == "[::1]:8001"


def test_servers_of_one_host_are_told_apart() -> None:
    """By their paths, which may hold a secret and so are not told; the usual one has no mark."""
    assert {deployment("https://host/v1"), deployment("https://host"), deployment("https://host/v1/")} == {"host"}
    one, other = deployment("https://host:8001/one-secret/v1"), deployment("https://host:8001/two-secret/v1")
    assert one != other
    assert re.fullmatch(r"host:8001#[0-9a-f]{8}", one)


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    """Nor does one that cannot be read raise anything."""
    assert shown("https://user:pw@host:8001/a?key=secret#secret") == "https://host:8001/a"
    assert shown("/a?key=secret") == "/a"
    assert shown("http://host:port/") == shown("http://[::1/") == "an address that is none"


@pytest.mark.parametrize("url", ["", "host", "http://", "http://a b", "http://h:x", "http://h#f", "http://é", "x://h"])
def test_a_url_that_is_none(url: str) -> None:
    """The message names the setting and shows a right one."""
    with pytest.raises(ValueError, match="MINER_API_URL"):
        checked_base(url, setting="MINER_API_URL")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1", True),
        ("http://localhost:1/x", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_loopback(url: str, expected: bool) -> None:  # noqa: FBT001  (a table)
    """This machine by address or name, and nothing that looks like it."""
    assert is_loopback(url) is expected
