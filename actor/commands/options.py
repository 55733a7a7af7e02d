"""Arguments that more than one command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = ["JournalArgument", "JsonOption"]

JournalArgument: TypeAlias = Annotated[Path, typer.Argument(help="A journal, or a folder that holds exactly one.")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON for machines instead of text.")]
