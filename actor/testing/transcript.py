"""Golden transcripts: a text that drives the machine, with what comes of each command beneath it.

    # Ruling 10: a conflict is final.

    failed
    backoff-over after=3
    ----
    SubmissionFailed: Submitting -> Backoff
      + EndBackoff due=+3s wait_s=3.0
    BackoffElapsed: Backoff -> Submitting
      + StartSubmission post_id=1 attempt=2

Commands stand above the line of dashes, one on each line. Beneath it, up to the next empty line, stands what happened:
each event's move, effects that are started by it (``+``), and those that are called off without an answer (``-``). An
event that the machine refuses leaves a line ``refused: …`` and changes nothing. testing.md lists the commands.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from actor.machine import IllegalEventError
from actor.testing.commands import COMMANDS, Teller

__all__ = ["TranscriptError", "check_transcript", "run_transcript"]

_LINE: Final = "----"


class TranscriptError(AssertionError):
    """A transcript does not say what happens; the message is the difference."""


def check_transcript(path: Path, *, rewrite: bool = False) -> None:
    """Run a transcript and compare; with ``rewrite``, write down what happened instead.

    Raises:
        TranscriptError: Something else happened, or a command is none.
    """
    said = path.read_text("utf-8")
    happened = run_transcript(said)
    if rewrite and said != happened:
        path.write_text(happened, "utf-8")
    elif said != happened:
        lines = difflib.unified_diff(
            said.splitlines(), happened.splitlines(), "as written", "as it happens", lineterm=""
        )
        raise TranscriptError(
            f"{path.name} tells another story; --rewrite-transcripts writes it anew\n" + "\n".join(lines)
        )


def run_transcript(text: str) -> str:
    """The same text with what happens with this build beneath each group of commands.

    Raises:
        TranscriptError: A command is none, or a group has no line of dashes.
    """
    drive = Teller()
    return "\n".join(_rewritten(text.splitlines(), drive)) + "\n"


def _rewritten(lines: list[str], drive: Teller) -> Iterator[str]:
    is_told, commands = False, 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            if commands and not is_told:
                raise TranscriptError(f"line {number}: expected {_LINE} behind the commands")
            is_told, commands = False, 0
            yield ""
        elif is_told:
            continue  # what happened the last time
        elif line == _LINE:
            is_told = True
            yield line
            yield from drive.take()
        else:
            yield line
            if not line.startswith("#"):
                commands += 1
                _run(line, drive, number)


def _run(line: str, drive: Teller, number: int) -> None:
    name, *words = line.split(maxsplit=2) if line.startswith("event ") else line.split()
    fields: dict[str, Any] = {}
    while name != "event" and words and "=" in words[-1]:
        key, _, value = words.pop().partition("=")
        fields[key] = _value(value)
    if name not in COMMANDS:
        raise TranscriptError(f"line {number}: {name!r} is no command; known: {', '.join(COMMANDS)}")
    drive.at_ms += round(float(fields.pop("after", 0)) * 1000)
    try:
        COMMANDS[name](drive, words, fields)
    except IllegalEventError as error:
        drive.say(f"refused: {error}")
    except (ValueError, TypeError) as error:
        raise TranscriptError(f"line {number}: {line!r}: {error}") from error


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
