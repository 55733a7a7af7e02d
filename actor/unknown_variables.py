"""Variables without effect: those nobody knows, with the nearest one that is known, and those of earlier miners.

All of the settings file is looked at. The environment holds everything, so there only names that come close to a
setting's, or begin as several words of one do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from actor.env_file import EMPTY, EnvFile, EnvFileError, read_env_file

__all__ = [
    "LEGACY",
    "UnknownVariable",
    "legacy_names",
    "legacy_variables",
    "nearest_name",
    "unknown_names",
    "unknown_variables",
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
        return f"{where}: {self.name[:60]!r} is no setting and has no effect{meant}"


def unknown_variables(
    env_file: Path, environment: Mapping[str, str] = os.environ, *, known: Collection[str] | None = None
) -> tuple[UnknownVariable, ...]:
    """The unknown variables of the file in its order, then those of the environment by name.

    A file that is not there or cannot be read holds none: whoever loads settings from it says so.

    Args:
        env_file: The settings file.
        environment: All variables of the environment.
        known: Names of settings in upper case; None for those of this build.
    """
    file = _read(env_file, environment)
    return unknown_names(file, env_file, environment, _known() if known is None else known)


def nearest_name(name: str) -> str | None:
    """The setting that a name may be meant to be; None when none comes close."""
    return _nearest(name.upper(), _known(), _NEAR)


def legacy_variables(env_file: Path, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names of earlier miners that the file or the environment gives (ruling 15)."""
    return legacy_names(_read(env_file, environment), environment)


def legacy_names(file: EnvFile, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The same for a file that was read."""
    return tuple(name for name in LEGACY if name in file.given or name in environment)


def unknown_names(
    file: EnvFile, place: Path, environment: Mapping[str, str], known: Collection[str]
) -> tuple[UnknownVariable, ...]:
    """The same for a file that was read from ``place``."""
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


def _read(env_file: Path, environment: Mapping[str, str]) -> EnvFile:
    try:
        return read_env_file(env_file, environment)
    except EnvFileError:
        return EMPTY


def _known() -> frozenset[str]:
    from actor.settings import KNOWN  # noqa: PLC0415  (settings tell of unknown variables, too)

    return KNOWN


def _nearest(name: str, known: Collection[str], cutoff: float) -> str | None:
    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=cutoff)), None)


def _prefixes(known: Collection[str]) -> tuple[str, ...]:
    """The first two words of the names that have more: LLM_USD_, MAX_X_ and the like."""
    matches = (re.match(r"[A-Z]+_[A-Z]+_", name) for name in known)
    return tuple({match[0] for match in matches if match})
