"""What each route can do wrong, in a line each, and which request does: scripts and rates. It touches no request."""

from __future__ import annotations

import random
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FAULTS", "NO_FAULT", "SERVICES", "Fault", "FaultPlan", "check_rates", "known_faults"]

SERVICES = ("x", "llm", "api")

_TRANSPORT = {
    "hang": "no answer for `seconds` (3600), then the connection is closed; nothing is done",
    "slow": "waits `seconds` (1), then acts and answers properly",
    "drop": "closes the connection without an answer; nothing is done",
    "drip": "acts, then sends the body in pieces of `bytes` (1), `seconds` (0.05) apart",
    "flood_chunks": "acts, then sends `bytes` (2,000,000) blanks and the body, each byte as a chunk of its own",
    "flood_1xx": "sends 100 Continue without a pause for `seconds` (3600), then closes; nothing is done",
    "cut": "acts, then closes the connection in the middle of the body",
    "lost_answer": "acts, then closes the connection without answering",
    "html": "200 with an HTML page; nothing is done",
    "html_503": "503 with an HTML page, as a proxy sends it",
    "blank": "200 with an empty body; nothing is done",
    "not_json": "200 with a body that is cut JSON; nothing is done",
    "500": "500 with the service's error body",
    "503": "503 with the service's error body, and Retry-After when `retry_after` is given",
}

_X = {
    "400": "400 invalid-request",
    "401": "401 as for a wrong token",
    "402": "402 credits: none left",
    "403": "403 client-forbidden",
    "429": "429 rate-limit-exceeded, no requests remaining",
    "429_usage_capped": "429 usage-capped with requests remaining",
    "429_code_88": "429 with the old error list, code 88",
    "partial": "200 with data, an author missing and `errors` saying so",
    "missing_author": "200 with every other author missing from `includes`, without a word",
    "list_body": "200 with a JSON list",
    "empty": "200 with no posts",
    "odd_date": "200 with the newest post dated `at` (9999-12-31T23:59:59.000Z)",
    "ignores_time": "200 with the oldest posts of all, whatever time was asked for",
    "edited": "200 with every post edited: from now on under a new id, with its history",
}

_USERS = {
    **{name: _X[name] for name in ("400", "401", "402", "403", "429", "429_usage_capped", "429_code_88", "list_body")},
    "partial": "200 with every other user missing and `errors` saying so",
    "missing_author": "200 with every other user missing, without a word",
}

_USAGE = {
    "401": "401 as for a wrong token",
    "402": "402 credits: none left",
    "403": "403 client-forbidden",
    "404": "404 resource-not-found",
    "429": "429 rate-limit-exceeded, no requests remaining",
    "429_usage_capped": "429 usage-capped with requests remaining",
    "capped": "200 with as many posts used as the project may read",
    "no_numbers": "200 with `data: {}`",
}

_LLM = {
    "400": "400 invalid request",
    "401": "401 as for a wrong key",
    "402": "402 quota exhausted",
    "403": "403 forbidden",
    "404": "404 model not found",
    "429": "429 with Retry-After of `retry_after` (1) seconds",
    "429_long": "429 with Retry-After of 600 seconds",
    "empty_choices": "200 with `choices: []`",
    "null_usage": "200 with `usage: null`",
    "null_content": "200 with `content: null`",
    "refusal": "200 with a refusal in place of content",
    "fenced": "the JSON in a code fence, whatever format was asked for",
    "prose": "the JSON with prose around it, whatever format was asked for",
    "truncated": "half of the answer, finish_reason length",
    "unknown_names": "names that were not among the candidates",
    "bad_category": "a sentiment outside the five categories",
    "bad_indexes": "function indexes out of range",
    "wrong_shape": "valid JSON with other keys",
    "garbled": "content that is no JSON",
    "thinking": "the model thinks first, and drafts the opposite of its answer",
    "long_thinking": "the same with thoughts of 1,500 tokens, which max_tokens may cut off",
    "refused_format": "400 for any response_format but text",
    "refused_parameter": "400 for a seed",
    "context": "400 for a question of more than 2,048 tokens",
    "error_in_200": "200 with the error of a 429 in it",
}

_MODELS = {
    "401": "401 as for a wrong key",
    "402": "402 quota exhausted",
    "403": "403 forbidden",
    "404": "404 as from a server that keeps no list",
    "429": "429 with Retry-After of `retry_after` (1) seconds",
    "bare_list": "200 with the models as a JSON list",
    "other_models": "200 without the model of the configuration",
    "wrong_shape": "200 with valid JSON of another kind",
}

_LIES = {
    "time_block": "unix time in place of every block number",
    "far_block": "block numbers 9,000 too high",
    "window_ahead": "block numbers a window too high",
    "short_windows": "blocks_per_window 1",
    "large_quota": "max_submissions 100",
}

_STATUS = {
    **{name: f"200 with {what}" for name, what in _LIES.items()},
    "401": "401 {detail}",
    "403": "403 {detail}",
    "429": "429 with rate_limit and headers",
    "no_block": "200 without block numbers",
    "bad_block": "200 with block numbers as words",
    "mismatch": "200 with blocks_per_window twice as large",
    "stall": "200 with the block of the answer before",
    "rollback": "200 with a block one window back",
    "undated": "answered as usual, without a Date header",
}

_SUBMIT = {
    **{name: f"accepted as usual, answered with {what}" for name, what in _LIES.items()},
    "401": "401 {detail}, which `detail` can say",
    "403": "403 {detail}, likewise",
    "409": "409 {detail: {message}} and block numbers; the post belongs to another hotkey from now on",
    "409_text": "409 {detail: text}; likewise",
    "422": "422 {detail: [{field, message}]}",
    "422_nested": "422 {detail: {detail: [...]}}",
    "422_message": "422 {detail: {message}}",
    "422_text": "422 {detail: text}",
    "429": "429 with rate_limit and headers",
    "429_text": "429 {detail: text} with headers",
    "429_body": "429 with rate_limit, without headers",
    "429_headers": "429 with headers, without a body",
    "429_bare": "429 without body or headers",
    "weird_status": "200 with a `status` nobody documented; nothing is done",
    "other_post": "200 with success of another post; nothing is done",
    "other_hotkey": "200 with success of another hotkey; nothing is done",
    "plain_ok": "accepted as usual, answered with status ok",
    "no_block": "accepted as usual, answered without block numbers",
    "bad_block": "accepted as usual, answered with block numbers as words",
    "mismatch": "accepted as usual, answered with blocks_per_window twice as large",
    "created": "accepted as usual, answered with 201",
    "selected": "accepted and selected for validation whatever the probability",
    "x_failed": "accepted and selected, but the check against X fails",
}

FAULTS: dict[str, dict[str, str]] = {
    "x.search": {**_TRANSPORT, **_X},
    "x.users": {**_TRANSPORT, **_USERS},
    "x.usage": {**_TRANSPORT, **_USAGE},
    "llm.chat": {**_TRANSPORT, **_LLM},
    "llm.models": {**_TRANSPORT, **_MODELS},
    "api.status": {**_TRANSPORT, **_STATUS},
    "api.submit": {**_TRANSPORT, **_SUBMIT},
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one request.

    Attributes:
        name: A name of FAULTS; empty for a request that is answered properly.
        params: What the fault may be told, such as seconds or retry_after.
        only: Text that the request's body must hold for a scripted fault to fit; empty for any request.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    only: str = ""

    def number(self, key: str, default: float) -> float:
        """A numeric parameter, or the default."""
        return float(self.params.get(key, default))


NO_FAULT = Fault("")


def known_faults(target: str) -> set[str]:
    """The faults that a route ("api.submit"), or some route of a service ("api"), can show.

    Raises:
        ValueError: There is no such route or service.
    """
    names = [set(faults) for route, faults in FAULTS.items() if target in (route, route.partition(".")[0])]
    if not names:
        raise ValueError(f"unknown route {target!r}; known: {', '.join((*FAULTS, *SERVICES))}")
    return set().union(*names)


def check_rates(rates: Mapping[str, Mapping[str, float]]) -> None:
    """Check routes, fault names and probabilities.

    Raises:
        ValueError: A name is unknown, or the probabilities of a route are negative or exceed 1 together.
    """
    for target, faults in rates.items():
        for name, rate in faults.items():
            _check_name(target, name)
            if not 0 <= rate <= 1:
                raise ValueError(f"rate of {name!r} on {target!r} is {rate}; expected 0..1")
    for route in FAULTS:
        total = sum(rate for _, rate in _rates_of(rates, route))
        if total > 1 + 1e-9:
            raise ValueError(f"the rates on {route!r} add up to {total}; expected at most 1")


class FaultPlan:
    """Decides per request: a route's script first, then its service's script, then the rates.

    The n-th draw of a route depends on the seed, the route and n alone, so requests to other routes never
    disturb it. Safe to use from any thread.
    """

    def __init__(self, *, seed: int, rates: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._scripts: dict[str, deque[Fault]] = defaultdict(deque)
        self._rates: Mapping[str, Mapping[str, float]] = {}
        self._random: dict[str, random.Random] = {}
        self.replace(rates=rates or {})

    def replace(self, *, rates: Mapping[str, Mapping[str, float]], seed: int | None = None) -> None:
        """Set new rates, forget all scripts and start the draws anew.

        Raises:
            ValueError: See check_rates.
        """
        check_rates(rates)
        with self._lock:
            self._seed = self._seed if seed is None else seed
            self._rates = {target: dict(faults) for target, faults in rates.items()}
            self._scripts.clear()
            # Not for security: a seeded sequence is the purpose.
            self._random = {route: random.Random(f"{self._seed}:{route}") for route in FAULTS}  # noqa: S311

    def script(
        self, target: str, fault: str, *, times: int = 1, only: str = "", params: Mapping[str, Any] | None = None
    ) -> None:
        """Append: the next requests to a route, or service, show this fault; "ok" lets them pass.

        With `only`, the next requests whose body holds that text, such as a post's id: other requests pass by
        to what is scripted behind. Requests that come at the same time can be told apart in this way.

        Raises:
            ValueError: The route or the fault is unknown, or times is below 1.
        """
        if fault != "ok":
            _check_name(target, fault)
        else:
            known_faults(target)
        if times < 1:
            raise ValueError(f"times is {times}; expected at least 1")
        entry = Fault("" if fault == "ok" else fault, dict(params or {}), only)
        with self._lock:
            self._scripts[target].extend([entry] * times)

    def clear(self) -> None:
        """Forget scripts and rates: everything is answered properly from now on."""
        self.replace(rates={})

    def decide(self, route: str, body: bytes = b"") -> Fault:
        """The fault of the next request to a route; one without a name for none."""
        with self._lock:
            draw = self._random[route].random()
            for target in (route, route.partition(".")[0]):
                queue = self._scripts[target]
                fault = next((one for one in queue if _applies(one, route, body)), None)
                if fault is not None:
                    queue.remove(fault)
                    return fault
            return _drawn(draw, _rates_of(self._rates, route))

    def settings(self) -> dict[str, Any]:
        """Rates and what is left of the scripts, as JSON."""
        with self._lock:
            scripts = {
                target: [fault.name or "ok" for fault in queue] for target, queue in self._scripts.items() if queue
            }
            return {"seed": self._seed, "rates": {k: dict(v) for k, v in self._rates.items()}, "scripts": scripts}


def _applies(fault: Fault, route: str, body: bytes) -> bool:
    return (not fault.name or fault.name in FAULTS[route]) and fault.only.encode() in body


def _check_name(target: str, fault: str) -> None:
    known = known_faults(target)
    if fault not in known:
        raise ValueError(f"unknown fault {fault!r} for {target!r}; known: {', '.join(sorted(known))}")


def _rates_of(rates: Mapping[str, Mapping[str, float]], route: str) -> list[tuple[str, float]]:
    service = route.partition(".")[0]
    merged = {**rates.get(service, {}), **rates.get(route, {})}
    return sorted((name, rate) for name, rate in merged.items() if name in FAULTS[route])


def _drawn(draw: float, rates: Iterable[tuple[str, float]]) -> Fault:
    for name, rate in rates:
        if draw < rate:
            return Fault(name)
        draw -= rate
    return NO_FAULT
