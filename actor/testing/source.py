"""A scenario as the text of a test file: each event, where it led and what was wanted then. Pure.

The text is ASCII whatever a post holds, and laid out as ruff and black would lay it out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from actor.machine import INITIAL, State
from actor.testing.drive import MachineDrive
from actor.testing.scenario import Scenario, Step
from events.codec import plain
from events.describe import describe
from events.journal import at_text
from events.upcast import VERSIONS
from events.value import Value

__all__ = ["as_data", "as_source"]

# What formatters take for one line; longer ones are broken after each part.
_WIDTH: Final = 88
_INDENT: Final = "    "
_fields: Final = cache(msgspec.structs.fields)  # which reads a class's annotations anew each time


def as_source(scenario: Scenario, *, name: str, title: str, origin: str) -> str:
    """A Python file that passes under pytest with this build.

    Args:
        scenario: What happens in it.
        name: Of the test function.
        title: One line that says what it is about, without a full stop.
        origin: Where it comes from, lines for the docstring.
    """
    start = _start(scenario.start)
    given = "START" if start else ""
    body = "\n".join("\n".join(lines) for lines in _body(scenario))
    return (
        f'"""{title}: where each event led, and what was wanted then.\n\n{origin}\n"""\n\n'
        f"from actor.testing import MachineDrive\n\n{start}\n"
        f'def {name}() -> None:\n{_INDENT}"""{title}."""\n{_INDENT}drive = MachineDrive({given})\n{body}\n'
    )


def as_data(scenario: Scenario) -> dict[str, Any]:
    """The same for machines: the state in the beginning, and for each event what it led to and what was wanted."""
    drive, steps = MachineDrive(scenario.start), []
    for found in scenario.steps:
        drive.at_ms = found.at_ms
        drive.on(found.event)
        steps.append(
            {
                "seq": found.seq,
                "at": at_text(found.at_ms),
                "v": VERSIONS[found.name],
                "event": found.name,
                "data": plain(found.event),
                "moved": drive.moved(),
                "effects": drive.effects(),
            }
        )
    return {"start": _sparse(scenario.start), "steps": steps}


def _start(state: State) -> str:
    if state == INITIAL:
        return ""
    return f'START = r"""\n{_json(_sparse(state), "")}\n"""\n\n'


def _body(scenario: Scenario) -> Iterator[list[str]]:
    drive = MachineDrive(scenario.start)
    for found in scenario.steps:
        drive.at_ms = found.at_ms
        drive.on(found.event)
        effects = [json.dumps(line) for line in drive.effects()]
        yield [
            "",
            f"{_INDENT}# {found.seq}: {_ascii(describe(found.event))}",
            *_call(found),
            f'{_INDENT}assert drive.moved() == "{drive.moved()}"',
            *_listed(f"{_INDENT}assert drive.effects() == ", effects),
        ]


def _call(found: Step) -> list[str]:
    data, version = plain(found.event), VERSIONS[found.name]
    parts = [json.dumps(at_text(found.at_ms)), json.dumps(found.name)]
    last = [] if version == 1 else [f"v={version}"]
    if not data:
        return _broken(f"{_INDENT}drive.recorded(", [*parts, '"{}"', *last], ")")
    text = f'r"""\n{_json(data, _INDENT * 2)}\n{_INDENT * 2}"""'
    return [f"{_INDENT}drive.recorded(", *(f"{_INDENT * 2}{part}," for part in (*parts, text, *last)), f"{_INDENT})"]


def _listed(before: str, items: list[str]) -> list[str]:
    return _broken(f"{before}[", items, "]")


def _broken(opened: str, items: Iterable[str], closed: str) -> list[str]:
    """A list or call on one line where it fits, else one part on each line."""
    flat = f"{opened}{', '.join(items)}{closed}"
    if len(flat) <= _WIDTH:
        return [flat]
    return [opened, *(f"{_INDENT * 2}{item}," for item in items), f"{_INDENT}{closed}"]


def _json(value: Any, indent: str) -> str:
    """JSON that people read: what fits on a line stands on one, fields fill lines, parts have lines of their own."""
    flat = json.dumps(value)
    if not isinstance(value, dict | list | tuple) or len(indent) + len(flat) <= _WIDTH:
        return f"{indent}{flat}"
    opened, closed = ("{", "}") if isinstance(value, dict) else ("[", "]")
    deeper = f"{indent}  "
    lines, line = [], ""
    for part in _parts(value, deeper):
        if "\n" in part or len(deeper) + len(line) + len(part) + 2 > _WIDTH:
            lines += [f"{deeper}{line}"] if line else []
            line = part
        else:
            line = f"{line}, {part}" if line else part
    return f"{indent}{opened}\n" + ",\n".join([*lines, f"{deeper}{line}"]) + f"\n{indent}{closed}"


def _parts(value: Mapping[str, Any] | Sequence[Any], indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield f"{json.dumps(name)}: {_json(item, indent).lstrip()}"
    else:
        for item in value:
            yield _json(item, indent).lstrip()


def _sparse(value: Any) -> Any:
    """As JSON, without the fields at their defaults."""
    if isinstance(value, Value):
        fields = ((field, getattr(value, field.name)) for field in _fields(type(value)))
        return {field.name: _sparse(item) for field, item in fields if item != _default(field)}
    if isinstance(value, tuple):
        return [_sparse(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _sparse(item) for key, item in value.items()}
    return plain(value)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
