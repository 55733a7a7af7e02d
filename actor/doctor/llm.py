"""The LLM's server, by its list of models, which costs nothing: is the key good, and is our model there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final

from actor.doctor.check import Check, failure, ok, warning
from actor.doctor.get import get, unanswered_fix
from actor.edges.llm_wire import refusal
from actor.edges.reply import Reply, Unanswered
from actor.edges.urls import place

__all__ = ["LLM_FIXES", "llm_checks", "models_check"]

# By the kinds of LLMError.
LLM_FIXES: Final[Mapping[str, str]] = {
    "auth": "set API_KEY to a key of the LLM's server, whole and without quotes",
    "quota": "top up the account that API_KEY belongs to",
    "model": "set MODEL to a name that the server lists, and LLM_BASE to its address, which usually ends in /v1",
    "rate_limit": "wait: another program may use this key, too",
    "server": "the LLM's server has a problem of its own: wait, or set LLM_BASE to another",
    "timeout": "wait, raise LLM_TIMEOUT_SECONDS, or set MODEL to a faster one",
    "connection": "look at the network and at LLM_BASE",
    "broken": "look at the network and at LLM_BASE",
    "refused_format": "set MODEL to one that answers with JSON, and LLM_BASE to an OpenAI-compatible API",
    "refused_parameter": "set MODEL or LLM_BASE to one that takes what the line above names",
    "request": "set MODEL and LLM_BASE to an OpenAI-compatible API that answers chats",
    "context": "set MODEL to one that reads more, or give its server more context",
    "declined": "set MODEL to another one: this one does not answer such questions",
    "malformed": "set MODEL to one that answers with JSON, and LLM_BASE to an OpenAI-compatible API",
}
_ASK: Final = (
    "correct LLM_BASE, which usually ends in /v1; where that is right, `user-miner doctor --paid` asks the model"
)
_COMPARED: Final = 2_000  # to compare more would take seconds
_NO_LIST: Final = frozenset({404, 405, 501})


async def llm_checks(base: str, key: str, model: str, *, timeout_s: float, redact: Callable[[str], str]) -> list[Check]:
    """Ask the server which models it has."""
    try:
        answered = await get(base, "/models", token=key, timeout_s=timeout_s)
    except Unanswered as error:
        return [failure("llm", error.reason, unanswered_fix("LLM_BASE", base))]
    return [models_check(answered.reply, model, host=place(base), redact=redact)]


def models_check(reply: Reply, model: str, *, host: str, redact: Callable[[str], str]) -> Check:
    """What a list of models says of ours."""
    if reply.status in _NO_LIST:
        return warning("llm", f"{host} keeps no list of models ({reply.status}), so {model} may be there or not", _ASK)
    if not reply.ok:
        return _refused(reply, host, redact)
    names = _names(reply)
    if names is None:
        return warning("llm", f"{host}: expected a list of models, found {reply.summary(redact)}", _ASK)
    if model in names:
        return ok("llm", f"{host} lists {model}, one of {len(names)} model(s)")
    listed = sorted(names)
    near = get_close_matches(model, listed[:_COMPARED], n=3, cutoff=0.5) or listed[:3]
    known = f"among its {len(names)} are {', '.join(near)}" if near else "its list is empty"
    return failure(
        "llm", f"{host} does not list {model}; {known}", "set MODEL to one that it lists, exactly as it does"
    )


def _refused(reply: Reply, host: str, redact: Callable[[str], str]) -> Check:
    said = reply.summary(redact)
    error = refusal(reply.status, said, whole=reply.text(), headers=reply.headers, formatted=False)
    found = f"{host}: {reply.status}: {said}"
    if error.kind == "rate_limit":
        return warning("llm", found, LLM_FIXES[error.kind])
    return failure("llm", found, LLM_FIXES.get(error.kind, _ASK))


def _names(reply: Reply) -> set[str] | None:
    """The models in the shapes that servers use: an object with ``data``, or a list; None for anything else."""
    try:
        body = reply.json()
    except ValueError:
        return None
    listed = body.get("data") if isinstance(body, dict) else body
    if not isinstance(listed, list):
        return None
    return {one["id"] for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)}
