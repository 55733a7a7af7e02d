"""HTTP of the language model's client, bounded: imports openai, and is itself imported when needed.

openai reads every answer to its end and unpacks it, whatever comes out: 400 KB can become 400 MiB. Here an answer is
cut where it is longer than any that is read, refusals and redirects among them; what is left of it is judged like any
other. Compression is not asked for, and bounded all the same.
"""

from __future__ import annotations

from contextlib import aclosing
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

from openai import DefaultAsyncHttpxClient

from actor.edges.llm_wire import MAX_BODY_CHARS

__all__ = ["BoundedClient"]

# One more than so many characters can take in UTF-8: who counts them sees that there were too many.
_LARGEST_BODY: Final = 4 * MAX_BODY_CHARS + 1


class BoundedClient(DefaultAsyncHttpxClient):
    """What `AsyncOpenAI` takes as http_client."""

    def __init__(self, *, timeout_s: float, trust_env: bool) -> None:
        """Prepare connections; none is opened yet.

        Args:
            timeout_s: For connecting, for each write and each read.
            trust_env: Whether proxies and certificates of the environment are used.
        """
        super().__init__(
            timeout=timeout_s,
            trust_env=trust_env,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a server could let them grow without a bound
            headers={"Accept-Encoding": "identity"},
        )

    async def send(self, request: Any, **options: Any) -> Any:
        """Send one request, and again where the answer redirects; no body is read beyond the bound."""
        options |= {"stream": True, "follow_redirects": False}
        answer = await super().send(request, **options)
        for _ in range(self.max_redirects):
            if answer.next_request is None:
                break
            await answer.aclose()
            answer = await super().send(answer.next_request, **options)
        return await _cut(answer)


async def _cut(answer: Any) -> Any:
    """The same answer with its body read as far as the bound, and unpacked."""
    body = bytearray()
    async with aclosing(answer.aiter_bytes()) as pieces:  # each of at most a mebibyte, however much is packed
        async for piece in pieces:
            body += piece
            if len(body) >= _LARGEST_BODY:
                break
    headers = [(name, value) for name, value in answer.headers.multi_items() if name != "content-encoding"]
    cut = type(answer)(answer.status_code, headers=headers, content=bytes(body[:_LARGEST_BODY]), request=answer.request)
    cut.encoding = "utf-8"  # as JSON is; the charset that a server names may be any codec of Python's, zlib among them
    return cut
