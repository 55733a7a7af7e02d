"""The language model's edge over real HTTP on loopback: what is sent, and what every kind of answer becomes."""

import asyncio
import base64
import gzip
import json
import socket
import traceback
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.analyzer import Completion, LLMError, LLMErrorKind
from actor.edges.llm import OpenAIChat
from tests.patience import GIVE_UP_S

KEY = "sk-planted-secret-0123456789"
SCHEMA: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {}}}
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Gives one answer to every request and keeps what came in."""

    answer: Answer
    heads: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def close(self) -> None:
        """Cut what is still open, and wait until the sockets are closed."""
        for writer in self.writers:
            writer.transport.abort()
        for writer in self.writers:
            with suppress(OSError):
                await writer.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer it, close."""
        self.writers.append(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length"))
            self.heads.append(head)
            self.bodies.append(json.loads(await reader.readexactly(int(length))))
            await self.answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def _says(body: object, status: int = 200, **headers: str) -> Answer:
    """Answer with a body: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(content)), **headers}
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + content)

    return answer


def _completion(content: object = "hi", **changes: object) -> dict[str, object]:
    return {
        "model": "served",
        "choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3},
        **changes,
    }


async def _complete(
    server: Server, *, timeout_s: float = GIVE_UP_S, formatted: bool = True, without: tuple[str, ...] = ()
) -> Completion:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    llm = OpenAIChat(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, timeout_s=timeout_s)
    try:
        return await llm.complete(
            model="m",
            messages=[{"role": "user", "content": "τ"}],
            response_format=SCHEMA if formatted else None,
            max_tokens=256,
            without=without,
        )
    finally:
        await llm.aclose()
        await llm.aclose()
        listener.close()
        for _ in range(20):  # what was accepted just now begins to be served, and so to be known
            await asyncio.sleep(0)
        await server.close()
        await asyncio.sleep(0)


def _ask(answer: Answer, *, timeout_s: float = GIVE_UP_S, formatted: bool = True) -> Completion:
    return asyncio.run(_complete(Server(answer), timeout_s=timeout_s, formatted=formatted))


def _fail(answer: Answer, *, timeout_s: float = GIVE_UP_S, formatted: bool = True) -> LLMError:
    with pytest.raises(LLMError) as caught:
        _ask(answer, timeout_s=timeout_s, formatted=formatted)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    assert "\n" not in caught.value.reason
    assert 0 < len(caught.value.reason) <= 300
    return caught.value


@pytest.mark.parametrize("body", [_completion(None), _completion(choices=[])])
def test_an_unusable_answer_tells_what_it_cost(body: dict[str, object]) -> None:
    """Tokens are billed whether or not a text came with them, so the budget must know."""
    error = _fail(_says(body))
    assert (error.prompt_tokens, error.completion_tokens) == (12, 3)


def test_a_completion_comes_back_whole() -> None:
    """Text, reason, usage and the served model are handed on."""
    assert _ask(_says(_completion())) == Completion(
        text="hi", finish_reason="stop", prompt_tokens=12, completion_tokens=3, model="served"
    )


def test_the_request_is_deterministic_and_bounded() -> None:
    """Temperature 0, a fixed seed, a bound on tokens, the format, and the key as bearer token."""
    server = Server(_says(_completion()))
    asyncio.run(_complete(server))
    sent = server.bodies[0]
    assert (sent["model"], sent["temperature"], sent["seed"]) == ("m", 0, 812)
    assert sent["max_tokens"] == 256
    assert sent["response_format"] == SCHEMA
    assert sent["messages"] == [{"role": "user", "content": "τ"}]
    assert server.heads[0].startswith("POST /v1/chat/completions ")
    assert f"authorization: bearer {KEY}" in server.heads[0].lower()
    plain = Server(_says(_completion()))
    asyncio.run(_complete(plain, formatted=False))
    assert "response_format" not in plain.bodies[0]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, (None, None)),
        ({}, (None, None)),
        ("many", (None, None)),
        ({"prompt_tokens": -1, "completion_tokens": 1.5}, (None, 2)),
        ({"prompt_tokens": 100.0, "completion_tokens": "20"}, (100, 20)),
        ({"prompt_tokens": "nan", "completion_tokens": float("inf")}, (None, None)),
        ({"prompt_tokens": "many", "completion_tokens": [3]}, (None, None)),
        ({"input_tokens": 7, "output_tokens": "8"}, (7, 8)),
        ({"prompt_tokens": None, "input_tokens": 7, "completion_tokens": 0}, (7, 0)),
        ({"prompt_tokens": True, "completion_tokens": 10**30}, (None, None)),
        ({"prompt_tokens": 5}, (5, None)),
    ],
)
def test_usage_may_be_missing_or_wrong(usage: object, tokens: tuple[int | None, int | None]) -> None:
    """However a number is written, it counts; what is none, or no sane one, is None."""
    found = _ask(_says(_completion(usage=usage)))
    assert (found.prompt_tokens, found.completion_tokens) == tokens


def test_odd_but_usable_answers_are_used() -> None:
    """Text in parts, a missing model and an unknown reason do no harm."""
    parts = [{"type": "text", "text": "h"}, {"type": "image"}, "x", {"text": "i"}]
    assert _ask(_says(_completion(parts))).text == "hi"
    choice = {"message": {"content": "cut"}, "finish_reason": "length"}
    found = _ask(_says({"choices": [choice, "x"]}))
    assert (found.text, found.finish_reason, found.model) == ("cut", "length", "m")
    assert _ask(_says(json.dumps(_completion()).encode(), content_type="text/plain")).text == "hi"
    packed = gzip.compress(json.dumps(_completion()).encode())
    assert _ask(_says(packed, content_encoding="gzip")).text == "hi"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html><title>Bad gateway</title></html>", "HTML"),
        (b"", "nothing"),
        (b"{", "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b'{"choices": ' + b"9" * 9_000 + b"}", "no JSON"),
        ([], "no choices"),
        (None, "no choices"),
        ("text", "no choices"),
        ({"choices": []}, "no choices"),
        ({"choices": None}, "no choices"),
        ({"choices": {"0": {}}}, "no choices"),
        ({"choices": [None]}, "no choices"),
        ({"choices": [{"text": "old style"}]}, "no text"),
        ({"choices": [{"message": None}]}, "no text"),
        ({"choices": [{"message": {"content": None}, "finish_reason": "length"}]}, "finish_reason length"),
        ({"choices": [{"message": {"content": None, "tool_calls": [{"id": "1"}]}}]}, "no text, only tool_calls"),
        ({"choices": [{"message": {"content": "", "reasoning_content": "hm"}}]}, "no text, only reasoning_content"),
        ({"choices": [{"message": {"content": [{"type": "thinking", "thinking": [{"text": "x"}]}]}}]}, "no text"),
        (_completion("  "), "no text"),
        (_completion("x" * 1_000_001), "longer than"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_a_2xx_without_a_completion_is_malformed(body: object, said: str, content_type: str) -> None:
    """HTML, rubbish and empty completions are found out, whatever the type says."""
    error = _fail(_says(body, content_type=content_type))
    assert error.kind == "malformed"
    assert said in error.reason


def test_thoughts_that_are_told_apart_are_no_text() -> None:
    """In parts and in fields of many names; that there were some is kept."""
    thinking = [
        {"type": "thinking", "thinking": "d"},
        {"type": "reasoning", "text": "d"},
        {"type": "text", "text": "hi"},
    ]
    found = _ask(_says(_completion(thinking)))
    assert (found.text, found.thought) == ("hi", True)
    for name in ("reasoning_content", "reasoning", "reasoning_details", "thinking"):
        message = {"content": "hi", name: "draft"}
        assert _ask(_says(_completion(choices=[{"message": message}]))).thought
    usage = {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 8}}
    assert _ask(_says(_completion(usage=usage))).thought
    assert not _ask(_says(_completion())).thought


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"content": None, "refusal": "no"}, "finish_reason": "stop"},
        {"message": {"content": ""}, "finish_reason": "content_filter"},
        {"message": {"content": "I ca"}, "finish_reason": "content_filter"},
        {"message": {"content": None}, "finish_reason": "SAFETY"},
    ],
)
def test_a_model_may_decline(choice: dict[str, object]) -> None:
    """Which is no fault of the format, and was paid for."""
    error = _fail(_says(_completion(choices=[choice])))
    assert (error.kind, error.prompt_tokens) == ("declined", 12)
    assert "MODEL" in error.reason


def test_an_answer_without_text_that_was_cut_off_says_so() -> None:
    """Thoughts that nobody sees took all the room."""
    assert _fail(_says(_completion(choices=[{"message": {"content": None}, "finish_reason": "length"}]))).cut_off
    assert not _fail(_says(_completion(None))).cut_off


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "Provider returned error"}, "rate_limit"),
        ({"code": "429", "message": "x"}, "rate_limit"),
        ({"message": "Rate limit reached"}, "rate_limit"),
        ({"code": 402, "message": "Insufficient credits"}, "quota"),
        ({"type": "insufficient_quota", "message": "x"}, "quota"),
        ({"code": 401, "message": "No auth credentials found"}, "auth"),
        ({"message": "Incorrect API key provided"}, "auth"),
        ({"code": 502, "message": "Provider returned error"}, "server"),
        ({"message": "Internal server error"}, "server"),
        ("model m does not exist", "model"),
        ({"message": "Unsupported parameter: 'seed'"}, "refused_parameter"),
        ({"code": 400, "message": "maximum context length is 4096"}, "context"),
        ({"code": 400, "message": "response_format is not supported"}, "refused_format"),
        ({"message": "overloaded"}, "rate_limit"),
        ({"message": "something else"}, "refused_format"),
        ({"message": "x" * 150}, "refused_format"),
    ],
)
@pytest.mark.parametrize("around", [{"choices": None}, {"choices": []}, {}])
def test_an_error_inside_a_success_is_that_error(error: object, kind: LLMErrorKind, around: dict[str, object]) -> None:
    """By its code, its type or its words; a list around it changes nothing."""
    for body in ({"error": error, **around}, [{"error": error, **around}]):
        found = _fail(_says(body))
        assert found.kind == kind
        assert (error if isinstance(error, str) else error.get("message", "")) in found.reason  # type: ignore[attr-defined]
    told = _fail(_says({"choices": [{"error": error, "message": {"content": ""}, "finish_reason": "error"}]}))
    assert told.kind == kind


def test_an_error_inside_a_success_may_echo_the_key() -> None:
    """It is taken out, in one bounded line, as it is of every other error."""
    for error in (f"wrong key {KEY}\nand " + "x" * 900, {"message": f"Incorrect API key provided: {KEY}"}):
        assert _fail(_says({"error": error})).kind in {"auth", "refused_format"}


def test_what_a_server_does_not_take_is_not_sent() -> None:
    """Another name for the cap, then none; rules stand in the question where there is no role for them."""

    async def sent(*without: str) -> dict[str, Any]:
        server = Server(_says(_completion()))
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        llm = OpenAIChat(
            base_url=f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1", api_key=KEY, timeout_s=5
        )
        messages = [{"role": "system", "content": "rules"}, {"role": "user", "content": "post"}]
        await llm.complete(model="m", messages=messages, response_format=None, max_tokens=9, without=without)
        await llm.aclose()
        listener.close()
        await server.close()
        return server.bodies[0]

    body = asyncio.run(sent("max_tokens", "small_cap"))
    assert (body["max_completion_tokens"], "max_tokens" in body, body["seed"]) == (9, False, 812)
    body = asyncio.run(sent("max_tokens", "max_completion_tokens", "temperature", "seed", "system"))
    assert body.keys() == {"model", "messages"}
    assert body["messages"] == [{"role": "user", "content": "rules\n\npost"}]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "zstd", "br", "x-unknown"])
def test_an_answer_may_be_packed_otherwise_than_it_says(encoding: str) -> None:
    """It was paid for, and is read as it came; a refusal keeps its words."""
    assert _ask(_says(_completion(), content_encoding=encoding)).text == "hi"
    error = _fail(_says({"error": {"message": "Invalid bearer token"}}, 400, content_encoding=encoding))
    assert (error.kind, "Invalid bearer token" in error.reason) == ("auth", True)
    assert _fail(_says(b"{}", content_encoding=encoding)).kind == "malformed"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, "auth"),
        (403, {"detail": "forbidden"}, "auth"),
        (402, {"detail": "quota exceeded"}, "quota"),
        (404, {"error": {"message": "no model m"}}, "model"),
        (429, {"error": {"message": "slow down"}}, "rate_limit"),
        (429, {"error": {"message": "x", "code": "insufficient_quota"}}, "quota"),
        (400, {"error": {"message": "response_format json_schema is not supported"}}, "refused_format"),
        (422, {"detail": [{"loc": ["body", "response_format"]}]}, "refused_format"),
        (400, {"error": {"message": "bad request"}}, "refused_format"),
        (400, b"", "refused_format"),
        (400, {"error": {"message": "maximum context length is 9"}}, "context"),
        (500, {"error": {"message": "response_format type must be one of text, json_object"}}, "refused_format"),
        (500, {"error": {"message": "got an unexpected keyword argument 'seed'"}}, "refused_parameter"),
        (400, {"error": {"message": "x", "code": "model_not_found"}}, "model"),
        (400, {"error": {"message": "Invalid model name passed in model=m"}}, "model"),
        (400, {"error": {"message": "API key not valid. Please pass a valid API key."}}, "auth"),
        (400, {"error": {"message": "No connected db."}}, "auth"),
        (400, {"error": {"message": "Your credit balance is too low to access the API."}}, "quota"),
        (403, {"error": {"message": "Your team has used all available credits"}}, "quota"),
        (403, {"error": {"message": "m requires moderation and your input was flagged"}}, "declined"),
        (400, {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported"}}, "refused_parameter"),
        (400, {"error": {"message": "Unsupported value: 'temperature' does not support 0"}}, "refused_parameter"),
        (400, {"error": {"message": "x", "code": "unsupported_parameter", "param": "max_tokens"}}, "refused_parameter"),
        (400, {"error": {"message": "x", "param": "temperature"}}, "refused_parameter"),
        (400, {"error": {"message": "Unrecognized request argument supplied: seed"}}, "refused_parameter"),
        (400, {"error": {"message": "max_tokens is too large: 4096"}}, "refused_parameter"),
        (400, {"error": {"message": "temperature must be greater than 0"}}, "refused_parameter"),
        (422, {"error": {"message": "seed: Extra inputs are not permitted"}}, "refused_parameter"),
        (400, {"error": {"message": "max_tokens: 4096 exceeds the maximum context length of 2048"}}, "context"),
        (400, {"error": {"message": "a post about seed money and room temperature"}}, "refused_format"),
        (409, {}, "request"),
        (418, b"<html>teapot</html>", "request"),
        (408, {}, "timeout"),
        (500, {"detail": "oops"}, "server"),
        (502, b"<html>" + b"x" * 5_000 + b"</html>", "server"),
        (503, b"", "server"),
        (529, [1, 2], "server"),
    ],
)
def test_refusals_have_a_kind(status: int, body: object, kind: LLMErrorKind) -> None:
    """Every status becomes one kind; the key that a server echoes is gone from reason and causes."""
    error = _fail(_says(body, status))
    assert error.kind == kind
    assert f"HTTP {status}" in error.reason
    assert error.__cause__ is not None


def test_without_a_format_none_is_refused() -> None:
    """A 400 to a plain request is about something else."""
    assert _fail(_says({"error": {"message": "bad"}}, 400), formatted=False).kind == "request"
    assert _fail(_says({"error": {"message": "response_format?"}}, 400), formatted=False).kind == "request"


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("3600", 3600, 3600),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 10**9, 10**10),
    ],
)
def test_retry_after_is_read(value: str, low: float, high: float) -> None:
    """Seconds or a date, however long."""
    wait_s = _fail(_says({}, 429, retry_after=value)).retry_after_s
    assert wait_s is not None
    assert low <= wait_s <= high


_BEYOND_DATES = ["Mon, 99999999999 Jan 2020 00:00:00 GMT", f"Mon, 01 Jan 2020 00:00:00 +{'9' * 30}"]


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e9", ".", "", "1" * 400, "9" * 9_000, *_BEYOND_DATES])
def test_an_odd_retry_after_is_none_or_endless(value: str) -> None:
    """What is no time is ignored; what is absurd is no finite wait."""
    assert _fail(_says({}, 503, retry_after=value)).retry_after_s in {None, float("inf")}


_UNPACKED = 128 << 20
_MOST_USED = 64 << 20


def _packed_spaces(wbits: int = zlib.MAX_WBITS | 16) -> bytes:
    """128 KiB that unpack to 128 MiB; gzip, unless told otherwise."""
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(_UNPACKED >> 20)) + packer.flush()


def _most_used_bytes(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("status", "kind"), [(200, "malformed"), (429, "rate_limit"), (503, "server")])
@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_an_answer_that_unpacks_without_end_is_cut(status: int, kind: LLMErrorKind, encoding: str) -> None:
    """What a server packs takes no more memory than what it says in clear; a refusal keeps its meaning."""
    body = _packed_spaces() if encoding == "gzip" else gzip.compress(_packed_spaces())
    found: list[LLMError] = []
    used = _most_used_bytes(lambda: found.append(_fail(_says(body, status, content_encoding=encoding))))
    assert found[0].kind == kind
    assert used < _MOST_USED


def test_compression_is_not_asked_for() -> None:
    """As little as by the other edges; a server that compresses all the same is understood (see odd answers)."""
    server = Server(_says(_completion()))
    asyncio.run(_complete(server))
    assert "accept-encoding: identity\r\n" in server.heads[0].lower()


def test_no_cookies_are_kept() -> None:
    """A server could let them grow without a bound."""

    async def asked() -> list[str]:
        server = Server(_says(_completion(), set_cookie="name=x; Path=/"))
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            llm = OpenAIChat(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, timeout_s=GIVE_UP_S)
            for _ in range(2):
                await llm.complete(model="m", messages=[], response_format=None, max_tokens=9)
            await llm.aclose()
            await server.close()
        return server.heads

    first, second = asyncio.run(asked())
    assert "cookie" not in (first + second).lower()


@pytest.mark.parametrize("value", [b"\xe8", b"\xb2", "٣".encode(), b"apr\xe8s"])
def test_a_header_may_hold_any_bytes(value: bytes) -> None:
    """What is not ASCII in one costs neither the answer nor the status of a refusal."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        body = json.dumps(_completion()).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-foo: %b\r\nretry-after: %b\r\n"
        writer.write(head % (value, value) + b"content-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()

    assert asyncio.run(_complete(Server(answer))).text == "hi"


@pytest.mark.parametrize(("status", "kind"), [(200, "malformed"), (400, "context")])
def test_an_answer_without_end_is_cut(status: int, kind: LLMErrorKind) -> None:
    """It is not read until the time limit, and may have been billed."""

    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n\r\n".encode())
        while not writer.is_closing():
            writer.write(b'"context length",' * 5_000)
            await writer.drain()

    error = _fail(pour, timeout_s=GIVE_UP_S)
    assert error.kind == kind
    assert "longer than 1000000" in error.reason or status != 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("/v1/chat/completions", "redirects to /v1/chat/completions, which"),
        ("/login?next=secret", "redirects to /login, which a request with a key does not follow (check LLM_BASE"),
        ("https://u:pw@b.example/v2/chat/completions", "(set LLM_BASE to https://b.example/v2 if that is the server"),
        ("//b.example:8443/x#secret", "b.example:8443/x"),
        ("ftp://b.example/x", "ftp://b.example/x"),
        (f"https://b.example/{KEY}", "https://b.example/[redacted]"),
        ("http://[::1", "an address that is none"),
        ("http://b.example:99999999/", "an address that is none"),
        ("x" * 9_000, "xxx"),
        ("", "redirects to nowhere, which a request with a key does not follow (check LLM_BASE, which usually ends"),
    ],
)
def test_a_redirect_is_not_followed(status: int, location: str, told: str) -> None:
    """The key and the question stay with the server that was set: one request, and the reason tells what to set."""
    server = Server(_says({"detail": "moved"}, status, location=location))
    with pytest.raises(LLMError) as caught:
        asyncio.run(_complete(server))
    assert (caught.value.kind, len(server.heads)) == ("model", 1)
    assert told in caught.value.reason
    assert f"HTTP {status}" in caught.value.reason
    assert "LLM_BASE" in caught.value.reason
    assert len(caught.value.reason) <= 300
    assert not any(secret in caught.value.reason for secret in ("secret", "pw", KEY))


def test_an_answer_without_a_place_to_go_is_told_of() -> None:
    """However much is packed in it."""
    error = _fail(_says(_packed_spaces(), 300, content_encoding="gzip"))
    assert (error.kind, "redirects to nowhere" in error.reason) == ("model", True)


def test_a_charset_is_no_codec_to_unpack_by() -> None:
    """JSON is UTF-8, whatever a server calls it; Python's codecs unpack as well as they translate."""
    assert _ask(_says(_completion("τ"), content_type="application/json; charset=latin-1")).text == "τ"
    body = _packed_spaces(zlib.MAX_WBITS)
    found: list[LLMError] = []
    used = _most_used_bytes(lambda: found.append(_fail(_says(body, content_type="application/json; charset=zlib"))))
    assert "no JSON" in found[0].reason
    assert used < _MOST_USED


def test_no_form_of_the_key_is_cut_in_half() -> None:
    """It is taken out before the text is shortened: a part of it would not be found later."""
    encoded = base64.b64encode(KEY.encode()).decode()
    for length in range(150, 210, 7):
        said = _fail(_says({"error": {"message": "x" * length + encoded}}, 403)).reason
        assert encoded[:8] not in said


def test_a_model_on_this_machine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch, closed_url: str) -> None:
    """As the API and X are: a proxy of the environment knows other machines."""
    monkeypatch.setenv("HTTP_PROXY", closed_url)
    assert _ask(_says(_completion())).text == "hi"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://user:hunter2@proxy.corp:1080"),
        ("HTTP_PROXY", "socks4://user:hunter2@proxy.corp:1080"),
        ("HTTP_PROXY", "user:hunter2@proxy.corp:3128x"),
        ("SSL_CERT_FILE", "/none/none.pem"),
    ],
)
def test_an_environment_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """It is no bug and costs nothing; of a proxy nothing is told, since it may be a part of a password."""
    monkeypatch.setenv(name, value)

    async def ask() -> None:
        llm = OpenAIChat(base_url="https://llm.example/v1", api_key=KEY, timeout_s=GIVE_UP_S)
        for _ in range(2):
            await llm.complete(model="m", messages=[], response_format=None, max_tokens=9)

    with pytest.raises(LLMError, match="the environment's proxy or certificates cannot be used") as caught:
        asyncio.run(ask())
    assert caught.value.kind == "connection"
    assert name in caught.value.reason
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_dripping_answer_is_cut_off() -> None:
    """The limit is for the whole call, not for each piece of it."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert _fail(drip, timeout_s=0.3).kind == "timeout"


@pytest.mark.parametrize(("timeout_s", "told"), [(60.0, "60"), (GIVE_UP_S, "300"), (90.5, "90.5")])
def test_a_proxy_is_told_when_this_client_gives_up(timeout_s: float, told: str) -> None:
    """LiteLLM goes on with a request whose client has left, and repeats one that failed, unless headers forbid it."""
    server = Server(_says(_completion()))
    asyncio.run(_complete(server, timeout_s=timeout_s))
    headers = dict(line.lower().split(": ", 1) for line in server.heads[0].splitlines()[1:] if line)
    assert (headers["x-litellm-timeout"], headers["x-litellm-num-retries"]) == (told, "0")


def test_a_client_that_gives_up_closes_its_connection() -> None:
    """By which a server that looks sees that nobody waits for what it is at work on."""

    async def give_up() -> None:
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()  # to the end of all that the client sends
            gone.set()
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        llm = OpenAIChat(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, timeout_s=0.2)
        with pytest.raises(LLMError):
            await llm.complete(
                model="m", messages=[{"role": "user", "content": "τ"}], response_format=None, max_tokens=256
            )
        await asyncio.wait_for(gone.wait(), GIVE_UP_S)
        await llm.aclose()
        listener.close()

    asyncio.run(give_up())


def test_a_silent_server_times_out() -> None:
    """No answer in time is a timeout."""

    async def silence(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    assert _fail(silence, timeout_s=0.2).kind == "timeout"


def test_a_broken_connection_is_a_connection_error() -> None:
    """A connection that ends early may have cost something; one that nobody accepts did not."""

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{")

    assert _fail(hang_up).kind == "broken"

    async def nothing(_: asyncio.StreamWriter) -> None:
        return

    assert _fail(nothing).kind == "broken"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def refused() -> None:
        llm = OpenAIChat(base_url=f"http://127.0.0.1:{port}", api_key=KEY, timeout_s=GIVE_UP_S)
        with pytest.raises(LLMError) as caught:
            await llm.complete(model="m", messages=[], response_format=None, max_tokens=9)
        assert caught.value.kind == "connection"
        await llm.aclose()

    asyncio.run(refused())


def test_what_is_not_http_is_an_error_of_ours() -> None:
    """Rubbish on the line does not leak the client's exceptions."""

    async def rubbish(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    assert _fail(rubbish).kind in {"broken", "malformed"}


def test_cancelling_passes_through() -> None:
    """A cancelled call raises CancelledError and leaves nothing open."""

    async def silence(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async def cancelled() -> None:
        task = asyncio.create_task(_complete(Server(silence)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


@settings(max_examples=40, derandomize=True)
@given(
    body=st.binary(max_size=60)
    | st.builds(lambda message: {"choices": [{"message": message}]}, st.text() | st.none() | st.lists(st.integers())),
    status=st.sampled_from([200, 201, 204, 400, 402, 429, 500]),
    content_type=st.sampled_from(["application/json", "text/html", "application/json; charset=utf-9"]),
)
def test_any_answer_is_a_completion_or_our_error(body: object, status: int, content_type: str) -> None:
    """Whatever a server sends, nothing but LLMError comes out."""
    if status == 204:
        body = b""
    try:
        _ask(_says(body, status, content_type=content_type))
    except LLMError as error:
        assert KEY not in str(error)  # noqa: PT017 - both ends are right, and only this one can leak
