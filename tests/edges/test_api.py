"""The real httpx against raw answers on loopback, and against the stand-in of the coordination API."""

from __future__ import annotations

import asyncio
import gzip
import json
import traceback
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

import pytest
from bittensor_core import verify

from actor.edges.api import APIClient
from actor.edges.clock import SystemClock
from actor.ports import Accepted, Block, Failed, Limited, Rejected, StatusError, SubmitAnswer
from events.catalogue import SubmissionBody
from events.codec import plain
from sandbox import Sandbox, SandboxConfig
from tests.patience import GIVE_UP_S, Stopwatch, patiently

T = TypeVar("T")
Maker = Callable[..., APIClient]


@pytest.fixture
def client(clock: Any, alice: Any) -> Maker:
    """Makes clients that wait as long as a test does."""

    def make(base: str, **changes: Any) -> APIClient:
        settings: dict[str, Any] = {
            "base_url": base,
            "signer": alice,
            "clock": clock,
            "operation_timeout_s": GIVE_UP_S,
            "total_timeout_s": GIVE_UP_S,
            "redact": str,
        }
        return APIClient(**(settings | changes))

    return make


def _run(client: APIClient, call: Callable[[APIClient], Awaitable[T]]) -> T:
    async def main() -> T:
        try:
            return await call(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


def _submit(client: APIClient, body: SubmissionBody) -> SubmitAnswer:
    return _run(client, lambda api: api.submit(body))


def _failed(client: APIClient, body: SubmissionBody) -> Failed:
    answer = _submit(client, body)
    assert isinstance(answer, Failed)
    return answer


def _no_status(client: APIClient) -> str:
    with pytest.raises(StatusError) as caught:
        _run(client, lambda api: api.status())
    return str(caught.value)


_MOST_USED: Final = 32 << 20


def _packed(content: bytes, times: int) -> bytes:
    """Packed so many times, by gzip."""
    for _ in range(times):
        content = gzip.compress(content)
    return content


@pytest.mark.parametrize("times", [2, 3, 7])
@pytest.mark.parametrize("lines", ["one line", "a line each"])
def test_an_answer_packed_several_times_is_not_unpacked(
    wire: Any, client: Maker, submission: SubmissionBody, times: int, lines: str
) -> None:
    """Less than 1 KiB would come to 128 MiB at one go, while no signal is heard; a refusal keeps its meaning."""
    body = _packed(bytes(128 << 20), times)
    names = ["gzip"] * times if lines == "a line each" else [", ".join(["GZip"] * times)]
    head = "".join(f"Content-Encoding: {name}\r\n" for name in names)
    answers = [
        f"HTTP/1.1 {status} Said\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        for status in (200, 200, 429)
    ]
    wire.plays(*answers)
    tracemalloc.start()
    try:
        assert "expected a current_block" in _no_status(client(wire.url))
        assert _failed(client(wire.url), submission).kind == "unexpected"
        assert isinstance(_submit(client(wire.url), submission), Limited)
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert used < _MOST_USED


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate"])
def test_an_answer_packed_once_is_understood(
    wire: Any, client: Maker, submission: SubmissionBody, encoding: str
) -> None:
    """Nobody asks for it, and some gateways do it all the same."""
    packer = zlib.compress if encoding == "deflate" else gzip.compress
    body = packer(b'{"status": "new"}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    wire.plays(head.encode() + body)
    assert isinstance(_submit(client(wire.url), submission), Accepted)


@pytest.mark.parametrize("encoding", ["br", "zstd", "x-gzip, gzip", "identity, gzip"])
def test_an_answer_packed_otherwise_is_read_as_it_came(
    wire: Any, client: Maker, submission: SubmissionBody, encoding: str
) -> None:
    """Whatever packers this environment has: none is used that may come to gigabytes at one go."""
    wire.answers(200, {"status": "new"}, Content_Encoding=encoding)
    assert isinstance(_submit(client(wire.url), submission), Accepted)


def _parsed(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_the_request(wire: Any, client: Maker, submission: SubmissionBody, alice: Any) -> None:
    """The contract: the body field for field, and headers whose signature verifies."""
    wire.answers(200, {"status": "new"})
    assert isinstance(_submit(client(wire.url), submission), Accepted)
    first, headers, body = _parsed(wire.requests[0])
    assert first == "POST /v2/submit HTTP/1.1"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == plain(submission)
    assert headers["X-Auth-SS58Address"] == alice.ss58_address
    message, timestamp = headers["X-Auth-Message"], headers["X-Auth-Timestamp"]
    assert (message, timestamp) == ("talisman-ai-auth:1795000000", "1795000000.25")
    assert verify(message.encode(), bytes.fromhex(headers["X-Auth-Signature"]), alice.ss58_address)


def test_every_attempt_is_signed_afresh(wire: Any, client: Maker, submission: SubmissionBody, clock: Any) -> None:
    """R10: a server may refuse a signature it has seen."""
    wire.answers(500)
    api = client(wire.url)

    async def twice(_: APIClient) -> None:
        await api.submit(submission)
        clock.ms += 3_000
        await api.submit(submission)

    _run(api, twice)
    first, second = (_parsed(request)[1] for request in wire.requests)
    assert first["X-Auth-Signature"] != second["X-Auth-Signature"]
    assert second["X-Auth-Timestamp"] == "1795000003.25"


@pytest.mark.parametrize("suffix", ["", "/", "/a/b", "/a/b/"])
def test_the_url_is_joined(wire: Any, client: Maker, submission: SubmissionBody, suffix: str) -> None:
    """With and without slash at the end or a path prefix; the status is asked without credentials."""
    wire.plays(wire.answer(200, {"status": "new"}), wire.answer(200, {"current_block": 7}))
    api = client(wire.url + suffix)
    assert isinstance(_submit(api, submission), Accepted)
    assert _run(api, lambda api: api.status()) == Block(current_block=7)
    prefix = suffix.rstrip("/")
    (posted, *_), (asked, headers, _) = map(_parsed, wire.requests)
    assert (posted.split()[1], asked) == (f"{prefix}/v2/submit", f"GET {prefix}/v2/status HTTP/1.1")
    assert not [name for name in headers if name.lower().startswith("x-auth")]


def test_a_redirect_is_not_followed(wire: Any, client: Maker, submission: SubmissionBody) -> None:
    """Signed headers go nowhere else."""
    for location in (f"{wire.url}/elsewhere", "http://[bad", "//"):
        wire.answers(307, Location=location)
        assert _failed(client(wire.url), submission).kind in {"http", "connection"}
    wire.answers(307, Location=f"{wire.url}/elsewhere")
    answer = _failed(client(wire.url), submission)
    assert (answer.kind, answer.http_status) == ("http", 307)
    assert len(wire.requests) == 4
    assert "redirects" in _no_status(client(wire.url))


def test_an_endless_body_is_cut(wire: Any, client: Maker, submission: SubmissionBody) -> None:
    """64 KiB are read; the status alone decides then."""
    wire.answers(200, {"status": "new", "message": "x" * 100_000})
    assert _failed(client(wire.url), submission).kind == "unexpected"
    wire.answers(409, "x" * 10_000_000)
    answer = _submit(client(wire.url), submission)
    assert isinstance(answer, Rejected)
    assert len(answer.answer) == 4000
    wire.answers(200, {"current_block": 7, "message": "x" * 100_000})
    assert "expected a current_block" in _no_status(client(wire.url))


def test_refused_connections(closed_url: str, client: Maker, submission: SubmissionBody) -> None:
    """The line names the place."""
    answer = _failed(client(closed_url), submission)
    assert (answer.kind, answer.http_status, answer.answer) == ("connection", None, "")
    assert answer.reason.startswith("127.0.0.1:")
    assert "no connection" in _no_status(client(closed_url))


@pytest.mark.parametrize(
    "play",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status"',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_a_broken_success_is_no_answer(wire: Any, client: Maker, submission: SubmissionBody, play: bytes) -> None:
    """Whether the post was taken is unknown; another attempt will say (ruling 10)."""
    wire.plays(play)
    assert _failed(client(wire.url), submission).kind == "connection"
    assert _no_status(client(wire.url))


@pytest.mark.parametrize("refusal", [(409, Rejected), (422, Rejected), (429, Limited), (401, Failed), (503, Failed)])
@pytest.mark.parametrize("how", ["cut", "hang", "drip"])
def test_a_broken_refusal_is_one_by_its_status(
    wire: Any, client: Maker, submission: SubmissionBody, refusal: tuple[int, type], how: str
) -> None:
    """I6: a 429 whose body never ends is a 429."""
    status, kind = refusal
    start = f"HTTP/1.1 {status} No\r\nContent-Length: 99\r\nX-RateLimit-Reset-Block: 7\r\n\r\n{{".encode()
    wire.plays({"cut": start, "hang": wire.hang_after(start), "drip": wire.drip(start)}[how])

    def answered(limit_s: float) -> SubmitAnswer:
        return _submit(client(wire.url, operation_timeout_s=limit_s, total_timeout_s=2 * limit_s), submission)

    answer = patiently(answered, is_late=lambda found: isinstance(found, Failed) and found.kind == "timeout")
    assert isinstance(answer, kind)
    assert not isinstance(answer, Limited) or answer.reset_block == 7
    assert not isinstance(answer, Failed) or answer.kind == "http"


@pytest.mark.parametrize("how", ["silent", "headers", "body", "slow headers"])
def test_no_answer_in_time(wire: Any, client: Maker, submission: SubmissionBody, how: str) -> None:
    """R2: each operation and the whole are bounded, a dripping answer included."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
    plays = {
        "silent": wire.hang,
        "headers": wire.hang_after(head[:20]),
        "body": wire.drip(head),
        "slow headers": wire.drip(b"HTTP/1.1 200 OK\r\nX:"),
    }
    wire.plays(plays[how])
    watch = Stopwatch()
    answer = _failed(client(wire.url, operation_timeout_s=0.1, total_timeout_s=0.25), submission)
    assert answer.kind == "timeout"
    assert watch.seconds() < 1
    assert "no " in _no_status(client(wire.url, operation_timeout_s=0.05, total_timeout_s=0.1))


def test_a_cancelled_request_ends_at_once(wire: Any, client: Maker, submission: SubmissionBody) -> None:
    """R14: stop() does not wait for an answer."""
    wire.plays(wire.hang)

    async def cancelled(api: APIClient) -> float:
        task = asyncio.ensure_future(api.submit(submission))
        await asyncio.to_thread(wire.asked.wait, GIVE_UP_S)
        watch = Stopwatch()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return watch.seconds()

    assert _run(client(wire.url), cancelled) < 0.2


def test_no_credential_in_answers_errors_or_logs(
    wire: Any, client: Maker, submission: SubmissionBody, everything_logged: pytest.LogCaptureFixture
) -> None:
    """A server that sends the signature back does not get it into the journal."""

    def echo(connection: Any, _: Any) -> None:
        headers = _parsed(wire.requests[-1])[1]
        signature = headers["X-Auth-Signature"]
        sent = [signature, signature.upper()]
        connection.sendall(wire.answer(200, {"detail": headers, "sent": sent, "key": "planted"}))

    api = client(wire.plays(echo).url, redact=lambda text: text.replace("planted", "[redacted]"))
    answer = _failed(api, submission)
    signature = _parsed(wire.requests[-1])[1]["X-Auth-Signature"]
    texts = [repr(answer), repr(api), *(record.getMessage() for record in everything_logged.records)]
    wire.plays(b"")
    try:
        _run(api, lambda api: api.status())
    except StatusError as error:
        texts.append("".join(traceback.format_exception(error)))
    assert len(texts) > 3
    assert not [text for text in texts if signature in text.lower() or "planted" in text]


def test_proxies_of_the_environment_do_not_stand_before_loopback(
    wire: Any, client: Maker, submission: SubmissionBody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local API needs none; one elsewhere is reached through them."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    wire.answers(200, {"status": "new"})
    assert isinstance(_submit(client(wire.url), submission), Accepted)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, wire.url)
    assert isinstance(_submit(client("http://api.invalid"), submission), Accepted)
    assert _parsed(wire.requests[1])[0] == "POST http://api.invalid/v2/submit HTTP/1.1"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "proxy.corp:3128x", "http://user:s3cr/etPW77@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_no_answer(
    client: Maker, submission: SubmissionBody, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """The reason names the variable, and nothing of what it holds; asked again, it is told again."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    api = client("http://api.invalid")
    for _ in range(2):
        with pytest.raises(StatusError, match=r"^api\.invalid: .*HTTP_PROXY.* is no proxy") as caught:
            _run(api, lambda api: api.status())
        assert "s3cr" not in "".join(traceback.format_exception(caught.value))
    answer = _failed(api, submission)
    assert "HTTP_PROXY" in answer.reason
    assert "s3cr" not in repr(answer)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"base_url": "127.0.0.1:8001"}, "MINER_API_URL"),
        ({"base_url": "http://"}, "MINER_API_URL"),
        ({"base_url": "http://host:99999"}, "MINER_API_URL"),
        ({"base_url": "http://host/?a=b"}, "MINER_API_URL"),
        ({"base_url": "http://u:p@host"}, "MINER_API_URL"),
        ({"total_timeout_s": 0.0}, "BATCH_HTTP_TIMEOUT"),
    ],
)
def test_wrong_settings_are_refused_at_construction(client: Maker, changes: dict[str, Any], named: str) -> None:
    """The message names the variable."""
    with pytest.raises(ValueError, match=named):
        client("http://127.0.0.1:9", **changes)


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """The stand-in, which verifies signatures, their age and their replay."""
    with Sandbox(SandboxConfig(seconds_per_block=None, start_block=1_000, max_submissions=10_000)) as running:
        yield running


@pytest.fixture
def against_box(box: Sandbox, client: Maker) -> Iterator[APIClient]:
    """A client of the stand-in."""
    yield client(box.api_base, clock=SystemClock())
    box.clear_faults()


def test_the_stand_in_takes_a_post_once(box: Sandbox, against_box: APIClient, submission: SubmissionBody) -> None:
    """Real signatures pass; a repeated post is a duplicate, which is a success (ruling 10)."""

    async def twice(api: APIClient) -> list[SubmitAnswer]:
        return [await api.submit(submission), await api.submit(submission)]

    first, second = _run(against_box, twice)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert (first.status, second.status) == ("new", "duplicate")
    assert first.block.window_start_block == 1_000
    assert _run(against_box, lambda api: api.status()).current_block == box.block


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("409", (Rejected, 409)),
        ("409_text", (Rejected, 409)),
        ("422", (Rejected, 422)),
        ("422_nested", (Rejected, 422)),
        ("422_message", (Rejected, 422)),
        ("422_text", (Rejected, 422)),
        ("429", (Limited, 1_100)),
        ("429_text", (Limited, 1_100)),
        ("429_body", (Limited, 1_100)),
        ("429_headers", (Limited, 1_100)),
        ("429_bare", (Limited, None)),
        ("401", (Failed, "http")),
        ("403", (Failed, "http")),
        ("500", (Failed, "http")),
        ("503", (Failed, "http")),
        ("html_503", (Failed, "http")),
        ("html", (Failed, "unexpected")),
        ("blank", (Failed, "unexpected")),
        ("not_json", (Failed, "unexpected")),
        ("weird_status", (Failed, "unexpected")),
        ("other_post", (Failed, "unexpected")),
        ("other_hotkey", (Failed, "unexpected")),
        ("drop", (Failed, "connection")),
        ("cut", (Failed, "connection")),
        ("lost_answer", (Failed, "connection")),
        ("created", (Accepted, 201)),
        ("no_block", (Accepted, 200)),
        ("bad_block", (Accepted, 200)),
        ("x_failed", (Accepted, 200)),
    ],
)
def test_each_fault_of_the_stand_in(
    box: Sandbox, against_box: APIClient, submission: SubmissionBody, fault: str, expected: tuple[type, object]
) -> None:
    """Every answer of the contract is what it should be."""
    kind, detail = expected
    box.script("api.submit", fault)
    fresh = {**plain(submission), "post_id": str(zlib.crc32(fault.encode()))}
    answer = _submit(against_box, SubmissionBody(**fresh))
    assert isinstance(answer, kind)
    told: dict[type, str] = {Rejected: "http_status", Accepted: "http_status", Limited: "reset_block", Failed: "kind"}
    assert getattr(answer, told[kind]) == detail


@pytest.mark.parametrize(
    "fault", ["401", "429", "500", "html", "html_503", "blank", "not_json", "no_block", "bad_block", "drop", "cut"]
)
def test_each_fault_of_the_status(box: Sandbox, against_box: APIClient, fault: str) -> None:
    """No usable block number is one clear line."""
    box.script("api.status", fault)
    assert _no_status(against_box)


def test_a_stale_clock_is_refused_by_the_stand_in(
    box: Sandbox, client: Maker, submission: SubmissionBody, clock: Any
) -> None:
    """401 says why; it may be tried again."""
    clock.ms = SystemClock().now_ms() - 400_000
    failed = _failed(client(box.api_base), submission)
    assert failed.reason.startswith("401: Timestamp is too old (check WALLET_NAME")
