"""What many tests need: posts, events and a hand-driven machine with a clock of its own."""

from __future__ import annotations

from typing import Any, Self

from bittensor_core import Keypair

from actor.machine import REDUCER, state_sha256
from actor.testing import MachineDrive
from actor.testing.clock import START_MS
from actor.testing.made import accepted, analysis_failed, analyzed, failed, limited, post, rejected
from events import catalogue as ev
from events.codec import changed
from events.journal.record import checkpoint_message, hashes_sha256

__all__ = [
    "HOTKEY",
    "T0_MS",
    "Drive",
    "accepted",
    "analysis_failed",
    "analyzed",
    "failed",
    "gap",
    "limited",
    "post",
    "rejected",
]

HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
T0_MS = START_MS  # 2026-11-22T14:32:05.123Z


def gap(**known: Any) -> ev.GapDeclared:
    """A declared gap behind which ``known`` could be read."""
    nothing: dict[str, Any] = {
        "records": 0,
        "seen": {},
        "settled": (),
        "accepted": 0,
        "counted": {},
        "window": None,
        "start_block": None,
        "blocks_per_window": None,
        "epoch": 0,
    }
    salvage = ev.Salvage(**{**nothing, **known})
    return ev.GapDeclared(
        reason="test", segment="0" * 19 + "1.jsonl", offset=1, lost_bytes=1, witnessed_seq=None, salvage=salvage
    )


class Drive(MachineDrive):
    """A machine of Alice's, who can sign."""

    def __init__(self, policy: ev.Policy | None = None) -> None:
        super().__init__(policy=policy, hotkey=HOTKEY)

    def at(self) -> str:
        """The state's name."""
        return self.state.state

    def sign(self, **fields: Any) -> Self:
        """Alice, whose address is HOTKEY, vouches for everything so far; ``fields`` replace parts before she signs."""
        since = self.state.checkpoint_seq
        unsigned = ev.CheckpointSigned(
            journal=self.records[0].hash,
            since=since,
            seq=self.head.seq,
            head=self.head.hash,
            hashes_sha256=hashes_sha256(record.hash for record in self.records[since:]),
            reducer=REDUCER,
            state_sha256=state_sha256(self.state),
            signature="",
        )
        unsigned = changed(unsigned, **fields)
        signature = Keypair.create_from_uri("//Alice").sign(checkpoint_message(unsigned)).hex()
        self.on(changed(unsigned, signature=signature))
        return self
