"""Windows of blocks, as the coordination API tells them, and what it may tell although it is not so. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BLOCK_S", "LASTING_LIES", "LIES", "TRUE_QUOTA", "BlockWindow", "Windows", "lied", "spoiled"]

BLOCK_S: Final = 12.0
# In one answer.
LIES: Final = ("time_block", "far_block", "window_ahead", "short_windows", "large_quota")
# In all answers of some minutes, or in every other one, by the name of the disturbance of the chain.
LASTING_LIES: Final[Mapping[str, str]] = {
    "tells_time": "time_block",
    "tells_far": "far_block",
    "tells_ahead": "window_ahead",
    "flips_windows": "short_windows",
    "flips_quota": "large_quota",
}
# No lie, but what is told between two of "large_quota".
TRUE_QUOTA: Final = "true_quota"
_FAR: Final = 9_000
_LARGE_QUOTA: Final = 100


class BlockWindow(NamedTuple):
    """The window that a block lies in, as long as windows are now, with the posts that it takes of each hotkey."""

    number: int
    start_block: int
    blocks: int
    quota: int


class Windows:
    """How blocks make windows.

    Attributes:
        blocks_per_window: It may change.
        quota: Posts for each hotkey and window; likewise.
    """

    def __init__(self, *, blocks_per_window: int, quota: int) -> None:
        self.blocks_per_window = blocks_per_window
        self.quota = quota

    @property
    def nominal_block_s(self) -> float:
        """Seconds for a block, for estimates."""
        return BLOCK_S

    def lie(self) -> str:
        """The lie that the next answer tells; empty for none."""
        return ""

    def window(self, block: int) -> int:
        """The window that a block lies in."""
        return block // self.blocks_per_window

    def start(self, block: int) -> int:
        """The first block of the window that a block lies in."""
        return block // self.blocks_per_window * self.blocks_per_window

    def at(self, block: int) -> BlockWindow:
        """The same with all that is known of it."""
        return BlockWindow(self.window(block), self.start(block), self.blocks_per_window, self.quota)

    def fields(self, block: int) -> dict[str, int]:
        """The numbers as the API puts them into its answers."""
        size = self.blocks_per_window
        start = self.start(block)
        return {
            "current_block": block,
            "window_start_block": start,
            "window_end_block": start + size - 1,
            "next_window_start_block": start + size,
            "blocks_per_window": size,
            "current_window": block // size,
        }

    def seconds(self, blocks: int) -> int:
        """How long so many blocks take, by an estimate."""
        return max(1, round(blocks * self.nominal_block_s))


def lied(windows: Windows, block: int, lie: str, wall_s: float) -> dict[str, int]:
    """The numbers of an answer at this block, with the lie in them; the true ones where it is none."""
    if lie == "time_block":
        return windows.fields(int(wall_s))
    if lie == "far_block":
        return windows.fields(block + _FAR)
    if lie == "window_ahead":
        return windows.fields(block + windows.blocks_per_window)
    fields = windows.fields(block)
    if lie == "short_windows":
        return {**fields, "blocks_per_window": 1, "current_window": block}
    if lie in {"large_quota", TRUE_QUOTA}:
        return {**fields, "max_submissions": _LARGE_QUOTA if lie == "large_quota" else windows.quota}
    return fields


def spoiled(windows: Windows, body: dict[str, Any], fault: str, behind: int) -> dict[str, Any]:
    """An answer whose block numbers are missing, no numbers, at odds with each other, or so many blocks behind."""
    if fault == "no_block":
        return {name: value for name, value in body.items() if not _counts_blocks(name)}
    if fault == "bad_block":
        return {name: "soon" if _counts_blocks(name) else value for name, value in body.items()}
    if fault == "mismatch":
        return {**body, "blocks_per_window": windows.blocks_per_window * 2}
    if fault == "old_block":  # a backend that is behind
        return {**body, **windows.fields(max(0, body["current_block"] - behind))}
    return body


def _counts_blocks(name: str) -> bool:
    return "block" in name or name == "current_window"
