"""The hotkey: whether it opens as `run` would open it, and whether the chain knows it. It signs nothing that leaves."""

from __future__ import annotations

import stat
from pathlib import Path

from actor.analyzer.chain_port import ChainError
from actor.doctor.check import Check, failure, ok, split_advice, warning
from actor.edges.chain import BittensorChain, NetworkError
from actor.edges.hotkey import HotkeyError
from actor.edges.threads import in_daemon_thread
from actor.my_miner import load_signer
from actor.settings import Settings

__all__ = ["chain_checks", "open_hotkey", "registration_check"]


def open_hotkey(settings: Settings) -> tuple[str | None, list[Check]]:
    """The hotkey's address, None when it cannot be opened. Blocks, for seconds when it is encrypted."""
    try:
        address = load_signer(settings).ss58_address
    except HotkeyError as error:
        return None, [failure("wallet", *split_advice(str(error)))]
    file = settings.wallet_path / settings.wallet_name / "hotkeys" / settings.wallet_hotkey
    return address, [ok("wallet", f"hotkey {address} opens ({file})"), *_access(file)]


def _access(file: Path) -> list[Check]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if not mode & 0o077:
        return []
    return [warning("wallet", f"others than its owner can use {file} (mode {mode:04o})", f"chmod 600 {file}")]


async def chain_checks(network: str, *, netuid: int, hotkey: str, timeout_s: float) -> list[Check]:
    """Whether the hotkey is registered, asked of a network's node."""
    try:
        # In a thread: bittensor takes a second to import, in which nothing else could go on.
        chain = await in_daemon_thread(lambda: BittensorChain(network=network, timeout_s=timeout_s), name="bittensor")
    except NetworkError as error:
        return [failure("chain", str(error), "name a network with --subtensor.network")]
    return [await registration_check(chain, netuid=netuid, hotkey=hotkey)]


async def registration_check(chain: BittensorChain, *, netuid: int, hotkey: str) -> Check:
    """The same of a chain that is there."""
    try:
        place = await chain.place(netuid=netuid, hotkey=hotkey)
    except ChainError as error:
        fix = "look at the network, name another node with --subtensor.network, or try again later"
        return failure("chain", str(error), fix)
    if not place.exists:
        return failure("chain", f"there is no subnet {netuid}", "correct NETUID")
    if place.uid is None:
        fix = f"register it (`btcli subnet register --netuid {netuid}`), or set WALLET_HOTKEY to one that is"
        return failure("chain", f"hotkey {hotkey} is not registered on netuid {netuid}", fix)
    return ok("chain", f"hotkey {hotkey} has uid {place.uid} on netuid {netuid}")
