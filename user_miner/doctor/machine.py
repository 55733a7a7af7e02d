"""Where the journal is or will be, whether this user can write there, who holds it, and how much room is left.

Whether something can be written is asked of the system; nothing is written to try it.
"""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Final

from actor.analyzer.refresh import ChainError
from actor.compose import journal_path
from actor.edges.chain import BittensorChain, NetworkError
from actor.edges.hotkey import HotkeyError, HotkeyLockedError
from actor.edges.threads import in_daemon_thread
from actor.machine.room import ROOM_FIX, ROOM_NEEDED_BYTES, ROOM_WARN_BYTES
from actor.my_miner import load_signer
from actor.settings.env_file import EnvFileError, exposed_to, read_env_file
from actor.settings.model import Settings
from audit.status.holder import Holder, find_holder
from events.journal import JournalError, at_text, locate
from events.journal.layout import HEAD, LOCK, QUARANTINE, SNAPSHOTS
from events.journal.owner import other_journal
from user_miner.doctor.report import Check, failure, ok, split_advice, warning
from user_miner.log_file import check_log_file
from user_miner.place import is_throwaway
from user_miner.unlocking import has_operator

__all__ = [
    "access_checks",
    "chain_checks",
    "disk_check",
    "env_file_checks",
    "find_journal",
    "hotkey_checks",
    "installed_version",
    "lock_check",
    "log_check",
    "metrics_check",
    "nearest_directory",
    "open_hotkey",
    "package_checks",
    "place_checks",
    "python_check",
    "registration_check",
    "room",
    "settings_checks",
    "software_checks",
    "variable_checks",
]

_WARN_FILES: Final = 100
_EFFECTIVE: Final = os.access in os.supports_effective_ids


def find_journal(root: Path, hotkey: str | None) -> Path | None:
    """The hotkey's journal, or without one the only journal in ``root``; None when there is none yet."""
    if hotkey is not None:
        path = journal_path(root, hotkey, dry_run=False)
        return path if os.path.lexists(path) else None
    try:
        return locate(root)
    except (JournalError, OSError):
        return None


def place_checks(root: Path, hotkey: str | None, api_url: str) -> list[Check]:
    """Whether the journal can be written where it is, or made where it will be; and whether it would last there."""
    journal = find_journal(root, hotkey)
    place = journal or root
    nearest = nearest_directory(place)
    if not nearest.is_dir():
        return [failure("journal", f"{nearest} is not a directory", "set JOURNAL_DIR to one where this user can write")]
    refused = [path for path in _written(nearest, journal) if not _writable(path)]
    if refused:
        more = f" nor {len(refused) - 1} more of its files" if len(refused) > 1 else ""
        fix = f"give user {os.geteuid()} the right to write there, or set JOURNAL_DIR to another directory"
        return [failure("journal", f"this user cannot write {refused[0]}{more}", fix)]
    if is_throwaway(place):
        said = f"{place.absolute()} is on an unnamed volume that is deleted with the container"
        return [warning("journal", said, "mount a named one, as docker run -v user-miner:/var/lib/user-miner does")]
    if journal is not None:
        return [ok("journal", f"{journal.absolute()}, this user can write it")]
    other = None if hotkey is None else other_journal(hotkey, api_url, root / hotkey)
    if other is not None:
        said = f"none of {hotkey} in {root.absolute()}, but it mined on {other} before"
        return [warning("journal", said, f"set JOURNAL_DIR to {other.parent}, unless a new journal is meant")]
    return [ok("journal", f"none yet of {hotkey or 'the hotkey'} in {root.absolute()}: the first run makes it")]


def nearest_directory(place: Path) -> Path:
    """The place itself, or what there is of the way to it."""
    return next(part for part in (place.absolute(), *place.absolute().parents) if os.path.lexists(part))


def _written(nearest: Path, journal: Path | None) -> Iterator[Path]:
    """What a run writes to."""
    yield nearest
    if journal is None:
        return
    segments = sorted(journal.glob("*.jsonl"))[-1:]
    for path in (*segments, *(journal / name for name in (HEAD, LOCK, SNAPSHOTS, QUARANTINE))):
        if path.exists():
            yield path


def _writable(path: Path) -> bool:
    mode = os.W_OK | os.X_OK if path.is_dir() else os.W_OK | os.R_OK
    return os.access(path, mode, effective_ids=_EFFECTIVE)


def lock_check(journal: Path | None, holder: Holder) -> Check:
    """Which process holds the journal, if any does: either is fine; but none mines with its hotkey on another one."""
    other = holder.elsewhere
    if other is not None:
        said = f"process {other.pid} mines with this hotkey on {other.journal} since {at_text(other.since_ms)}"
        return warning(
            "lock", said, "keep one of the two journals: stop that process, or set JOURNAL_DIR to its folder"
        )
    if journal is None:
        return ok("lock", "no journal yet, so nobody holds it")
    if holder.holds == "no":
        return ok("lock", "held by nobody: no miner runs")
    who = "a process" if holder.pid is None else f"process {holder.pid}"
    where = f" on {holder.host}" if holder.host else ""
    since = f" since {at_text(holder.since_ms)}" if holder.since_ms is not None else ""
    if holder.holds == "yes":
        return ok("lock", f"held by {who}{where}{since}: a miner runs")
    return ok("lock", f"{who}{where} took it{since}; whether it still runs cannot be seen from here")


def room(place: Path) -> tuple[int, int | None]:
    """Bytes and files that this user may still add there; None where the file system does not count files."""
    found = os.statvfs(nearest_directory(place))
    return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None


def disk_check(place: Path, free_bytes: int, free_files: int | None) -> Check:
    left = f"{free_bytes / (1 << 20):,.0f} MiB are free for {place.absolute()}"
    if free_bytes < ROOM_NEEDED_BYTES:
        return failure("disk", f"{left}; no window is begun with less than {ROOM_NEEDED_BYTES >> 20}", ROOM_FIX)
    if free_files is not None and free_files < _WARN_FILES:
        return warning("disk", f"only {free_files} more files can be made on the disk of {place.absolute()}", ROOM_FIX)
    if free_bytes < ROOM_WARN_BYTES:
        return warning("disk", f"{left}; a window takes about 30 KiB, and up to 1 MiB", ROOM_FIX)
    return ok("disk", left)


_MINER_S: Final = 2.0


def log_check(file: Path | None) -> Check:
    """Whether `run` could open LOG_FILE; it is not made here."""
    if file is None:
        return ok("log", "LOG_FILE is not set: the log goes to standard error")
    if (why := check_log_file(file, makes=False)) is not None:
        return failure("log", f"LOG_FILE: {file}: {why}", "name a file in a folder where this user can write")
    return ok("log", f"{file.absolute()}, this user can write it")


def metrics_check(host: str, port: int | None, journal: Path | None) -> Check:
    """Whether `run` could serve METRICS_PORT, or the miner that holds the journal does."""
    if port is None:
        return ok("metrics", "METRICS_PORT is not set: no metrics are served")
    from actor.metrics.serving import is_served, port_refusal  # noqa: PLC0415  (only who serves pays for the import)

    if (refusal := port_refusal(host, port)) is None:
        return ok("metrics", f"{host}:{port} can be served")
    mines = journal is not None and find_holder(journal).holds == "yes"
    if mines and is_served(host, port, timeout_s=_MINER_S):
        return ok("metrics", f"{host}:{port} is served by a miner, and one runs on this journal")
    return failure("metrics", *split_advice(refusal))


_NAME: Final = "user-miner"


def software_checks() -> list[Check]:
    """What this build's own metadata says, held against this interpreter."""
    return [
        python_check(str(metadata(_NAME)["Requires-Python"]), platform.python_version()),
        *package_checks(requires(_NAME) or (), installed_version),
    ]


def python_check(required: str, found: str) -> Check:
    """A version of Python against the specifier that it has to meet."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  (loaded when first needed)

    if SpecifierSet(required).contains(found, prereleases=True):
        return ok("python", f"{found}, needed {required}")
    fix = f"install Python {required.lstrip('>=')} or newer, and user-miner with it"
    return failure("python", f"{found}, needed {required}", fix)


def installed_version(name: str) -> str | None:
    """The version of an installed package, None when there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def package_checks(required: Sequence[str], version_of: Callable[[str], str | None]) -> list[Check]:
    """A line for each package that is missing or of another version than this build was tested with."""
    from packaging.requirements import Requirement  # noqa: PLC0415  (loaded when first needed)

    wrong: list[Check] = []
    right = 0
    for requirement in map(Requirement, required):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = version_of(requirement.name)
        if found is not None and requirement.specifier.contains(found, prereleases=True):
            right += 1
            continue
        state = "is not installed" if found is None else f"is {found}"
        fix = "install it again from its checkout, with what it needs (docs/operators/operating.md#install)"
        wrong.append(failure("packages", f"{requirement.name} {state}, needed {requirement.specifier}", fix))
    return wrong or [ok("packages", f"user-miner {version(_NAME)} and the {right} packages that it needs")]


_FIX: Final = "correct or remove it there"


def env_file_checks(env_file: Path, *, named: bool) -> list[Check]:
    """Whether the file is there, can be read, and is kept from others; ``named`` when the operator named it."""
    name = "env-file"
    if not env_file.exists():
        return [_absent(env_file, named=named)]
    if env_file.is_fifo():
        return [ok(name, f"{env_file} is a pipe, which can be read only once")]
    if not env_file.is_file():
        return [failure(name, f"{env_file} is no regular file", "name the settings file with --env-file")]
    try:
        read = read_env_file(env_file)
    except EnvFileError as error:
        return [failure(name, f"{env_file} {error}", f"correct it, or copy .miner_env.example to {env_file} anew")]
    checks = access_checks(env_file, env_file.stat())
    return checks or [ok(name, f"{env_file} sets {len(read.given)} variables; only its owner can read it")]


def _absent(env_file: Path, *, named: bool) -> Check:
    name = "env-file"
    if named:
        return failure(name, f"there is no file {env_file}", "correct the name; `user-miner init` writes one")
    if env_file.is_symlink():
        said = f"{env_file} leads to {env_file.readlink()}, which is not there; all settings are the environment's"
        return warning(name, said, "put the file there, or remove the link")
    return ok(name, f"there is no {env_file} in {Path.cwd()}; all settings are those of the environment")


def access_checks(env_file: Path, found: os.stat_result) -> list[Check]:
    """Who may read and change it: the file names where signed requests and tokens go, and holds the tokens."""
    mode = stat.S_IMODE(found.st_mode)
    checks = []
    if mode & 0o022:
        checks.append(failure("env-file", f"others can change {env_file} (mode {mode:04o})", f"chmod 600 {env_file}"))
    elif (who := exposed_to(mode)) is not None:
        said = f"{who} can read the secrets in {env_file} (mode {mode:04o})"
        checks.append(warning("env-file", said, f"chmod 600 {env_file}"))
    if found.st_uid not in {os.geteuid(), 0}:
        said = f"{env_file} belongs to user {found.st_uid}, who can read and change it; this is user {os.geteuid()}"
        checks.append(warning("env-file", said, f"chown {os.geteuid()} {env_file}"))
    return checks


def settings_checks(mistakes: Sequence[str], number: int) -> list[Check]:
    """A line for each mistake that `run` would refuse; ``number`` settings were looked at."""
    if mistakes:
        return [failure("settings", *split_advice(line)) for line in mistakes]
    return [ok("settings", f"all {number} are valid")]


def variable_checks(remarks: Sequence[str]) -> list[Check]:
    """A line for each variable that has no effect, or not the one that it seems to have."""
    return [warning("variables", remark, _FIX) for remark in remarks] or [
        ok("variables", "none is unknown or misspelled")
    ]


def open_hotkey(settings: Settings) -> tuple[str | None, list[Check]]:
    """The hotkey's address, None when it cannot be opened. Blocks, for seconds when it is encrypted."""
    try:
        address = load_signer(settings).ss58_address
    except HotkeyError as error:
        found, fix = split_advice(str(error))
        if isinstance(error, HotkeyLockedError) and settings.hotkey_password is None and has_operator():
            said = f"{found}; `run` asks for its password on a terminal such as this one"
            return None, [warning("wallet", said, f"{fix}, where nobody can be asked")]
        return None, [failure("wallet", found, fix)]
    return address, hotkey_checks(settings, address)


def hotkey_checks(settings: Settings, address: str) -> list[Check]:
    """A hotkey that opens, and who else can use its file."""
    file = settings.wallet_path / settings.wallet_name / "hotkeys" / settings.wallet_hotkey
    return [ok("wallet", f"hotkey {address} opens ({file})"), *_access(file)]


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
        return [failure("chain", str(error), "choose a network with --subtensor.network")]
    return [await registration_check(chain, netuid=netuid, hotkey=hotkey)]


async def registration_check(chain: BittensorChain, *, netuid: int, hotkey: str) -> Check:
    """The same of a chain that is there."""
    try:
        place = await chain.place(netuid=netuid, hotkey=hotkey)
    except ChainError as error:
        fix = "check the network, choose another node with --subtensor.network, or try again later"
        return failure("chain", str(error), fix)
    if not place.exists:
        return failure("chain", f"there is no subnet {netuid}", "correct NETUID")
    if place.uid is None:
        fix = f"register it (`btcli subnet register --netuid {netuid}`), or set WALLET_HOTKEY to one that is"
        return failure("chain", f"hotkey {hotkey} is not registered on netuid {netuid}", fix)
    return ok("chain", f"hotkey {hotkey} has uid {place.uid} on netuid {netuid}")
