"""``user-miner config``: what each setting is, where its value is from, and what is wrong. It shows no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer

from actor.settings.model import URLS, Settings, SettingsError, check_settings, is_hidden, read_sources
from actor.settings.sources import SECRET, Sources
from actor.settings.template import HIDDEN, setting_text
from events.describe import inert_json, path_text, printable
from user_miner.options import (
    DebugOption,
    EnvFileOption,
    HotkeyOption,
    JournalsOption,
    JsonOption,
    NetuidOption,
    WalletOption,
    WalletsOption,
)
from user_miner.terminal import fail

__all__ = ["DEFAULT_ENV_FILE", "config", "run_config"]


def config(
    *,
    env_file: EnvFileOption = None,
    journal: JournalsOption = None,
    wallet_name: WalletOption = None,
    wallet_hotkey: HotkeyOption = None,
    wallet_path: WalletsOption = None,
    netuid: NetuidOption = None,
    debug: DebugOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print each setting as `run` would take it. It tells where each is from; secrets stay hidden."""
    flags = {
        "journal_dir": journal,
        "wallet_name": wallet_name,
        "wallet_hotkey": wallet_hotkey,
        "wallet_path": wallet_path,
        "netuid": netuid,
        "log_level": "debug" if debug else None,
    }
    code = run_config(env_file or DEFAULT_ENV_FILE, required=env_file is not None, flags=flags, as_json=as_json)
    raise typer.Exit(code)


DEFAULT_ENV_FILE: Final = Path(".miner_env")

_LONGEST: Final = 500  # a query of keywords at its longest still shows
_COLUMN: Final = max(map(len, Settings.model_fields)) + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One setting. ``value`` is None without one; ``source`` is "flag", "environment", "file" or "default"."""

    name: str
    value: str | None
    source: str
    line: int | None
    expanded: bool

    def place(self, env_file: Path) -> str:
        where = f"{env_file}:{self.line}" if self.line is not None else self.source
        return f"{where}, expanded" if self.expanded else where


def run_config(env_file: Path, *, required: bool, flags: Mapping[str, Any], as_json: bool) -> int:
    """Print all settings; the exit code is 2 when `run` would refuse them."""
    try:
        sources = read_sources(env_file, required=required, **flags)
    except SettingsError as error:
        return _refuse(error.lines)
    settings, mistakes = None, []
    try:
        settings = check_settings(sources)
    except SettingsError as error:
        mistakes = error.lines
    rows = [_row(name.upper(), sources, settings) for name in Settings.model_fields]
    if as_json:
        typer.echo(inert_json(_json(rows, sources, mistakes)))
        return 2 if mistakes else 0
    for row in rows:
        value = printable("none" if row.value is None else row.value, _LONGEST)
        typer.echo(f"{row.name:<{_COLUMN}}{value:<{_COLUMN}}{printable(row.place(env_file), _LONGEST)}")
    for remark in sources.remarks:
        fail(f"warning: {remark}", code=0)
    return _refuse(mistakes) if mistakes else 0


def _row(name: str, sources: Sources, settings: Settings | None) -> _Row:
    given = sources.values.get(name)
    if settings is not None:
        value = getattr(settings, name.lower())
    elif given is not None:
        value = given.value
    else:
        field = Settings.model_fields[name.lower()]
        value = None if field.is_required() else field.default
    return _Row(
        name=name,
        value=None if value is None else sources.redact(_shown(name, value)),
        source="default" if given is None else given.source,
        line=None if given is None else given.line,
        expanded=given is not None and given.expanded,
    )


def _shown(name: str, value: Any) -> str:
    text = HIDDEN if name in SECRET else setting_text(value)
    if name == "SUBTENSOR_NETWORK" and is_hidden(name, text):
        return f"{text.partition('://')[0]}://{HIDDEN}"
    return _without_secrets(text) if name in URLS else text


def _without_secrets(url: str) -> str:
    """A URL without its user and password, query and fragment: all of them may be secrets."""
    if "@" in url:
        scheme, slashes, rest = url.rpartition("//") if url.count("//") == 1 else ("", "", url)
        url = f"{scheme}{slashes}{HIDDEN}@{rest.rpartition('@')[2]}"
    place = re.split(r"[?#]", url, maxsplit=1)[0]
    return url if place == url else f"{place}?{HIDDEN}"


def _json(rows: Iterable[_Row], sources: Sources, mistakes: list[str]) -> str:
    settings = [
        {"name": row.name, "value": row.value, "source": row.source, "line": row.line, "expanded": row.expanded}
        for row in rows
    ]
    told = {
        "env_file": path_text(sources.env_file),
        "settings": settings,
        "mistakes": mistakes,
        "remarks": list(sources.remarks),
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _refuse(lines: Iterable[str]) -> int:
    for line in lines:
        fail(line, code=2)
    return 2
