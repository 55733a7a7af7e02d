"""What a sandbox is started with. It never opens a socket or reads the environment."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.services.faults import SERVICES, check_rates
from sandbox.services.llm_personalities import PERSONALITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["RESPONSE_FORMATS", "SandboxConfig"]

RESPONSE_FORMATS = frozenset({"json_schema", "json_object", "text"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Settings of the three stand-ins.

    Attributes:
        seed: Seed of the corpus, of the selection for validation and, unless fault_seed is given, of the faults.
        host: A loopback address; anything else is refused.
        x_port: Port of the X stand-in, 0 for any free one; likewise llm_port and api_port.
        down: Services ("x", "llm", "api") that are not listening at the start.
        wall: Unix seconds; what the API compares the age of auth headers with, and every answer's Date header.
        epoch: Unix seconds that the X corpus takes for now at the start; None means wall().
        corpus_size: Posts that exist at the start, spread over the six days before.
        posts_per_minute: How fast the corpus grows; 0 for not at all.
        x_quota: Searches per x_quota_s seconds.
        model: The model that a miner is pointed at.
        models: All names that the LLM lists and knows, where `model` is not the only one; the first is the miner's.
        response_formats: What the model supports of json_schema, json_object and text.
        llm_like: A kind of server that the LLM answers like; see `sandbox.PERSONALITIES`. Empty for the plainest one.
        seconds_per_block: Speed of the chain; None stops time: blocks and posts then advance by hand only.
        max_submissions: Accepted posts per hotkey and window.
        selection_probability: Chance that an accepted post is selected for validation.
        accept_status: HTTP status of an accepted or duplicate post.
        rates: Probability per route or service and fault, such as {"api.submit": {"500": 0.1}}.
    """

    seed: int = 45
    host: str = "127.0.0.1"
    x_port: int = 0
    llm_port: int = 0
    api_port: int = 0
    down: frozenset[str] = frozenset()
    wall: Callable[[], float] = time.time

    x_token: str = "sandbox-x-token"  # noqa: S105 - a stand-in's token guards nothing
    epoch: float | None = None
    corpus_size: int = 400
    posts_per_minute: float = 6.0
    x_quota: int = 450
    x_quota_s: float = 900.0

    llm_key: str = "sandbox-llm-key"
    model: str = "keyword-stand-in"
    models: tuple[str, ...] = ()
    response_formats: frozenset[str] = RESPONSE_FORMATS
    llm_like: str = ""

    seconds_per_block: float | None = 12.0
    start_block: int = 6_000_000
    blocks_per_window: int = 100
    max_submissions: int = 5
    selection_probability: float = 0.2
    verify_signatures: bool = True
    accept_status: int = 200

    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    fault_seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that no sandbox can keep.

        Raises:
            ValueError: A setting is out of range; the message names it.
        """
        _require(self.host in _LOOPBACK, f"host is {self.host!r}; a sandbox serves loopback only")
        _require(self.down <= set(SERVICES), f"down is {sorted(self.down)}; known services: {', '.join(SERVICES)}")
        _require(
            self.response_formats <= RESPONSE_FORMATS,
            f"response_formats is {sorted(self.response_formats)}; known: {sorted(RESPONSE_FORMATS)}",
        )
        _require(
            self.llm_like in {"", *PERSONALITIES},
            f"llm_like is {self.llm_like!r}; known: {', '.join(PERSONALITIES)}",
        )
        _require(self.corpus_size >= 0, "corpus_size must not be negative")
        _require(self.posts_per_minute >= 0, "posts_per_minute must not be negative")
        _require(self.blocks_per_window >= 1, "blocks_per_window must be at least 1")
        _require(self.max_submissions >= 0, "max_submissions must not be negative")
        _require(self.start_block >= 0, "start_block must not be negative")
        _require(
            self.seconds_per_block is None or self.seconds_per_block > 0,
            "seconds_per_block must be positive, or None for a clock moved by hand",
        )
        _require(0 <= self.selection_probability <= 1, "selection_probability must lie in 0..1")
        check_rates(self.rates)

    @property
    def served_models(self) -> tuple[str, ...]:
        """The names that the LLM lists; another one is refused, but by a kind of server that serves any name."""
        return self.models or (self.model,)

    @property
    def manual(self) -> bool:
        """Whether time stands still unless it is moved by hand."""
        return self.seconds_per_block is None


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not condition:
        raise ValueError(message)
