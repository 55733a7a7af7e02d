"""The coordination API v2 behind ``actor.ports.ApiPort``. It signs, sends and classifies; it never retries or waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from actor.edges.api_wire import auth_headers, classify, status_block, unanswered
from actor.edges.reply import Reply, Unanswered
from actor.edges.text import Redactor, checked_base, place, safe_line
from actor.ports import Block, Clock, Signer, StatusError, SubmitAnswer
from events.catalogue import SubmissionBody
from events.codec import canonical_json

__all__ = ["APIClient", "Exchanging", "open_http"]


class Exchanging(Protocol):
    """What carries a request to the API and its answer back: HTTP, or a simulated network."""

    async def exchange(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None) -> Reply:
        """Send one request.

        Raises:
            Unanswered: No answer, or a 2xx that broke off.
        """
        ...

    async def aclose(self) -> None: ...


class APIClient:
    """Asks the coordination API for the block and submits posts to it.

    Belongs to one event loop from its first request to ``aclose``.

    Args:
        base_url: MINER_API_URL, with or without a path prefix.
        signer: The miner's hotkey.
        clock: For the timestamp that is signed.
        operation_timeout_s: For each network operation (ruling 2).
        total_timeout_s: For the whole request: BATCH_HTTP_TIMEOUT (ruling 2).
        redact: Takes the secrets of this process out of a text.
        open_exchange: Opens what carries requests, or raises Unanswered; None for HTTP.

    Raises:
        ValueError: The URL or a timeout cannot be used; the message says why.
    """

    def __init__(
        self,
        *,
        base_url: str,
        signer: Signer,
        clock: Clock,
        operation_timeout_s: float = 10.0,
        total_timeout_s: float = 30.0,
        redact: Callable[[str], str],
        open_exchange: Callable[[], Exchanging] | None = None,
    ) -> None:
        if min(operation_timeout_s, total_timeout_s) <= 0:
            raise ValueError("the timeouts of the API, BATCH_HTTP_TIMEOUT among them, must be positive")
        self._base = checked_base(base_url, setting="MINER_API_URL")
        self._signer = signer
        self._clock = clock
        self._redact = redact
        self._open_exchange = open_exchange or partial(
            open_http, self._base, operation_timeout_s=operation_timeout_s, total_timeout_s=total_timeout_s
        )
        self._exchanger: Exchanging | None = None

    def __repr__(self) -> str:
        return f"APIClient({place(self._base)}, {self._signer.ss58_address})"

    async def status(self) -> Block:
        """The current block.

        Raises:
            StatusError: No answer, or one without a block number.
        """
        try:
            reply = await self._exchange("GET", "/v2/status", {}, None)
        except Unanswered as error:
            raise StatusError(safe_line(error.reason, self._redact)) from error
        return status_block(reply, redact=self._redact)

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        """One signed attempt; never raises for what a network or server can do."""
        headers = auth_headers(self._signer, self._clock.now_ms())
        # An answer that quotes the signature would put a credential into the journal.
        own = Redactor((headers["X-Auth-Signature"], headers["X-Auth-Signature"].upper()))

        def redact(text: str) -> str:
            return self._redact(own(text))

        content = {"Content-Type": "application/json"}
        try:
            reply = await self._exchange("POST", "/v2/submit", headers | content, canonical_json(body))
        except Unanswered as error:
            return unanswered(Unanswered(safe_line(error.reason, redact), kind=error.kind))
        return classify(reply, sent=body, redact=redact)

    async def aclose(self) -> None:
        """Close connections; a later request opens new ones."""
        exchanger, self._exchanger = self._exchanger, None
        if exchanger is not None:
            await exchanger.aclose()

    async def _exchange(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Reply:
        try:
            if self._exchanger is None:
                self._exchanger = self._open_exchange()
            return await self._exchanger.exchange(method, self._base + path, headers=headers, content=content)
        except Unanswered as error:
            raise Unanswered(f"{place(self._base)}: {error.reason}", kind=error.kind) from error.__cause__


def open_http(base: str, *, operation_timeout_s: float = 10.0, total_timeout_s: float) -> Exchanging:
    """Requests over HTTP to the server of this URL; see `APIClient` for the rest.

    Raises:
        Unanswered: The environment's proxies or certificates cannot be used; the reason names the variables.
    """
    from actor.edges.api_http import Exchanger  # noqa: PLC0415  (0.15 s to import, not needed to read a journal)

    return Exchanger(base, operation_timeout_s=operation_timeout_s, total_timeout_s=total_timeout_s)
