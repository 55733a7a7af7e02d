"""Where each setting's value comes from: a flag, the environment or a line of the settings file, in this order.

Values are taken as their writers meant them: spaces around them, and quotes that a shell or docker left there, do not
count. What cannot be meant becomes a remark: one line that never quotes a value. What is right is not known here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from actor.edges.messages import address_secrets
from actor.edges.text import Redactor
from actor.settings.env_file import EnvFile, EnvFileError, Given, quotes_around, read_env_file

__all__ = [
    "LEGACY",
    "SECRET",
    "GivenValue",
    "SettingsError",
    "Sources",
    "UnknownVariable",
    "gather",
    "gather_tables",
    "legacy_names",
    "nearest_name",
    "unknown_names",
]

# Named by earlier miners; they have no effect here (ruling 15).
LEGACY: Final = ("SCRAPE_INTERVAL_SECONDS", "POSTS_PER_SCRAPE", "POSTS_TO_SUBMIT")

_NEAR: Final = 0.6  # difflib's own measure of what a person would call close
_VERY_NEAR: Final = 0.88  # a letter left out, doubled or wrong; two swapped in a long name
_SHORTEST: Final = 6  # a shorter name, such as MODEL, comes close to too much of what is not ours


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownVariable:
    """A variable without any effect.

    Attributes:
        name: As it is written.
        nearest: The setting that it may be meant to be; None when none comes close.
        place: The file that gives it, or None for the environment.
        line: The file's line.
    """

    name: str
    nearest: str | None
    place: Path | None
    line: int | None = None

    def __str__(self) -> str:
        meant = f": did you mean {self.nearest}?" if self.nearest else ", and none has a name like it: remove it"
        where = f"{self.place}:{self.line}" if self.place else "environment"
        return f"{where}: {self.name[:60]!r} is not a setting and has no effect{meant}"


def nearest_name(name: str, known: Collection[str]) -> str | None:
    """The setting that a name may be meant to be; None when none comes close."""
    return _nearest(name.upper(), known, _NEAR)


def legacy_names(file: EnvFile, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Names of earlier miners that the file or the environment gives (ruling 15)."""
    return tuple(name for name in LEGACY if name in file.given or name in environment)


def unknown_names(
    file: EnvFile, place: Path, environment: Mapping[str, str], known: Collection[str]
) -> tuple[UnknownVariable, ...]:
    """The unknown variables of the file in its order, then those of the environment by name.

    All of the settings file is looked at. The environment holds everything, so there only names that come close to a
    setting's, or begin as several words of one do.

    Args:
        file: The settings file as it was read.
        place: Where it is.
        environment: All variables of the environment.
        known: Names of settings in upper case.
    """
    found = [
        UnknownVariable(name=given.name, nearest=_nearest(key, known, _NEAR), place=place, line=given.line)
        for key, given in file.given.items()
        if key not in known and key not in LEGACY
    ]
    prefixes = _prefixes(known)
    long_names = [name for name in known if len(name) >= _SHORTEST]
    for name in sorted(environment):
        key = name.upper()
        if key in known or key in LEGACY or key in file.given:
            continue
        near = _nearest(key, long_names, _VERY_NEAR)
        if near is not None or key.startswith(prefixes):
            found.append(UnknownVariable(name=name, nearest=near or _nearest(key, known, _NEAR), place=None))
    return tuple(found)


def _nearest(name: str, known: Collection[str], cutoff: float) -> str | None:
    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=cutoff)), None)


def _prefixes(known: Collection[str]) -> tuple[str, ...]:
    """The first two words of the names that have more: LLM_USD_, MAX_X_ and the like."""
    matches = (re.match(r"[A-Z]+_[A-Z]+_", name) for name in known)
    return tuple({match[0] for match in matches if match})


SECRET: Final = frozenset({"X_BEARER_TOKEN", "API_KEY", "HOTKEY_PASSWORD", "JOURNAL_URL", "NOTIFY_URL"})

_AS_IT_IS: Final = frozenset({"HOTKEY_PASSWORD"})  # a password may begin with a space


class SettingsError(Exception):
    """The configuration is wrong.

    Attributes:
        lines: One for each mistake.
        remarks: What else is odd, and may have led to it, such as a misspelled variable; one line each.
    """

    def __init__(self, lines: list[str], remarks: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join([*lines, *remarks]))
        self.lines = lines
        self.remarks = remarks


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenValue:
    """One setting that was given.

    Attributes:
        value: A text, or what the command line made of one.
        source: "flag", "environment" or "file".
        line: The file's line, None elsewhere.
        table: The file's table, None where it has none.
        expanded: Whether values of other variables were put into it.
    """

    value: Any
    source: str
    line: int | None = None
    table: str | None = None
    expanded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All that was given.

    Attributes:
        env_file: The settings file, which need not exist.
        values: By the setting's name in upper case; one that is not here has its default.
        remarks: What an operator should know of, one line each.
        secrets: Values of all secrets, those that do not count included.
        file_holds_secrets: Whether the settings file gives one.
    """

    env_file: Path
    values: Mapping[str, GivenValue]
    remarks: tuple[str, ...]
    secrets: frozenset[str] = frozenset()
    file_holds_secrets: bool = False

    def redact(self, text: str) -> str:
        """The text without the secrets that were given, which ``${…}`` may have put into other values."""
        return Redactor(self.secrets)(text)

    def place(self, name: str) -> str:
        """Where the value stands, for people: what is to be corrected."""
        value = self.values.get(name)
        if value is None:
            return f"in {self.env_file} or in the environment"
        if value.source == "file":
            return f"in {self.env_file}, {value.table or f'line {value.line}'}"
        return "in the environment" if value.source == "environment" else "on the command line"


def gather(
    env_file: Path,
    known: Collection[str],
    *,
    required: bool = False,
    flags: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> Sources:
    """Read the file and the environment; flags that are not None win.

    Args:
        env_file: The file, by default ``.miner_env`` in the working directory.
        known: Every setting's name in upper case.
        required: The operator named the file, so it must exist.
        flags: Values of settings from the command line, by the setting's name in any case.
        environment: The environment's variables.

    Raises:
        SettingsError: The file cannot be read, or is not there though ``required``.
    """
    try:
        if required and env_file.is_dir():
            raise SettingsError([f"--env-file: {env_file} is a folder: name the settings file in it"])
        if required and not env_file.exists():
            raise SettingsError([f"--env-file: there is no file {env_file}: `user-miner init` writes one"])
        file = read_env_file(env_file, environment)
    except EnvFileError as error:
        raise SettingsError([f"{env_file}: {error}"]) from error
    except OSError as error:
        raise SettingsError([f"{env_file}: cannot be read: {error.strerror}"]) from error
    gathered = _Gathered(env_file, known)
    gathered.take_file(file)
    gathered.take_environment(environment)
    gathered.take_flags(flags)
    gathered.remarks += [str(unknown) for unknown in unknown_names(file, env_file, environment, known)]
    gathered.remarks += [
        f"{name} has no effect: windows are counted in blocks (BLOCKS_PER_WINDOW, MAX_SUBMISSIONS_PER_WINDOW)"
        for name in legacy_names(file, environment)
    ]
    return Sources(
        env_file=env_file,
        values=gathered.values,
        remarks=tuple(gathered.remarks),
        secrets=frozenset(gathered.secrets),
        file_holds_secrets=any(name in file.given and file.given[name].value for name in SECRET),
    )


def gather_tables(
    file: Path,
    known: Collection[str],
    *,
    common: Mapping[str, str],
    own: Mapping[str, str],
    table: str,
    flags: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> Sources:
    """The same for one of many that a file speaks of: ``own`` wins over the environment, that over ``common``.

    Args:
        file: Where the tables stand.
        known: Every setting's name in upper case, which the tables' keys are among.
        common: The values for all.
        own: The values for this one.
        table: What these are called in messages.
        flags: As in `gather`; they win over everything.
        environment: The environment's variables.
    """
    gathered = _Gathered(file, known)
    gathered.take_table(common, "[common]")
    gathered.take_environment(environment)
    gathered.take_table(own, table)
    gathered.take_flags(flags)
    return Sources(
        env_file=file,
        values=gathered.values,
        remarks=tuple(gathered.remarks),
        secrets=frozenset(gathered.secrets),
        file_holds_secrets=any(given.get(name) for given in (common, own) for name in SECRET),
    )


class _Gathered:
    """What was found so far."""

    def __init__(self, env_file: Path, known: Collection[str]) -> None:
        self._env_file = env_file
        self._known = known
        self.values: dict[str, GivenValue] = {}
        self.secrets: set[str] = set()
        self.remarks: list[str] = []

    def take_file(self, file: EnvFile) -> None:
        self.remarks += [f"{self._env_file}:{line}: {text}" for line, text in file.remarks]
        for name, given in file.given.items():
            if name in self._known:
                self._take_line(name, given)

    def _take_line(self, name: str, given: Given) -> None:
        place = f"{self._env_file}:{given.line}"
        if given.expanded and name in SECRET:
            inner = ", ".join(f"${{{other}}}" for other in given.expanded)
            self.remarks.append(f"{place}: {inner} was replaced in {name}: single quotes keep it as it is written")
        text = self._text(name, given.value, place)
        if text:
            self.values[name] = GivenValue(value=text, source="file", line=given.line, expanded=bool(given.expanded))

    def take_table(self, values: Mapping[str, str], table: str) -> None:
        for name, value in values.items():
            if text := self._text(name, value, f"{self._env_file}: {table}"):
                self.values[name] = GivenValue(value=text, source="file", table=table)

    def take_flags(self, flags: Mapping[str, Any]) -> None:
        for name, value in flags.items():
            if value is not None:
                self.values[name.upper()] = GivenValue(value=value, source="flag")

    def take_environment(self, environment: Mapping[str, str]) -> None:
        written = dict(self.values)
        # Of two that differ in case only, the one in upper case counts: it comes first.
        for name, value in sorted(environment.items(), reverse=True):
            if name.upper() in self._known and (text := self._text(name.upper(), value, "environment")):
                self.values[name.upper()] = GivenValue(value=text, source="environment")
        overridden = [name for name, value in written.items() if self.values[name].value != value.value]
        if overridden:
            names = ", ".join(sorted(overridden))
            self.remarks.append(f"environment: its value of {names} counts, not the one in {self._env_file}")

    def _text(self, name: str, value: str, place: str) -> str:
        """The value without what surrounds it; an empty one means that the setting is not given."""
        if name in SECRET:
            self.secrets |= address_secrets(value.strip())
        if name in _AS_IT_IS:
            return value
        text = value.strip()
        if quotes_around(text):
            self.remarks.append(f"{place}: the quotes around the value of {name} are left out")
            text = text[1:-1].strip()
        return text
