"""This build with one line of its machine changed, imported beside the unchanged one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import actor

__all__ = ["changed_build"]


class _ChangedLoader(SourceFileLoader):
    """Loads a module from its source with one text replaced; nothing is kept on disk."""

    def __init__(self, name: str, path: str, old: str, new: str) -> None:
        super().__init__(name, path)
        self._old = old
        self._new = new

    def get_code(self, fullname: str) -> CodeType:
        """The changed module's code."""
        path = self.get_filename(fullname)
        source = Path(path).read_text(encoding="utf-8")
        assert source.count(self._old) == 1, f"{self._old!r} stands {source.count(self._old)} times in {path}"
        return compile(source.replace(self._old, self._new), path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self, module: str, old: str, new: str) -> None:
        self._module = module
        self._change = (old, new)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where the changed module comes from; all others are found as usual."""
        if fullname != self._module:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _ChangedLoader(fullname, spec.origin, *self._change)
        return spec


def _is_of_the_build(name: str) -> bool:
    """Whether a module belongs to the machine, or knows it as a check does."""
    return name == "audit" or name.startswith(("audit.", "actor.machine"))


@contextmanager
def changed_build(module: str, old: str, new: str) -> Iterator[Any]:
    """``audit.check`` as it is when ``old`` is ``new`` in ``actor/machine``; afterwards all is as before."""
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if _is_of_the_build(name)}
    finder = _Finder(f"actor.machine.{module}", old, new)
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module("audit.check")
    finally:
        sys.meta_path.remove(finder)
        for name in [*sys.modules]:
            if _is_of_the_build(name):
                del sys.modules[name]
        sys.modules.update(kept)
        actor.__dict__["machine"] = kept["actor.machine"]  # importing a submodule sets its package's attribute
