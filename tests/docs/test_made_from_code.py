"""Parts of the documents that repeat the code: UPDATE_DOCS=1 writes the marked ones again, and the rest is compared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dotenv import dotenv_values
from typer import Typer
from typer.testing import CliRunner

from actor.machine.alarms import ALARMS
from actor.machine.state import STATES
from actor.machine.table import GUARDS, ROWS, Row
from actor.settings.model import Settings, SettingsError, load_settings
from audit.costs.what_if import ASSUMPTIONS
from events.catalogue import EVENTS, Policy, Post, SubmissionBody
from events.prices import Prices
from tests.docs.kit import DOCUMENTS, ROOT, blocks, put_generated, rows
from user_miner.cli import COMMANDS, app
from user_miner.commands.diagram import mermaid
from user_miner.commands.subnets import subnets

DOCS = ROOT / "docs"
SPECIFIED = [
    "BLOCKS_PER_WINDOW",
    "MAX_SUBMISSIONS_PER_WINDOW",
    "X_BEARER_TOKEN",
    "X_API_BASE",
    "MINER_API_URL",
    "BATCH_HTTP_TIMEOUT",
    "MODEL",
    "API_KEY",
    "LLM_BASE",
]


def help_text(*words: str) -> str:
    """What ``--help`` prints on 80 columns."""
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="user-miner", env={"COLUMNS": "80"})
    assert result.exit_code == 0
    return result.output


def commands() -> list[str]:
    """The commands as registered, in order; groups and theirs behind them."""
    return [*COMMANDS, *(f"subnets {name}" for name in names(subnets))]


def names(group: Typer) -> list[str]:
    """The names of a group's commands."""
    found = [info.name or (info.callback.__name__ if info.callback else "") for info in group.registered_commands]
    assert all(found)
    return found


def event_table() -> str:
    """One line for each event and the states in which it does the same."""
    ways: dict[tuple[str, str], list[Row]] = {}
    for row in ROWS:
        ways.setdefault((row.event, row.source), []).append(row)
    lines: dict[tuple[str, str], list[str]] = {}
    for (event, source), found in ways.items():
        lines.setdefault((event, "; ".join(map(way, found))), []).append(source)
    ordered = sorted(lines.items(), key=lambda item: list(EVENTS).index(item[0][0]))
    body = "".join(f"| {event} | {states(where)} | {then} |\n" for (event, then), where in ordered)
    return f"\n| event | in | then |\n|---|---|---|\n{body}\n"


def way(row: Row) -> str:
    """Where one row of the table leads, in words."""
    condition = " and ".join(name.replace("_", " ") for name in row.guards)
    return f"{row.dest or 'stays'}{f' ({condition})' if condition else ''}"


def states(names: list[str]) -> str:
    """A list of states, short when it is all of them."""
    return "any" if len(names) == len(STATES) else ", ".join(names)


def field_table() -> str:
    """The fields of each event, and of the objects within them."""
    kinds: dict[str, type[Any]] = {**EVENTS, **{cls.__name__: cls for cls in (Policy, Prices, Post, SubmissionBody)}}
    body = ""
    for name, cls in kinds.items():
        fields = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(cls))
        body += f"| {name} | {fields or 'none'} |\n"
    return f"\n| event or object | fields |\n|---|---|\n{body}\n"


def test_the_event_table_is_the_machine_s() -> None:
    """docs/developers/machine.md lists every row of the transition table."""
    assert put_generated(DOCS / "developers" / "machine.md", "events", event_table()) == event_table()


def test_the_field_table_is_the_catalogue_s() -> None:
    """docs/developers/machine.md lists every field of every event."""
    assert put_generated(DOCS / "developers" / "machine.md", "fields", field_table()) == field_table()


def test_the_diagram_is_the_machine_s() -> None:
    """docs/developers/machine.md shows what ``user-miner diagram`` prints."""
    wanted = f"\n```mermaid\n{mermaid()}\n```\n\n"
    assert put_generated(DOCS / "developers" / "machine.md", "diagram", wanted) == wanted
    assert CliRunner().invoke(app, ["diagram"]).output == mermaid() + "\n"


def test_the_assumptions_of_a_replay_are_made_from_the_code() -> None:
    """costs.md says what ``costs --what-if`` says."""
    wanted = "\n" + "".join(f"- {line}\n" for line in ASSUMPTIONS) + "\n"
    assert put_generated(DOCS / "operators" / "costs.md", "assumptions", wanted) == wanted


def test_states_and_conditions_are_explained() -> None:
    """docs/developers/machine.md has a line for each state and each guard."""
    assert [row["state"] for row in rows(DOCS / "developers" / "machine.md", column="state")] == list(STATES)
    told = [row["condition"].replace(" ", "_") for row in rows(DOCS / "developers" / "machine.md", column="condition")]
    assert told == list(GUARDS)
    assert [row["state"].strip("`") for row in rows(ROOT / "README.md", column="state")] == list(STATES)


def test_the_command_line_is_as_documented() -> None:
    """docs/reference/cli.md shows the help of the program and of each command."""
    parts = [f"## user-miner\n\n```text\n{help_text()}```\n"]
    parts += [f"\n## user-miner {name}\n\n```text\n{help_text(*name.split())}```\n" for name in commands()]
    wanted = "\n" + "".join(parts) + "\n"
    assert put_generated(DOCS / "reference" / "cli.md", "cli", wanted) == wanted


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.stem)
def test_only_existing_commands_are_named(document: Path) -> None:
    """No document speaks of a command that is not there."""
    named = set(re.findall(r"(?:^\$ |`|bin/)user-miner ([a-z]+)", document.read_text("utf-8"), flags=re.MULTILINE))
    assert named <= set(commands())


def test_the_settings_are_as_documented() -> None:
    """The page of settings has every one with its default, the specification's first, and flags that exist."""
    told = rows(DOCS / "reference" / "settings.md", column="name")
    assert [row["name"].strip("`") for row in told] == [name.upper() for name in Settings.model_fields]
    assert [row["name"].strip("`") for row in told[: len(SPECIFIED)]] == SPECIFIED
    for row, (name, field) in zip(told, Settings.model_fields.items(), strict=True):
        assert row["default"].strip("`") == default_text(field), name
        assert row["flag"].strip("` |") in help_text("run"), name


def default_text(field: Any) -> str:
    """A default as a settings file writes it."""
    if field.is_required():
        return "required"
    value = field.default
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_example_file_covers_every_setting() -> None:
    """.miner_env.example: the specification's variables first, one comment line before each, defaults, no secret."""
    example = ROOT / ".miner_env.example"
    values = dotenv_values(example)
    assert list(values) == [name.upper() for name in Settings.model_fields]
    for name, field in Settings.model_fields.items():
        default = default_text(field)
        assert values[name.upper()] == ("" if default in {"required", "none"} else default), name
    text = example.read_text("utf-8")
    for name in values:
        comment = re.search(rf"(?:\n\n|=.*\n)# (.+)\n{name}=", text)
        assert comment is not None, f"{name}: expected one comment line"
        assert "default" in comment[1] or "required" in comment[1], name


def test_the_example_file_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As it stands it lacks exactly its two secrets; with them it gives the defaults."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    example = ROOT / ".miner_env.example"
    with pytest.raises(SettingsError) as caught:
        load_settings(example)
    assert [line.split(":")[0] for line in caught.value.lines] == ["X_BEARER_TOKEN", "API_KEY"]
    monkeypatch.setenv("X_BEARER_TOKEN", "t")
    monkeypatch.setenv("API_KEY", "k")
    assert load_settings(example) == load_settings(tmp_path / "none")


def test_every_dependency_is_explained() -> None:
    """docs/developers/dependencies.md names exactly the packages of pyproject.toml, in one line each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
        project["build-system"]["requires"],
    ]
    asked = {re.split(r"[^\w.-]", item)[0] for group in groups for item in group if isinstance(item, str)}
    told = [row["package"] for row in rows(DOCS / "developers" / "dependencies.md", column="package")]
    assert sorted(told) == sorted(asked)
    assert all(row["why"] for row in rows(DOCS / "developers" / "dependencies.md", column="package"))


def test_the_changelog_has_this_version() -> None:
    """CHANGELOG.md begins with the version of pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert headings[0] == version


def test_the_registry_s_size_is_as_documented() -> None:
    """The number of subnets in README.md and CHANGELOG.md is that of the file."""
    size = (ROOT / "actor" / "analyzer" / "data" / "subnets.json").read_text("utf-8").count('"id":')
    assert f"with {size} entries" in (ROOT / "README.md").read_text("utf-8")
    assert f"Relevance for {size} subnets" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_there_is_one_snippet_in_each_executed_document() -> None:
    """The documents whose code other tests take have exactly one block of it."""
    for name in ("developers/embedding.md", "reference/journal-format.md"):
        assert len(blocks(DOCS / name, "python")) == 1


def test_every_alarm_is_documented() -> None:
    """A row of the operators' page for each, in the order in which they are told, and its name beside the metric."""
    names = [row["alarm"].strip("`") for row in rows(DOCS / "operators" / "operating.md", column="alarm")]
    assert tuple(names) == ALARMS
    line = ", ".join(f"`{name}`" for name in ALARMS)
    assert f"0 else; {line} |" in (DOCS / "reference" / "metrics.md").read_text("utf-8")
