"""The settings file, read once: each value with the line that it stands on, and remarks on what cannot be meant.

It is the format that python-dotenv reads, with one difference: nothing is expanded in single quotes. Nothing here knows
which names are settings, and no remark quotes a value, for it may be a secret.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.named_file import read_named

if TYPE_CHECKING:
    from dotenv.parser import Binding

__all__ = [
    "EMPTY",
    "EnvFile",
    "EnvFileError",
    "Given",
    "exposed_to",
    "parse_env_file",
    "quotes_around",
    "read_env_file",
]

# A settings file takes 5 KiB; whoever names a disk image or a journal by mistake is told so.
_LARGEST_BYTES: Final = 1 << 20
_CLOSING: Final = {
    '"': '"',
    "'": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}",
    "\N{LEFT SINGLE QUOTATION MARK}": "\N{RIGHT SINGLE QUOTATION MARK}",
}


class EnvFileError(Exception):
    """The file cannot be read; one line without its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value of the file.

    Attributes:
        name: As it is written there.
        value: Without its quotes, expanded.
        line: Where it stands, counted from 1.
        expanded: Names of the variables in ``${…}`` whose values were put in.
    """

    name: str
    value: str
    line: int
    expanded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """What a settings file holds.

    Attributes:
        given: One for each name, which is in upper case here; the last line that gives it counts.
        remarks: (line, what is odd there), in the file's order.
    """

    given: Mapping[str, Given]
    remarks: tuple[tuple[int, str], ...] = ()


EMPTY: Final = EnvFile(given={})


def read_env_file(path: Path, environment: Mapping[str, str] = os.environ) -> EnvFile:
    """Read the file; one that is not there is empty. ``environment`` gives what ``${…}`` names and the file does not.

    Raises:
        EnvFileError: It cannot be read, or is no text in UTF-8.
    """
    try:
        if path.is_dir() or not path.exists():
            return EMPTY
        data = read_named(path, _LARGEST_BYTES + 1)
    except OSError as error:
        raise EnvFileError(f"cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST_BYTES:
        raise EnvFileError(f"is larger than {_LARGEST_BYTES >> 20} MiB: this is no settings file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EnvFileError(f"cannot be read: line {line} is not UTF-8: save the file as UTF-8 text") from None
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise EnvFileError(f"cannot be read: line {line} holds a zero byte: save the file as UTF-8 text")
    return parse_env_file(text, environment)


def parse_env_file(text: str, environment: Mapping[str, str]) -> EnvFile:
    """The same for the file's text."""
    return _Reading(environment).whole(text)


def exposed_to(mode: int) -> str | None:
    """Who beside its owner can read or change a file of this mode; None for nobody."""
    if mode & 0o066 == 0:
        return None
    return "every user of this machine" if mode & 0o006 else "its group"


def quotes_around(value: str) -> bool:
    """Whether a value stands in quotes that did not count as such: of a word processor, or kept by docker."""
    closing = _CLOSING.get(value[:1])
    return closing is not None and len(value) > 1 and value.endswith(closing)


class _Reading:
    """One pass over a file."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._given: dict[str, Given] = {}
        self._remarks: list[tuple[int, str]] = []

    def whole(self, text: str) -> EnvFile:
        from dotenv.parser import parse_stream  # noqa: PLC0415  (only needed here, and start-up time matters)

        for binding in parse_stream(StringIO(text)):
            self._take(binding)
        return EnvFile(given=self._given, remarks=tuple(self._remarks))

    def _take(self, binding: Binding) -> None:
        written = binding.original.string
        blank = len(written) - len(written.lstrip())
        line = binding.original.line + len(written[:blank].splitlines())
        lines = len(written[blank:].rstrip().splitlines())
        if binding.error:
            where = "this line" if lines <= 1 else f"from here to line {line + lines - 1} the text"
            self._remark(line, f"{where} cannot be read and is left out: expected NAME=value, with its quotes closed")
        elif binding.key is not None and binding.value is None:
            # It may be the second half of a secret that an editor broke in two.
            self._remark(line, "this line has no = and sets nothing: expected NAME=value")
        elif binding.key is not None and binding.value is not None:
            self._keep(binding.key, binding.value, line, written[blank:])

    def _keep(self, name: str, value: str, line: int, written: str) -> None:
        key = name.upper()
        if key in self._given:
            self._remark(line, f"{key} is set twice: this line counts, line {self._given[key].line} does not")
        if len(value.splitlines()) > 1:  # no setting does; the lines that it swallowed may hold secrets
            self._remark(line, f"the value of {key} goes on over several lines and is left out: is a quote not closed?")
            return
        expanded: tuple[str, ...] = ()
        if not written.partition("=")[2].lstrip().startswith("'"):
            value, expanded = self._expand(key, value, line)
        self._given[key] = Given(name=name, value=value, line=line, expanded=expanded)

    def _expand(self, key: str, value: str, line: int) -> tuple[str, tuple[str, ...]]:
        from dotenv.variables import Variable, parse_variables  # noqa: PLC0415  (as above)

        known = {**self._environment, **{given.name: given.value for given in self._given.values()}}
        atoms = list(parse_variables(value))
        names = tuple(atom.name for atom in atoms if isinstance(atom, Variable))
        for atom in atoms:
            if isinstance(atom, Variable) and atom.default is None and atom.name not in known:
                self._remark(
                    line,
                    f"the value of {key} names ${{{atom.name}}}, which is not set, so nothing stands there: "
                    "single quotes keep a value as it is written",
                )
        return "".join(atom.resolve(known) for atom in atoms), names

    def _remark(self, line: int, text: str) -> None:
        self._remarks.append((line, text))
