"""Where each setting's value comes from: a flag, the environment or a line of the settings file, in this order.

Values are taken as their writers meant them: spaces around them, and quotes that a shell or docker left there, do not
count. What cannot be meant becomes a remark: one line that never quotes a value. What is right is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from actor.edges.messages import address_secrets
from actor.edges.text import Redactor
from actor.env_file import EnvFile, EnvFileError, Given, quotes_around, read_env_file
from actor.unknown_variables import legacy_names, unknown_names

__all__ = ["SECRET", "SettingsError", "Sources", "Value", "gather"]

SECRET: Final = frozenset({"X_BEARER_TOKEN", "API_KEY", "HOTKEY_PASSWORD", "NOTIFY_URL"})

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
class Value:
    """One setting that was given.

    Attributes:
        value: A text, or what the command line made of one.
        source: "flag", "environment" or "file".
        line: The file's line, None elsewhere.
        expanded: Whether values of other variables were put into it.
    """

    value: Any
    source: str
    line: int | None = None
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
    values: Mapping[str, Value]
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
            return f"in {self.env_file}, line {value.line}"
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
    for name, value in flags.items():
        if value is not None:
            gathered.values[name.upper()] = Value(value=value, source="flag")
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


class _Gathered:
    """What was found so far."""

    def __init__(self, env_file: Path, known: Collection[str]) -> None:
        self._env_file = env_file
        self._known = known
        self.values: dict[str, Value] = {}
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
            self.values[name] = Value(value=text, source="file", line=given.line, expanded=bool(given.expanded))

    def take_environment(self, environment: Mapping[str, str]) -> None:
        written = dict(self.values)
        # Of two that differ in case only, the one in upper case counts: it comes first.
        for name, value in sorted(environment.items(), reverse=True):
            if name.upper() in self._known and (text := self._text(name.upper(), value, "environment")):
                self.values[name.upper()] = Value(value=text, source="environment")
        overridden = [name for name, value in written.items() if self.values[name].value != value.value]
        if overridden:
            names = ", ".join(sorted(overridden))
            self.remarks.append(f"environment: what it says of {names} counts, not what {self._env_file} says")

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
