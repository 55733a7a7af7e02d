"""Settings read again while the miner runs: which of them a running miner takes over, and what is said of it.

Those that a search, an analysis or a wait asks for anew are taken over. The rest name what is open already (a journal,
a hotkey, connections) or what a window was begun with, and needs a restart. A wrong file changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import ValidationError

from actor.settings.model import Settings, check_settings
from actor.settings.sources import SettingsError, Sources
from actor.settings.template import setting_text
from events.catalogue import AT_RUN_TIME, SettingsChanged

__all__ = ["RELOADABLE", "Adopter", "Reloader"]

RELOADABLE: Final = tuple(
    name.upper() for name, field in Settings.model_fields.items() if AT_RUN_TIME in field.metadata
)

_log = logging.getLogger("actor")


class Adopter(Protocol):
    """Who works by the settings: ``actor.runtime.Actor``."""

    def change_settings(self, change: SettingsChanged, *, llm_concurrency: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    taken: tuple[str, ...]
    restart: tuple[str, ...]


class Reloader:
    """Reads settings again when asked to.

    Args:
        settings: Those in use.
        read: Gathers them from where they came.
        set_log_level: Follows LOG_LEVEL; None where a host's own logging applies, which it does not change.
    """

    def __init__(
        self, settings: Settings, read: Callable[[], Sources], *, set_log_level: Callable[[str], None] | None = None
    ) -> None:
        self.settings = settings
        self._read = read
        self._set_log_level = set_log_level

    def reload(self, adopter: Adopter) -> bool:
        """Read, and have what can be taken over recorded; the log says what came of it. True when something changed."""
        try:
            sources = self._read()
            found = check_settings(sources)
        except SettingsError as error:
            _log.error("settings not reloaded, because of errors: %s", "; ".join(error.lines))
            return False
        for remark in sources.remarks:
            _log.warning("%s", remark)
        return self.take(found, adopter)

    def take(self, found: Settings, adopter: Adopter, *, tells_of_nothing: bool = True) -> bool:
        """Have those taken over that can be; True when something changed, which is said, as it is that nothing did."""
        difference = self._difference(found)
        taken = self._mixed(found, difference.taken)
        if taken is None:
            return False
        if difference.restart:
            _log.warning("changed, but takes effect only after a restart: %s", ", ".join(difference.restart))
        elif not difference.taken and tells_of_nothing:
            _log.info("settings reloaded: nothing has changed")
        if difference.taken:
            self._adopt(taken, difference.taken, adopter)
        return bool(difference.taken)

    def _difference(self, found: Settings) -> _Difference:
        names = [name for name in Settings.model_fields if getattr(found, name) != getattr(self.settings, name)]
        if self._set_log_level is None:
            names = [name for name in names if name != "log_level"]
        upper = [name.upper() for name in names]
        return _Difference(
            taken=tuple(name for name in upper if name in RELOADABLE),
            restart=tuple(name for name in upper if name not in RELOADABLE),
        )

    def _mixed(self, found: Settings, taken: tuple[str, ...]) -> Settings | None:
        """The settings in use with the new values of those that are taken over, unless these do not go together."""
        values = {name: getattr(self.settings, name) for name in Settings.model_fields}
        values |= {name.lower(): getattr(found, name.lower()) for name in taken}
        try:
            return Settings.model_validate(values)
        except ValidationError:
            _log.error("settings are not reloaded: %s depend on others that need a restart", ", ".join(taken))
            return None

    def _adopt(self, settings: Settings, names: tuple[str, ...], adopter: Adopter) -> None:
        for name in names:
            before, after = (setting_text(getattr(each, name.lower())) for each in (self.settings, settings))
            _log.info("%s changes from %s to %s", name, before or "none", after or "none")
        self.settings = settings
        if self._set_log_level is not None:
            self._set_log_level(settings.log_level)
        change = SettingsChanged(policy=settings.policy(), names=names)
        adopter.change_settings(change, llm_concurrency=settings.llm_concurrency)
