"""The questions of ``user-miner init``: one setting at a time, checked at once; secrets are not shown while typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import typer

from actor.edges.hotkey import HotkeyError, HotkeyLockedError
from actor.my_miner import load_signer
from actor.setting_text import setting_text
from actor.settings import Settings, SettingsError, check_settings
from actor.settings_template import comment_of
from actor.sources import SECRET, Sources, Value
from events.describe import printable

__all__ = ["PROPOSED", "ask", "sources_of"]

PROPOSED: Final[Mapping[str, str]] = {"ON_ANALYSIS_ERROR": "hold"}
"""What a new file says unless it is told otherwise; elsewhere the specification's defaults hold to the letter."""

_WALLET: Final = ("WALLET_PATH", "WALLET_NAME", "WALLET_HOTKEY")
_ASKED: Final = (
    "X_BEARER_TOKEN",
    "API_KEY",
    "MINER_API_URL",
    "LLM_BASE",
    "MODEL",
    *_WALLET,
    "NETUID",
    "JOURNAL_DIR",
    "SEARCH_KEYWORDS",
    "MAX_X_USD_PER_DAY",
    "ON_ANALYSIS_ERROR",
)
_PLACEHOLDERS: Final = {"X_BEARER_TOKEN": "unknown", "API_KEY": "unknown"}  # while others are checked
_LONGEST: Final = 2_000


def ask(given: Mapping[str, str], *, wallet_check: bool) -> dict[str, str]:
    """All that matters and is not given yet; an empty answer takes what is proposed, or else the default.

    Raises:
        typer.Abort: Ctrl-C, or the end of the input.
    """
    answers = dict(given)
    typer.echo("Enter takes what stands in brackets. Ctrl-C ends this, and nothing is written.")
    for name in _ASKED:
        if name not in answers:
            _ask(name, answers)
    while wallet_check and (error := _wallet_error(answers)) is not None:
        typer.echo(printable(str(error), _LONGEST), err=True)
        for name in ("HOTKEY_PASSWORD",) if isinstance(error, HotkeyLockedError) else _WALLET:
            _ask(name, answers)
    return answers


def sources_of(given: Mapping[str, str]) -> Sources:
    """These values as settings are made of, with nothing of the environment or of any file."""
    values = {name: Value(value=text, source="flag") for name, text in given.items() if text}
    return Sources(env_file=Path(".miner_env"), values=values, remarks=())


def _ask(name: str, answers: dict[str, str]) -> None:
    typer.echo(f"\n{comment_of(name)}")
    answers.pop(name, None)
    while True:
        text = _answer(name)
        if not text:
            return
        mistake = _mistake(name, {**_PLACEHOLDERS, **answers, name: text})
        if mistake is None:
            answers[name] = text
            return
        typer.echo(printable(mistake, _LONGEST), err=True)


def _answer(name: str) -> str:
    field = Settings.model_fields[name.lower()]
    if name in SECRET:
        text: str = typer.prompt(name, hide_input=True, default=None if field.is_required() else "", show_default=False)
        return text if name == "HOTKEY_PASSWORD" else text.strip()
    default = PROPOSED.get(name) or setting_text(field.default)
    text = typer.prompt(name, default=default, show_default=bool(default)).strip()
    return "" if text == default else text


def _mistake(name: str, answers: Mapping[str, str]) -> str | None:
    try:
        check_settings(sources_of(answers))
    except SettingsError as error:
        told = [line.partition(": correct it ")[0] for line in error.lines if line.startswith(f"{name}: ")]
        return told[0] if told else None
    return None


def _wallet_error(answers: Mapping[str, str]) -> HotkeyError | None:
    try:
        load_signer(check_settings(sources_of({**_PLACEHOLDERS, **answers})))
    except HotkeyError as error:
        return error
    except SettingsError:
        return None  # what is wrong together is told at the end
    return None
