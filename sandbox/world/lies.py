"""False block numbers of a coordination API, by name: in one answer, or in many. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.world.chain import Chain

__all__ = ["LASTING_LIES", "LIES", "TRUE_QUOTA", "lied"]

# In one answer.
LIES: Final = frozenset({"time_block", "far_block", "window_ahead", "short_windows", "large_quota"})
# In all answers of some minutes, or in every other one: by the name of the chain's disturbance.
LASTING_LIES: Final[Mapping[str, str]] = {
    "tells_time": "time_block",
    "tells_far": "far_block",
    "tells_ahead": "window_ahead",
    "flips_windows": "short_windows",
    "flips_quota": "large_quota",
}
# Not a lie: the true quota, told between two answers with "large_quota".
TRUE_QUOTA: Final = "true_quota"
_FAR: Final = 9_000
_LARGE_QUOTA: Final = 100


def lied(chain: Chain, block: int, lie: str, wall_s: float) -> dict[str, int]:
    """The block numbers of an answer, false in the way that ``lie`` names; the true ones when it names none."""
    if lie == "time_block":
        return chain.fields(int(wall_s))
    if lie == "far_block":
        return chain.fields(block + _FAR)
    if lie == "window_ahead":
        return chain.fields(block + chain.blocks_per_window)
    fields = chain.fields(block)
    if lie == "short_windows":
        return {**fields, "blocks_per_window": 1, "current_window": block}
    if lie in {"large_quota", TRUE_QUOTA}:
        return {**fields, "max_submissions": _LARGE_QUOTA if lie == "large_quota" else chain.quota}
    return fields
