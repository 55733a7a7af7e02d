"""The settings file with a comment on each setting, as the package ships it, and the same with values filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

__all__ = ["HIDDEN", "comment_of", "filled_template", "setting_text"]

_TEMPLATE: Final = (
    Path(__file__).parent / "data" / "miner_env.example"
)  # in the repository a link to .miner_env.example
_HEAD: Final = "# Settings of user-miner, written by `user-miner init`."
_PLAIN: Final = re.compile(r"[\w./:,@~+=-]*", re.ASCII)


def comment_of(name: str) -> str:
    """What the template says of a setting."""
    found = re.search(rf"^# (.*)\n{name}=", _text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"the template has no line for {name}")
    return found[1]


def filled_template(values: Mapping[str, str]) -> str:
    """The template with these values, each written so that it is read as it is."""
    text = _HEAD + _text()[_text().index("\n") :]
    for name, value in values.items():
        before, line, after = re.split(rf"^({name}=.*)$", text, maxsplit=1, flags=re.MULTILINE)
        text = f"{before}{line.partition('=')[0]}={_quoted(value)}{after}"
    return text


def _text() -> str:
    return _TEMPLATE.read_text("utf-8")


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


HIDDEN: Final = "********"


def setting_text(value: Any) -> str:
    """Empty for None, words with commas between, ``true`` and ``false``; never a secret."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)
