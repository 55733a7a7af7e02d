"""Rules from a user's own file. It is Python and is run; what is wrong with it is told in one line, with its place."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from audit.errors import UsageError
from audit.rules import RULES
from audit.rules.rule import Rule
from events.catalogue import EVENTS

__all__ = ["all_rules", "choose", "load_rules", "place_of"]


def load_rules(path: Path) -> tuple[type[Rule], ...]:
    """The classes in the file's RULES.

    Raises:
        UsageError: The file cannot be read or run, or RULES is no list of rules.
    """
    module = ModuleType(f"audit_rules:{path}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickles look their module up
    try:
        # Compiled here, for an import would write a cache beside the file.
        code = compile(path.read_bytes(), str(path), "exec")
        exec(code, module.__dict__)  # noqa: S102  (the operator's own file, as asked for)
    except OSError as error:
        raise UsageError(f"--rules {path}: cannot be read: {error.strerror}") from error
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        where, what = place_of(error, path), f"{type(error).__name__}: {error}"
        raise UsageError(f"--rules {where}: {what}; expected Python that runs and sets RULES = [...]") from error
    return _checked(path, getattr(module, "RULES", None))


def place_of(error: BaseException, path: Path) -> str:
    """FILE:LINE of what went wrong in a file, or the file alone."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def choose(rules: Sequence[type[Rule]], names: Iterable[str]) -> tuple[type[Rule], ...]:
    """The rules of these names, in the list's order; all of them without a name.

    Raises:
        UsageError: Two rules share a name, or none has one that was asked for.
    """
    known = [rule.name for rule in rules]
    for name in known:
        if known.count(name) > 1:
            raise UsageError(f"--rules: two rules are named {name!r}; give each one a name of its own")
    for name in (asked := list(names)):
        if name not in known:
            raise UsageError(f"--rule {name}: there is no such rule; known are {', '.join(known)}")
    return tuple(rule for rule in rules if not asked or rule.name in asked)


def _checked(path: Path, found: object) -> tuple[type[Rule], ...]:
    if not isinstance(found, list | tuple) or not found:
        raise UsageError(
            f"--rules {path}: expected RULES = [...] with at least one class derived from audit.rules.Rule"
        )
    for rule in found:
        if not (isinstance(rule, type) and issubclass(rule, Rule)):
            raise UsageError(f"--rules {path}: RULES holds {rule!r}, expected classes derived from audit.rules.Rule")
        for name in ("name", "demands"):
            if not isinstance(getattr(rule, name, None), str):
                raise UsageError(f"--rules {path}: {rule.__name__} has no {name}, expected {name} = '...'")
        events: object = rule.events
        if not isinstance(events, tuple | list) or not all(event in EVENTS.values() for event in events):
            raise UsageError(f"--rules {path}: {rule.__name__}.events holds no events, expected events.catalogue's")
        if rule.see is Rule.see:
            raise UsageError(f"--rules {path}: {rule.__name__} has no method see(self, entry)")
    return tuple(found)


def all_rules(files: Iterable[Path], names: Iterable[str]) -> tuple[type[Rule], ...]:
    """This program's rules and those of the files, as far as they are asked for.

    Raises:
        UsageError: See `load_rules` and `choose`.
    """
    return choose([*RULES, *(rule for path in files for rule in load_rules(path))], names)
