"""Faults of the transport, and services that go down and come back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from sandbox import Sandbox, SandboxConfig
from tests.patience import GIVE_UP_S, Stopwatch, patiently

Submit = Callable[..., httpx.Response]


def test_lost_answer_acts(box: Sandbox, submit: Submit) -> None:
    """A lost answer means that the post counts although the miner never heard so; repeating it is a duplicate."""
    box.script("api.submit", "lost_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        submit("7")
    assert box.ledger.api.accepted() == ["7"]
    assert submit("7").json()["status"] == "duplicate"
    lost, told = box.ledger.api.submits("7")
    assert (lost.outcome, lost.answered, lost.fault) == ("new", False, "lost_answer")
    assert (told.outcome, told.answered, told.fault) == ("duplicate", True, "")


def test_drop_does_nothing(box: Sandbox, submit: Submit) -> None:
    """A dropped request is in the ledger with its post, and nothing was done."""
    box.script("api.submit", "drop")
    with pytest.raises(httpx.RemoteProtocolError):
        submit("7")
    (dropped,) = box.ledger.api.submits("7")
    assert (dropped.status, dropped.answered, dropped.outcome) == (None, False, "")
    assert box.ledger.api.verdicts() == {"7": "unanswered"}


def test_cut_acts_and_sends_half(box: Sandbox, submit: Submit) -> None:
    """A cut answer breaks off in its body."""
    box.script("api.submit", "cut")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        submit("7")
    assert box.ledger.api.accepted() == ["7"]


def test_hang_outlasts_a_timeout(box: Sandbox, http: httpx.Client) -> None:
    """A hanging request ends by the client's timeout."""
    box.script("api.status", "hang")
    with pytest.raises(httpx.ReadTimeout):
        http.get(f"{box.api_base}/v2/status", timeout=0.1)


def test_drip_outlasts_timeouts_of_single_reads(box: Sandbox, http: httpx.Client) -> None:
    """A dripping body takes longer than the client's timeout, which bounds single reads only."""

    def ask(limit_s: float) -> float | None:
        box.script("api.status", "drip", seconds=limit_s / 3, bytes=40)
        began = time.monotonic()
        try:
            assert http.get(f"{box.api_base}/v2/status", timeout=limit_s).json()["status"] == "ok"
        except httpx.ReadTimeout:
            return None
        return (time.monotonic() - began) / limit_s

    limits = patiently(ask, is_late=lambda found: found is None)
    assert limits is not None
    assert limits > 1


def test_html_empty_and_broken_bodies(box: Sandbox, submit: Submit) -> None:
    """Pages, empty bodies and cut JSON come from every route, with nothing done."""
    for fault in ("html", "html_503", "blank", "not_json"):
        box.script("api.submit", fault)
    page, down, blank, broken = (submit() for _ in range(4))
    assert [answer.status_code for answer in (page, down, blank, broken)] == [200, 503, 200, 200]
    assert page.text.startswith("<!doctype html>")
    assert blank.content == b""
    with pytest.raises(ValueError, match="char"):
        broken.json()
    assert box.ledger.api.accepted() == []


def test_service_goes_down_and_comes_back_with_its_state(box: Sandbox, http: httpx.Client, submit: Submit) -> None:
    """A service that is down refuses connections, the others serve on, and it returns on its port, remembering."""
    submit("1")
    url = box.api_base
    box.down("api")
    assert not box.is_up("api")
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            http.get(f"{url}/v2/status")
    assert http.get(f"{box.llm_base}/models").status_code == 401
    box.up("api")
    box.up("api")
    assert box.api_base == url
    assert submit("1").json()["status"] == "duplicate"


def test_service_can_be_down_from_the_start(http: httpx.Client) -> None:
    """A service configured as down has an address that refuses connections until it is brought up."""
    with Sandbox(SandboxConfig(seconds_per_block=None, down=frozenset({"api"}))) as box:
        with pytest.raises(httpx.ConnectError):
            http.get(f"{box.api_base}/v2/status")
        box.up("api")
        assert http.get(f"{box.api_base}/v2/status").status_code == 200


def test_stop_does_not_wait_for_hanging_requests() -> None:
    """Stopping takes well under two seconds while requests hang and drip, and ends the thread."""
    before = set(threading.enumerate())
    box = Sandbox(SandboxConfig(seconds_per_block=None)).start()
    box.script("api.status", "hang")
    box.script("api.status", "drip", seconds=60)
    failures: list[httpx.TransportError] = []

    def ask() -> None:
        try:
            httpx.get(f"{box.api_base}/v2/status", timeout=GIVE_UP_S)
        except httpx.TransportError as error:
            failures.append(error)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    while len(box.ledger.api.exchanges()) < 2:
        time.sleep(0.005)
    watch = Stopwatch()
    box.stop()
    box.stop()
    for asker in askers:
        asker.join(GIVE_UP_S)
    assert watch.seconds() < 1.5
    assert len(failures) == 2
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError, match="not running"):
        box.up("x")
    with pytest.raises(RuntimeError, match="make a new one"):
        box.start()


def test_taken_port_is_named() -> None:
    """A port that another program listens on is refused with its number, and no port stays reserved."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is taken"):
            Sandbox(SandboxConfig(api_port=port))


def test_ports_can_be_chosen(http: httpx.Client) -> None:
    """A port given in the configuration is the one that is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Sandbox(SandboxConfig(api_port=port, seconds_per_block=None)) as box:
        assert box.api_base == f"http://127.0.0.1:{port}"
        assert http.get(f"http://127.0.0.1:{port}/v2/status").status_code == 200


def test_answers_are_prompt(box: Sandbox, http: httpx.Client) -> None:
    """A kept connection answers within a few milliseconds, not after the 40 of a delayed acknowledgement."""
    url = f"{box.api_base}/v2/status"
    http.get(url)
    took = []
    for _ in range(9):
        watch = Stopwatch()
        http.get(url)
        took.append(watch.seconds())
    assert min(took) < 0.03


def test_a_flood_of_chunks_is_the_answer_after_all(box: Sandbox, http: httpx.Client) -> None:
    """Behind so many blanks, each byte a chunk of its own; whoever leaves amid it is let go."""
    box.script("api.status", "flood_chunks", times=2, bytes=25_000)
    answer = http.get(f"{box.api_base}/v2/status", timeout=GIVE_UP_S)
    assert (answer.json()["status"], answer.text.count(" ") >= 25_000) == ("ok", True)
    with http.stream("GET", f"{box.api_base}/v2/status", timeout=GIVE_UP_S) as broken_off:
        assert len(next(broken_off.iter_raw(1))) == 1
    assert box.ledger.api.exchanges()[0].answered
