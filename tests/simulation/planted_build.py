"""This build with a bug planted in it, imported beside the real one; nothing is kept on disk, and nothing leaks."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

__all__ = ["Change", "planted_build"]

_OURS = ("actor", "audit", "events", "user_miner")  # the world outside stays as it is


@dataclass(frozen=True, slots=True)
class Change:
    """Text that stands exactly once in a module, and what the bug makes of it."""

    module: str
    old: str
    new: str


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, changes: Sequence[Change]) -> None:
        super().__init__(name, path)
        self._changes = changes

    def get_code(self, fullname: str) -> CodeType:
        """The changed module's code."""
        path = self.get_filename(fullname)
        source = Path(path).read_text(encoding="utf-8")
        for change in self._changes:
            assert source.count(change.old) == 1, f"{change.old!r} stands {source.count(change.old)} times in {path}"
            source = source.replace(change.old, change.new)
        return compile(source, path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a changed module comes from; all others are found as usual."""
        changes = [change for change in self._changes if change.module == fullname]
        if not changes:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin, changes)
        return spec


@contextmanager
def planted_build(changes: Sequence[Change], module: str = "user_miner.simulation.campaign") -> Iterator[Any]:
    """``module`` as it is with all ``changes``; afterwards the real build is back."""
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] in _OURS}
    finder = _Finder(changes)
    sys.meta_path.insert(0, finder)
    try:
        planted = importlib.import_module(module)
        missing = {change.module for change in changes} - sys.modules.keys()
        assert not missing, f"{module} does not run {missing}"
        yield planted
    finally:
        sys.meta_path.remove(finder)
        for name in [*sys.modules]:
            if name.partition(".")[0] in _OURS:
                del sys.modules[name]
        sys.modules.update(kept)
