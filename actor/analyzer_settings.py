"""By which rules and which list of subnets posts are judged. A part of all settings, so that readers need no token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from actor.analyzer import Registry, RegistryError, StrategyName, load_registry

__all__ = ["AnalyzerSettings", "CheckedAnalyzerSettings"]

_DEFAULT_FILE: Final = Path("subnets.json")


class AnalyzerSettings(BaseModel):
    """The strategy, and the file that replaces the built-in list of subnets where there is one."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    analyzer: StrategyName = "hybrid"
    subnets_file: Path = _DEFAULT_FILE

    @field_validator("analyzer", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("subnets_file")
    @classmethod
    def _at_home(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError("names the home directory of a user that this machine does not know") from None

    def registry(self) -> Registry:
        """The subnets: those of SUBNETS_FILE, or the built-in ones while the default file is not there.

        Raises:
            RegistryError: The file is wrong, or was named and is not there.
        """
        if self.uses_built_in():
            return load_registry()
        return load_registry(self.subnets_file)

    def uses_built_in(self) -> bool:
        """Whether nobody named another list or made one."""
        return self.subnets_file == _DEFAULT_FILE and not self.subnets_file.exists()


class CheckedAnalyzerSettings(AnalyzerSettings):
    """The same for those who are about to pay for posts: a list that cannot be used is a mistake in the settings."""

    @model_validator(mode="after")
    def _registry_is_whole(self) -> Self:
        try:
            self.registry()
        except RegistryError as error:
            is_there = os.path.lexists(self.subnets_file)
            mend = "correct or remove it" if is_there else "`user-miner subnets refresh` makes it"
            raise ValueError(f"SUBNETS_FILE: {error}: {mend}") from None
        return self
