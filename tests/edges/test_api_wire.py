"""Every answer of the contract into what it means, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.edges.api_wire import auth_headers, classify, status_block, unanswered
from actor.edges.reply import Reply, Unanswered
from actor.ports import Accepted, Block, Failed, Limited, Rejected, StatusError, SubmitAnswer
from events.catalogue import SubmissionBody
from events.codec import canonical_json

CHECK_KEY = "check WALLET_NAME and WALLET_HOTKEY, and this machine's clock: `user-miner doctor`"
CHECK_ADDRESS = "check MINER_API_URL: no path such as /v2 belongs to it"
SENT = SubmissionBody(
    miner_hotkey="5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
    post_id="1812",
    content="SN45 ships",
    date=1_795_000_000,
    author="ada",
    account_age=365,
    retweets=1,
    likes=2,
    responses=3,
    followers=4,
    tokens={},
    sentiment=0.5,
    score=0.75,
)
BLOCK = {
    "current_block": 6_000_042,
    "window_start_block": 6_000_000,
    "window_end_block": 6_000_099,
    "next_window_start_block": 6_000_100,
    "blocks_per_window": 100,
    "current_window": 60_000,
}


def _reply(status: int, body: object = b"", **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=raw)


def _hide(text: str) -> str:
    return text.replace("SECRET", "[redacted]")


def _answer(status: int, body: object = b"", **headers: str) -> SubmitAnswer:
    return classify(_reply(status, body, **headers), sent=SENT, redact=str)


@pytest.mark.parametrize("status", ["new", "duplicate", "ok"])
@pytest.mark.parametrize("http_status", [200, 201, 202])
def test_a_success(status: str, http_status: int) -> None:
    """R10: new, duplicate and ok are success under any 2xx."""
    body = {"status": status, "selected_for_validation": True, "validation_id": "val-1", **BLOCK}
    assert _answer(http_status, body) == Accepted(
        status=status,
        http_status=http_status,
        answer=json.dumps(body),
        block=Block(**BLOCK),
        selected_for_validation=True,
        validation_id="val-1",
    )


@pytest.mark.parametrize("named", [{}, {"post_id": SENT.post_id}, {"miner_hotkey": SENT.miner_hotkey, "post_id": None}])
def test_a_success_that_names_what_was_sent(named: dict[str, object]) -> None:
    """Or names nothing: both are a verdict on our post."""
    assert isinstance(_answer(200, {"status": "new", **named, **BLOCK}), Accepted)


@pytest.mark.parametrize("status", ["new", "duplicate", "ok"])
@pytest.mark.parametrize(
    ("named", "found"),
    [
        ({"post_id": "1"}, "expected a verdict on post_id 1812, found post_id 1"),
        ({"post_id": "01812"}, "expected a verdict on post_id 1812, found post_id 01812"),
        ({"post_id": ""}, "expected a verdict on post_id 1812, found post_id "),
        ({"post_id": 1812}, "expected a verdict on post_id 1812, found a post_id that is no text"),
        ({"post_id": ["1812"]}, "expected a verdict on post_id 1812, found a post_id that is no text"),
        ({"post_id": False}, "expected a verdict on post_id 1812, found a post_id that is no text"),
        (
            {"post_id": "1812", "miner_hotkey": "5Other"},
            f"on miner_hotkey {SENT.miner_hotkey}, found miner_hotkey 5Oth",
        ),
        ({"miner_hotkey": SENT.miner_hotkey.lower()}, f"on miner_hotkey {SENT.miner_hotkey}, found miner_hotkey 5grw"),
        ({"miner_hotkey": {}}, f"on miner_hotkey {SENT.miner_hotkey}, found a miner_hotkey that is no text"),
    ],
)
def test_a_success_of_another_post_or_hotkey(status: str, named: dict[str, object], found: str) -> None:
    """It says nothing of ours, so ours is sent again; its block numbers count."""
    failed = _answer(200, {"status": status, **named, **BLOCK})
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.http_status, failed.block) == ("unexpected", 200, Block(**BLOCK))
    assert found.strip() in failed.reason


def test_a_success_that_says_nothing_else() -> None:
    """Every field beside status is optional, and odd ones count as absent."""
    said = _answer(200, {"status": "ok"})
    odd = _answer(200, {"status": "ok", "selected_for_validation": "yes", "validation_id": 7, "current_block": "soon"})
    for accepted in (said, odd):
        assert isinstance(accepted, Accepted)
        assert (accepted.selected_for_validation, accepted.validation_id, accepted.block) == (None, None, Block())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"status": "queued_for_review"}, "status queued_for_review"),
        ({"status": "New"}, "status New"),
        ({"status": True}, "a status that is no text"),
        ({"status": ["new"]}, "a status that is no text"),
        ({"detail": "no"}, "no"),
        ([], "[]"),
        (b"", "empty body"),
        (b"<html><title>Just a moment...</title>", "an HTML page: Just a moment..."),
        (b'{"status": "new"', '{"status": "new"'),
        (b"\xff\xfe", "��"),
    ],
)
def test_a_success_that_is_not_in_the_contract(body: object, found: str) -> None:
    """R10: any other status string, or no JSON at all, is an "other error"."""
    failed = _answer(200, body)
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.http_status) == ("unexpected", 200)
    assert failed.reason == f"200: expected status new, duplicate or ok, found {found}"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"status":"error","status":"ok"}', "status"),
        (b'{"status":"new","current_block":6000042,"stat\\u0075s":"duplicate"}', "status"),
        (b'\xef\xbb\xbf{"status":"new","current_block":6000042,"current_block":6000142}', "current_block"),
        (b'{"status":"ok","current_block":6000042,"detail":{"rate_limit":{"SECRET":1,"SECRET":[1]}}}', "[redacted]"),
        (b'{"status":"ok","post_id":"1812","list":[{"a":{},"a":null}]}', "a"),
    ],
)
def test_a_success_with_two_values_for_a_key_is_none(body: bytes, key: str) -> None:
    """Readers of JSON differ in which of them counts, so neither does, and nor do the numbers beside them."""
    failed = classify(_reply(200, body), sent=SENT, redact=_hide)
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.http_status, failed.block) == ("unexpected", 200, Block())
    assert failed.reason == f"200: expected one value for each key, found two for {key}"
    with pytest.raises(StatusError, match="expected a current_block"):
        status_block(_reply(200, body), redact=_hide)


def test_a_key_that_says_the_same_twice_is_no_matter() -> None:
    """Nor is one in two objects; and what a refusal means is told by its HTTP status."""
    twice = _answer(200, b'{"status":"ok","current_block":7,"status":"ok","detail":{"status":"error"}}')
    assert isinstance(twice, Accepted)
    assert twice.block == Block(current_block=7)
    assert isinstance(_answer(409, b'{"status":"ok","status":"error"}'), Rejected)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "post already submitted by another hotkey"}, "post already submitted by another hotkey"),
        ({"detail": {"message": "taken"}}, "taken"),
        ({"detail": [{"field": "content", "message": "too long"}]}, "content: too long"),
        ({"detail": {"detail": [{"field": "a", "message": "b"}, {"field": "c", "message": "d"}]}}, "a: b; c: d"),
        ({"detail": [{"loc": ["body", "score"], "msg": "Input should be less"}]}, "body.score: Input should be less"),
        ({"message": "no"}, "no"),
        ({"error": {"message": "no\nmore"}}, "no more"),
        ({"detail": []}, '{"detail": []}'),
        (b"", "empty body"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"plain words", "plain words"),
    ],
)
@pytest.mark.parametrize("status", [409, 422])
def test_a_final_refusal(status: int, body: object, said: str) -> None:
    """R10: 409 and 422 are final in every shape of detail, and the reason is one readable line."""
    rejected = _answer(status, body)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == f"{status}: {said}"
    assert rejected.http_status == status


@pytest.mark.parametrize(
    "body",
    [
        BLOCK,
        {"detail": "x", **BLOCK},
        {"detail": {"message": "x", **BLOCK}},
        {"detail": {"message": "x", "rate_limit": BLOCK}},
        {"detail": {"rate_limit": BLOCK, "current_block": 1}},
        {key: str(value) for key, value in BLOCK.items()},
        {key: float(value) for key, value in BLOCK.items()},
    ],
)
@pytest.mark.parametrize("status", [200, 409, 422, 429, 500])
def test_block_numbers_are_found_wherever_they_stand(status: int, body: dict[str, Any]) -> None:
    """At top level, in detail.rate_limit or in detail, with any status."""
    assert _answer(status, body).block == Block(**BLOCK)


@pytest.mark.parametrize(
    ("wrong", "lost"),
    [
        ({"current_block": -1}, "current_block"),
        ({"current_block": 2**53}, "current_block"),
        ({"current_block": True}, "current_block"),
        ({"current_block": 1.5}, "current_block"),
        ({"blocks_per_window": 0}, "blocks_per_window"),
        ({"blocks_per_window": 10**9}, "blocks_per_window"),
        ({"window_start_block": 6_000_043}, "window_start_block"),
        ({"window_end_block": 6_000_041}, "window_end_block"),
        ({"next_window_start_block": 6_000_042}, "next_window_start_block"),
        ({"current_window": None}, "current_window"),
    ],
)
def test_a_number_that_is_not_sane_counts_as_absent(wrong: dict[str, Any], lost: str) -> None:
    """Out of range, of another type, or in contradiction to the current block."""
    assert _answer(200, {"status": "ok", **BLOCK, **wrong}).block == Block(**{**BLOCK, lost: None})


def test_a_full_window() -> None:
    """R9: the message, the window and when the next one begins."""
    numbers = {"current_count": 5, "max_submissions": 5, "estimated_seconds_until_reset": 700, **BLOCK}
    body = {"detail": {"message": "Rate limit exceeded", "rate_limit": numbers}}
    limited = _answer(429, body, x_ratelimit_reset_block="6000100", x_ratelimit_reset_seconds="696.5")
    assert limited == Limited(
        reason="429: Rate limit exceeded",
        answer=json.dumps(body),
        block=Block(**BLOCK, max_submissions=5),
        reset_block=6_000_100,
        reset_s=696.5,
    )


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", {}, (None, None)),
        (b"<html>", {"x_ratelimit_reset_block": "7", "x_ratelimit_reset_seconds": "3"}, (7, 3.0)),
        ({"detail": "full"}, {"x_ratelimit_reset_block": "soon", "x_ratelimit_reset_seconds": "nan"}, (None, None)),
        ({"detail": {"rate_limit": {"estimated_seconds_until_reset": 9, **BLOCK}}}, {}, (6_000_100, 9.0)),
        ({"detail": {"estimated_seconds_until_reset": "9"}}, {"x_ratelimit_reset_seconds": "-1"}, (None, 9.0)),
    ],
)
def test_a_full_window_with_and_without_body_and_headers(
    body: object, headers: dict[str, str], expected: tuple[int | None, float | None]
) -> None:
    """R9: the headers, else the body, else unknown; it is a rate limit in any case."""
    limited = _answer(429, body, **headers)
    assert isinstance(limited, Limited)
    assert (limited.reset_block, limited.reset_s) == expected


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"detail": "bad"}, "400: bad"),
        (401, {"detail": "Signature was used before"}, f"401: Signature was used before ({CHECK_KEY})"),
        (403, {"detail": "not registered"}, f"403: not registered ({CHECK_KEY})"),
        (404, b"", f"404: empty body ({CHECK_ADDRESS})"),
        (405, {"detail": "Method Not Allowed"}, f"405: Method Not Allowed ({CHECK_ADDRESS})"),
        (500, {"detail": "Internal server error"}, "500: Internal server error"),
        (502, b"<html><head><title>502 Bad Gateway</title>", "502: an HTML page: 502 Bad Gateway"),
        (503, b"", "503: empty body"),
        (302, b"", "302: the API redirects, which a signed request does not follow (check MINER_API_URL)"),
    ],
)
def test_everything_else_is_another_error(status: int, body: object, reason: str) -> None:
    """R10: 401, 403 and the rest may be tried again."""
    failed = _answer(status, body)
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.http_status, failed.reason) == ("http", status, reason)


def test_an_answer_that_is_not_whole_is_judged_by_its_status() -> None:
    """A cut 429 is a 429; a cut success is none."""
    cut = {"body": b'{"status":"new"}', "complete": False}
    assert isinstance(classify(Reply(status=429, **cut), sent=SENT, redact=str), Limited)  # type: ignore[arg-type]
    assert isinstance(classify(Reply(status=200, **cut), sent=SENT, redact=str), Failed)  # type: ignore[arg-type]


def test_no_answer_at_all() -> None:
    """The kind and the reason are kept."""
    failed = unanswered(Unanswered("host: no answer", kind="timeout"))
    assert failed == Failed(kind="timeout", reason="host: no answer", http_status=None, answer="", block=Block())


def test_texts_are_redacted_before_they_are_cut() -> None:
    """A secret at the edge of the limit leaves no half behind."""
    said = classify(_reply(500, b"x" * 3995 + b"SECRET"), sent=SENT, redact=_hide)
    assert "SEC" not in said.answer
    assert len(said.answer) == 4000
    for status in (200, 409, 429, 500):
        for before in range(180, 310):
            said = classify(_reply(status, {"message": "x" * before + "SECRET"}), sent=SENT, redact=_hide)
            assert isinstance(said, Accepted) or "SE" not in said.reason


def test_the_status() -> None:
    """The block numbers of GET /v2/status."""
    assert status_block(_reply(200, {"status": "ok", **BLOCK}), redact=str) == Block(**BLOCK)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (_reply(200, {"status": "ok"}), 'expected a current_block, found {"status": "ok"}'),
        (_reply(200, {"current_block": "soon"}), "expected a current_block"),
        (_reply(200, b""), "found an empty body"),
        (_reply(200, b"<html>"), "found <html>"),
        (_reply(500, {"detail": "down"}), "500: down$"),
        (_reply(401, {"detail": "who are you"}), "401: who are you$"),
        (_reply(404, b""), r"404: empty body \(check MINER_API_URL"),
        (_reply(307, b""), "307: the API redirects"),
    ],
)
def test_a_status_without_block_number(answer: Reply, line: str) -> None:
    """One clear line."""
    with pytest.raises(StatusError, match=line):
        status_block(answer, redact=str)


def test_the_auth_headers(alice: Any) -> None:
    """Contract: address, message, signature of the message's bytes, and the timestamp of the same second."""
    from bittensor_core import verify  # noqa: PLC0415  (only tests that verify pay for it)

    headers = auth_headers(alice, 1_795_000_000_999)
    assert list(headers) == ["X-Auth-SS58Address", "X-Auth-Message", "X-Auth-Signature", "X-Auth-Timestamp"]
    assert headers["X-Auth-Message"] == "talisman-ai-auth:1795000000"
    assert headers["X-Auth-Timestamp"] == "1795000000.999"
    signature = headers["X-Auth-Signature"]
    assert len(signature) == 128
    assert verify(headers["X-Auth-Message"].encode(), bytes.fromhex(signature), alice.ss58_address)
    assert auth_headers(alice, 1_795_000_000_999)["X-Auth-Signature"] != signature


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\ud800\udfff\x00\n")), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([*BLOCK, "status", "max_submissions", "selected_for_validation", "validation_id", "message"])
near = st.dictionaries(names, st.one_of(json_values, st.sampled_from(["new", "ok"])), max_size=8)
bodies = st.one_of(
    st.binary(max_size=60),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda top, detail, limit: json.dumps({**top, "detail": {**detail, "rate_limit": limit}}).encode(),
        near,
        near,
        near,
    ),
)
headers = st.dictionaries(
    st.sampled_from(["x-ratelimit-reset-block", "x-ratelimit-reset-seconds"]), st.text(max_size=25), max_size=2
)


def _sane(block: Block) -> bool:
    now, start = block.current_block, block.window_start_block
    numbers = [now, start, block.window_end_block, block.next_window_start_block, block.current_window]
    return (
        all(number is None or 0 <= number < 2**53 for number in numbers)
        and (now is None or start is None or start <= now)
        and (block.blocks_per_window is None or block.blocks_per_window >= 1)
        and (block.max_submissions is None or block.max_submissions >= 1)
    )


@given(st.integers(min_value=200, max_value=599), bodies, headers, st.booleans())
def test_no_answer_breaks_the_classification(status: int, body: bytes, heads: dict[str, str], whole: bool) -> None:  # noqa: FBT001  (drawn)
    """Any answer is one of the four, with sane numbers, bounded texts, and fit for the journal."""
    said = classify(Reply(status=status, headers=heads, body=body, complete=whole), sent=SENT, redact=str)
    canonical_json(said)
    assert _sane(said.block)
    assert len(said.answer) <= 4000
    if isinstance(said, Limited):
        assert said.reset_s is None or 0 <= said.reset_s < 2**53
        assert said.reset_block is None or 0 <= said.reset_block < 2**53
    if not isinstance(said, Accepted):
        assert len(said.reason.splitlines()) == 1
        assert said.reason.startswith(str(status))
    expected: dict[int, Callable[[], bool]] = {
        409: lambda: isinstance(said, Rejected),
        422: lambda: isinstance(said, Rejected),
        429: lambda: isinstance(said, Limited),
    }
    assert expected.get(status, lambda: isinstance(said, Accepted | Failed))()


@given(st.integers(min_value=200, max_value=599), bodies)
def test_no_status_breaks_the_edge(status: int, body: bytes) -> None:
    """Any answer is a sane block with a number or a StatusError of one line."""
    outcome: Block | StatusError
    try:
        outcome = status_block(Reply(status=status, body=body), redact=str)
    except StatusError as error:
        outcome = error
    if isinstance(outcome, StatusError):
        assert len(str(outcome).splitlines()) == 1
    else:
        assert _sane(outcome)
        assert outcome.current_block is not None
