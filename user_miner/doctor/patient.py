"""The settings as far as they can be used, also where a part of them is wrong: what is right can still be looked at.

A wrong value counts as not given, or is replaced by one that only lets the rest be loaded. No check may use either
(`Patient.lacks`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from actor.analyzer.registry_file import BUILT_IN
from actor.edges.text import Redactor
from actor.edges.threads import in_daemon_thread
from actor.settings.env_file import EMPTY, EnvFileError, read_env_file
from actor.settings.model import Settings, SettingsError, check_settings, read_sources
from actor.settings.sources import SECRET, GivenValue, Sources

__all__ = ["Patient", "examine", "examine_in_time"]

# What has no default, or one that may be the very file that is wrong.
_SUBSTITUTES: Final[Mapping[str, object]] = {
    "X_BEARER_TOKEN": "unusable",
    "API_KEY": "unusable",
    "SUBNETS_FILE": BUILT_IN,
}
_PRICES: Final = ("LLM_USD_PER_MILLION_PROMPT_TOKENS", "LLM_USD_PER_MILLION_COMPLETION_TOKENS")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked at.

    Attributes:
        named: Whether the operator named the settings file.
        sources: What was given, wrong or not; of a file that cannot be read nothing.
        settings: Those that are right, with substitutes for the others; None when none could be loaded.
        wrong: Names of the others, in upper case.
        mistakes: One line for each mistake, as `run` says it.
        redact: Takes every secret out of a text, wrong ones too.
    """

    named: bool
    sources: Sources
    settings: Settings | None
    wrong: frozenset[str]
    mistakes: tuple[str, ...]
    redact: Redactor

    @property
    def env_file(self) -> Path:
        return self.sources.env_file

    def lacks(self, *names: str) -> list[str]:
        """Those of the settings that cannot be used."""
        return [name for name in names if self.settings is None or name in self.wrong]


def examine(env_file: Path, *, named: bool, flags: Mapping[str, Any]) -> Patient:
    """Load what can be loaded; ``flags`` are values of settings from the command line, None where not given."""
    try:
        sources = read_sources(env_file, **flags)
    except SettingsError:  # the check of the file says why; here it counts as empty
        sources = replace(read_sources(Path(os.devnull), **flags), env_file=env_file)
    wrong: set[str] = set()
    mistakes: list[str] = []
    settings = None
    while settings is None:
        try:
            settings = check_settings(_without(sources, wrong))
        except SettingsError as error:
            mistakes += error.lines
            new = set(_names(error.lines)) - wrong
            if not new:
                break
            wrong |= new
    return Patient(
        named=named,
        sources=sources,
        settings=settings,
        wrong=frozenset(wrong),
        mistakes=tuple(dict.fromkeys(mistakes)),
        redact=Redactor(_secrets(sources)),
    )


async def examine_in_time(env_file: Path, *, named: bool, flags: Mapping[str, Any], limit_s: float) -> Patient:
    """The same; a file that does not come to an end in time, or breaks the reading, becomes a mistake."""
    reading = asyncio.ensure_future(
        in_daemon_thread(lambda: examine(env_file, named=named, flags=flags), name="doctor-settings")
    )
    await asyncio.wait({reading}, timeout=limit_s)
    if not reading.done():
        reading.cancel()
        why = f"it does not come to an end within {limit_s:g} s"
    elif (error := reading.exception()) is None:
        return reading.result()
    else:
        why = f"{type(error).__name__}: {error}"
    empty = examine(Path(os.devnull), named=named, flags=flags)
    mistake = f"{env_file} cannot be read: {why}: name another file with --env-file"
    return replace(empty, sources=replace(empty.sources, env_file=env_file), mistakes=(mistake, *empty.mistakes))


def _without(sources: Sources, wrong: set[str]) -> Sources:
    values = {name: value for name, value in sources.values.items() if name not in wrong}
    values |= {name: GivenValue(value=_SUBSTITUTES[name], source="flag") for name in wrong & _SUBSTITUTES.keys()}
    return replace(sources, values=values)


def _names(lines: list[str]) -> Iterator[str]:
    """The settings that the lines speak of: each begins with its variable."""
    for line in lines:
        name = line.partition(":")[0]
        if name in _PRICES:  # one without the other is a mistake, too
            yield from _PRICES
        elif name.lower() in Settings.model_fields:
            yield name


def _secrets(sources: Sources) -> Iterator[str]:
    """The values of all secrets, and the passwords in URLs, wherever they are given and whether they can be used."""
    try:  # a pipe can be read only once
        file = read_env_file(sources.env_file) if sources.env_file.is_file() else EMPTY
    except EnvFileError:
        file = EMPTY
    given = [(name, value.value) for name, value in file.given.items()]
    given += [(name.upper(), value) for name, value in os.environ.items()]
    given += [(name, str(value.value)) for name, value in sources.values.items()]
    for name, value in given:
        if name in SECRET:
            yield value
            yield value.strip()
        if name.lower() in Settings.model_fields or name in _PROXIES:
            yield from _password(value)


def _password(url: str) -> Iterator[str]:
    if "@" not in url:
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    yield from filter(None, (parts.password, parts.query))
