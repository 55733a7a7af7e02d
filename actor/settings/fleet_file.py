"""FLEET.toml: the settings of many hotkeys in one file, those of all in ``[common]``, those of one in a ``[[miner]]``.

Keys are the settings' names, values are what .miner_env would hold. A value of a ``[[miner]]`` wins over the
environment, the environment over ``[common]``: what the environment says is for all. Unlike .miner_env the file holds
nothing else, so a key that is no setting is a mistake; and one that holds a secret must be closed to others.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from actor.settings.env_file import exposed_to
from actor.settings.model import KNOWN, Settings, SettingsError, check_settings, is_hidden
from actor.settings.sources import SECRET, gather_tables, nearest_name
from events.named_file import read_named

__all__ = ["COMMON_ONLY", "Member", "read_fleet"]

_LARGEST_BYTES: Final = 8 << 20
_SHOWN: Final = 60
# There is one log, one port and one limit at the LLM, whatever the number of hotkeys.
COMMON_ONLY: Final = frozenset({"LOG_LEVEL", "LOG_FILE", "METRICS_PORT", "METRICS_HOST", "LLM_CONCURRENCY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One ``[[miner]]``, checked.

    Attributes:
        table: What it is called in messages: ``[[miner]] 2``.
        settings: All of its settings.
        remarks: What an operator should know of, one line each; those of all members are the same.
    """

    table: str
    settings: Settings
    remarks: tuple[str, ...]

    @property
    def wallet(self) -> tuple[str, str, Path]:
        """Whose hotkey it is: what tells one member from another when the file is read again."""
        return self.settings.wallet_name, self.settings.wallet_hotkey, self.settings.wallet_path


def read_fleet(path: Path, environment: Mapping[str, str] = os.environ, **flags: Any) -> tuple[Member, ...]:
    """All members of the file, in its order.

    Args:
        path: The file.
        environment: The environment's variables.
        flags: Values of settings from the command line, for all; None for none.

    Raises:
        SettingsError: The file cannot be used, or a value in it is wrong; a line for each mistake.
    """
    found = _parsed(path)
    common, miners = _tables(path, found)
    remarks = _remark_of_readers(path, [common, *miners])
    members: list[Member] = []
    mistakes: dict[str, list[str]] = {}  # one in [common] is found with every member
    for number, own in enumerate(miners, start=1):
        table = f"[[miner]] {number}"
        sources = gather_tables(path, KNOWN, common=common, own=own, table=table, flags=flags, environment=environment)
        try:
            members.append(Member(table=table, settings=check_settings(sources), remarks=(*remarks, *sources.remarks)))
        except SettingsError as error:
            for line in error.lines:
                mistakes.setdefault(line, []).append(table)
    lines = [line for mistake, tables in mistakes.items() for line in _told(path, mistake, tables, len(miners))]
    if lines := [*lines, *_twice(path, members)]:
        raise SettingsError(lines)
    return tuple(members)


def _told(path: Path, mistake: str, tables: Sequence[str], miners: int) -> list[str]:
    where = ["[common]"] if len(tables) == miners > 1 else tables
    return [f"{path}: {table}: {mistake}" for table in where]


def _twice(path: Path, members: list[Member]) -> Iterator[str]:
    known: dict[tuple[str, str, Path], str] = {}
    for member in members:
        first = known.setdefault(member.wallet, member.table)
        if first != member.table:
            name = f"{member.settings.wallet_name}/{member.settings.wallet_hotkey}"
            yield f"{path}: {member.table}: WALLET_HOTKEY: {first} has the hotkey {name!r} already: give each its own"


def _parsed(path: Path) -> dict[str, Any]:
    try:
        if path.is_dir():
            raise SettingsError([f"{path} is a folder: name the TOML file in it"])
        data = read_named(path, _LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise SettingsError([f"there is no file {path}: docs/operators/fleet.md shows one"]) from None
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from error
    if len(data) > _LARGEST_BYTES:
        raise SettingsError([f"{path}: is larger than {_LARGEST_BYTES >> 20} MiB: this is no fleet's file"])
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is not UTF-8: save the file as UTF-8 text"]) from None
    except RecursionError:
        raise SettingsError([f"{path}: is no TOML: tables are nested too deeply"]) from None
    except ValueError as error:  # it quotes no value
        raise SettingsError([f"{path}: is no TOML: {error}"]) from None


def _tables(path: Path, found: Mapping[str, Any]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The texts of [common] and of each [[miner]], by the settings' names in upper case."""
    lines = [
        f"{path}: {name}: is no part of a fleet's file: expected [common] and [[miner]]"
        for name in found.keys() - {"common", "miner"}
    ]
    common, miners = found.get("common", {}), found.get("miner", [])
    if not isinstance(common, dict):
        raise SettingsError([f"{path}: common: expected a table that begins with [common]"])
    if not isinstance(miners, list) or not all(isinstance(miner, dict) for miner in miners):
        raise SettingsError([f"{path}: miner: expected tables that each begin with [[miner]]"])
    if not miners and not lines:
        lines.append(f"{path}: there is no [[miner]] in it: expected one for each hotkey")
    texts = [_texts(path, "[common]", common, lines)]
    texts += [_texts(path, f"[[miner]] {number}", miner, lines) for number, miner in enumerate(miners, start=1)]
    if lines:
        raise SettingsError(sorted(lines, key=lambda line: "[[miner]]" in line))
    return texts[0], texts[1:]


def _texts(path: Path, table: str, values: Mapping[str, Any], lines: list[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in values.items():
        name = key.upper()
        try:
            if name in texts:
                raise ValueError("is set twice: names are the same in small letters and capitals")
            texts[name] = _text(name, value, table)
        except ValueError as error:
            lines.append(f"{path}: {table}: {key}: {error}")
    return texts


def _text(name: str, value: Any, table: str) -> str:
    """What .miner_env would hold.

    Raises:
        ValueError: No setting has this name here, or none has such a value.
    """
    if name not in KNOWN:
        close = nearest_name(name, KNOWN)
        raise ValueError(f"is not a setting{f': did you mean {close}?' if close else ''}")
    if name in COMMON_ONLY and table != "[common]":
        raise ValueError(f"is one for all hotkeys, found {value!r}: move it to [common]")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(word, str) and "," not in word for word in value):
        return ",".join(value)
    hidden = is_hidden(name, str(value))
    raise ValueError(f"expected a text, a number, true or false{'' if hidden else f', found {str(value)[:_SHOWN]!r}'}")


def _remark_of_readers(path: Path, tables: list[dict[str, str]]) -> tuple[str, ...]:
    """What is said where the file's group can read secrets in it.

    Raises:
        SettingsError: Everybody can.
    """
    if not any(table.get(name) for table in tables for name in SECRET):
        return ()
    with suppress(OSError):  # it was there when it was read
        found = path.stat()
        who = exposed_to(found.st_mode) if stat.S_ISREG(found.st_mode) else None
        if who is not None and found.st_mode & 0o006:
            raise SettingsError([f"{path}: {who} can read the secrets in it: chmod 600 {path}"])
        if who is not None:
            return (f"{who} can read the secrets in {path}: chmod 600 {path}",)
    return ()
