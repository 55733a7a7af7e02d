"""Blocks and their windows as the coordination API tells them, and what may be wrong with them. It never waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.services.disturbance import Draw, Weather

__all__ = [
    "BLOCK_S",
    "LASTING_LIES",
    "LIES",
    "TRUE_QUOTA",
    "BlockWindow",
    "SimulatedChain",
    "Windows",
    "lied",
    "spoiled",
]

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


_FIRST_BLOCK: Final = 81_200
_LONGEST_STALL: Final = 2.5
_LONGEST_LIE: Final = 2.0
_FARTHEST_JUMP: Final = 4
_FARTHEST_CHAIN: Final = 1_000
_SIZES: Final = (0.5, 0.6, 1.0, 1.0, 1.5, 2.0)
_LARGEST_QUOTA: Final = 8


class SimulatedChain(Windows):
    """Blocks by the time, windows and the quota.

    Args:
        weather: Disturbances of place "chain", one occasion for each window's time.
        blocks_per_window: At the beginning.
        quota: Posts for each window at the beginning.
        steady_quota: Leaves out changes of the quota.
    """

    def __init__(self, weather: Weather, *, blocks_per_window: int, quota: int, steady_quota: bool) -> None:
        super().__init__(blocks_per_window=blocks_per_window, quota=quota)
        self.period_s = blocks_per_window * BLOCK_S
        self._first = blocks_per_window
        self._steady_quota = steady_quota
        self._weather = weather
        self._drawn = 0
        self._ahead = 0
        self._stalled_until_s = 0.0
        self._stalled_at = 0
        self._back_until_s = 0.0
        self._back = 0
        self._changes: list[tuple[float, Draw]] = []  # changes of the settings still to come, with their times
        self._lie = ("", 0.0, 0.0)  # the lie, from when, until when
        self._flips = False
        self._now_s = 0.0

    def block(self, now_s: float) -> int:
        """The block as the server sees it; it may stand still or go back."""
        self._now_s = now_s
        while self._drawn * self.period_s <= now_s:
            self._disturb(self._weather.draw("chain"), self._drawn * self.period_s)
            self._drawn += 1
        while self._changes and self._changes[0][0] <= now_s:
            self._change(self._changes.pop(0)[1])
        return self._told(now_s)

    def move(self, amount: float) -> None:
        """Go on as another chain, which is far ahead of this one."""
        self._ahead += int((1 + amount) * _FARTHEST_CHAIN) * self.blocks_per_window
        self._stalled_until_s = self._back_until_s = 0.0

    def lie(self) -> str:
        """The lie that the next answer tells at the time of the last block; some are told in every other answer."""
        kind, from_s, until_s = self._lie
        if not from_s <= self._now_s < until_s:
            return ""
        self._flips = not self._flips
        if self._flips or kind.startswith("tells"):
            return LASTING_LIES[kind]
        return TRUE_QUOTA if kind == "flips_quota" else ""

    def _told(self, now_s: float) -> int:
        if now_s < self._stalled_until_s:
            return self._stalled_at
        block = _FIRST_BLOCK + self._ahead + int(now_s / BLOCK_S)
        return max(0, block - self._back) if now_s < self._back_until_s else block

    def _disturb(self, draw: Draw, at_s: float) -> None:
        kind, amount = draw.kind, draw.amount
        if kind == "stall":
            self._stalled_at = self._told(at_s)
            self._stalled_until_s = at_s + amount * _LONGEST_STALL * self.period_s
        elif kind == "jump":
            self._ahead += 1 + int(amount * _FARTHEST_JUMP * self.blocks_per_window)
        elif kind == "back":
            self._back = 1 + int(amount * 2 * self.blocks_per_window)
            self._back_until_s = at_s + draw.share * self.period_s
        elif kind in LASTING_LIES:
            from_s = at_s + draw.share * self.period_s
            self._lie = (kind, from_s, from_s + amount * _LONGEST_LIE * self.period_s)
        elif kind:  # in the middle of a window, and so of a batch
            self._changes.append((at_s + draw.share * self.period_s, draw))

    def _change(self, draw: Draw) -> None:
        amount = draw.amount
        if draw.kind == "resize":
            self.blocks_per_window = max(1, int(self._first * _SIZES[int(amount * len(_SIZES))]))
        elif draw.kind == "quota" and not self._steady_quota:
            self.quota = 1 + int(amount * _LARGEST_QUOTA)
