"""A hotkey that signs the same in every run: the real one's signatures hold random bytes. It protects nothing."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["HOTKEY", "SimulatedSigner", "verify"]

HOTKEY: Final = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
_KEY: Final = b"simulated"
_NONCE_BYTES: Final = 8


class SimulatedSigner:
    """``actor.ports.Signer``. No two of its signatures are equal, as with the real one; it outlives processes."""

    def __init__(self) -> None:
        self._nonce = 0

    @property
    def ss58_address(self) -> str:
        """The one hotkey of every simulation."""
        return HOTKEY

    def sign(self, message: bytes) -> bytes:
        """64 bytes: a counter, and a digest of it with the message."""
        self._nonce += 1
        nonce = self._nonce.to_bytes(_NONCE_BYTES, "big")
        return nonce + _digest(nonce, message)


def verify(address: str, message: bytes, signature: bytes) -> bool:
    """Whether this is a signature of the message."""
    nonce = signature[:_NONCE_BYTES]
    return address == HOTKEY and signature == nonce + _digest(nonce, message)


def _digest(nonce: bytes, message: bytes) -> bytes:
    return hashlib.sha512(_KEY + nonce + message).digest()[: 64 - _NONCE_BYTES]
