"""The settings file and the environment as they are written: what is taken as meant, and what is pointed out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from actor.settings import model
from actor.settings.env_file import EMPTY
from actor.settings.model import SettingsError, check_settings, read_sources
from actor.settings.sources import Sources, gather, unknown_names

KNOWN = ("API_KEY", "X_BEARER_TOKEN", "HOTKEY_PASSWORD", "MODEL", "NETUID", "SEARCH_KEYWORDS", "MAX_X_USD_PER_DAY")


def gathered(tmp_path: Path, text: str | bytes, environment: Mapping[str, str] | None = None) -> Sources:
    """What a file and an environment give, with a few settings known."""
    file = tmp_path / "settings"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return gather(file, KNOWN, flags={}, environment=environment or {})


def values(sources: Sources) -> dict[str, object]:
    """Names and values alone."""
    return {name: value.value for name, value in sources.values.items()}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("NETUID=4\n\n  \nMODEL 7\n", 4, ("this line cannot be read", "expected NAME=value")),
        ("NETUID=4\nMODEL\n", 2, ("this line has no =",)),
        ('\nMODEL="unclosed\n', 2, ("this line cannot be read",)),
        ('MODEL="unclosed\nNETUID="4"\n', 1, ("from here to line 2 the text cannot be read",)),
        ('MODEL="a\nb"\nNETUID=4\n', 1, ("the value of MODEL goes on over several lines and is left out", "quote")),
        ("# x\nNETUID=3\nMODEL=m\nNETUID=4\n", 4, ("NETUID is set twice", "line 2 does not")),
        ("MODEL=a${NOWHERE}b\n", 1, ("the value of MODEL names ${NOWHERE}, which is not set", "single quotes")),
        ("A='1'\n", 1, ("'A' is not a setting and has no effect", "remove it")),
        ("NETUDI=4\n", 1, ("'NETUDI' is not a setting", "did you mean NETUID?")),
        ("export Netuid = 4\nSEARCH-KEYWORDS=a\n", 2, ("did you mean SEARCH_KEYWORDS?",)),
        ("API_KEY=${HOME}\n", 1, ("${HOME} was replaced in API_KEY", "single quotes")),
        ("NETUID=\N{LEFT DOUBLE QUOTATION MARK}4\N{RIGHT DOUBLE QUOTATION MARK}\n", 1, ("the quotes around", "NETUID")),
        ("MODEL='\"m\"'\n", 1, ("the quotes around the value of MODEL are left out",)),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_file_and_number(
    tmp_path: Path, text: str, line: int, words: tuple[str, ...]
) -> None:
    """Nothing is silent: each remark names the place, and none quotes a value."""
    (remark,) = gathered(tmp_path, text, {"HOME": "/home/of/secrets"}).remarks
    assert remark.startswith(f"{tmp_path / 'settings'}:{line}: ")
    assert all(word in remark for word in words), remark
    assert "/home/of/secrets" not in remark


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffNETUID=4\nMODEL=m\n",
        "NETUID=4\r\nMODEL=m\r\n",
        "NETUID=4\rMODEL=m\r",
        " NETUID = 4 \n\tMODEL='m' # the one\n",
        'export NETUID=" 4 "\nexport model="m"\n',
        "NETUID=${FOUR}\nMODEL=${NONE:-m}\n",
    ],
    ids=["byte order mark", "CRLF", "CR", "spaces", "quotes and export", "expanded"],
)
def test_what_is_meant_is_taken_without_a_word(tmp_path: Path, text: str) -> None:
    """However an editor, a shell or another system wrote it."""
    sources = gathered(tmp_path, text, {"FOUR": "4"})
    assert (values(sources), sources.remarks) == ({"NETUID": "4", "MODEL": "m"}, ())


def test_single_quotes_keep_a_value_as_it_is(tmp_path: Path) -> None:
    """As in a shell: no ${…} in a password is replaced, and its spaces stay."""
    sources = gathered(tmp_path, "HOTKEY_PASSWORD=' pa${HOME}#x\\'y '\n", {"HOME": "/h"})
    assert (values(sources), sources.remarks) == ({"HOTKEY_PASSWORD": " pa${HOME}#x'y "}, ())


def test_the_environment_is_taken_as_docker_hands_it_over(tmp_path: Path) -> None:
    """Its env files keep quotes and line ends of other systems; a password is left alone."""
    environment = {"NETUID": "4\r", "MODEL": '"m"', "HOTKEY_PASSWORD": '"p"', "API_KEY": "  "}
    sources = gathered(tmp_path, "", environment)
    assert values(sources) == {"NETUID": "4", "MODEL": "m", "HOTKEY_PASSWORD": '"p"'}
    assert sources.remarks == ("environment: the quotes around the value of MODEL are left out",)


def test_upper_case_counts_where_two_differ_in_case_only(tmp_path: Path) -> None:
    """Which one counts does not depend on the order of the environment."""
    for names in (("NETUID", "netuid"), ("netuid", "NETUID")):
        assert values(gathered(tmp_path, "", {name: name for name in names})) == {"NETUID": "NETUID"}


def test_the_environment_is_searched_for_names_that_come_close(tmp_path: Path) -> None:
    """It holds everything, so only what nearly is a setting's name, or begins as a long one, is pointed out."""
    others = ["HOME", "PATH", "JOURNAL_STREAM", "MODE", "LANG", "OPENAI_API_KEY", "PYTHONPATH", "SSH_AUTH_SOCK", "TERM"]
    meant = {"X_BEARER_TOKN": "X_BEARER_TOKEN", "api_keys": "API_KEY", "MAX_X_EUR": "MAX_X_USD_PER_DAY"}
    found = unknown_names(
        EMPTY, tmp_path / "none", dict.fromkeys([*others, *meant, "NETUID", "POSTS_PER_SCRAPE"], "1"), model.KNOWN
    )
    assert {unknown.name: unknown.nearest for unknown in found} == meant
    assert all(str(unknown).startswith("environment: ") for unknown in found)


def test_this_process_s_own_environment_has_no_false_alarm(tmp_path: Path) -> None:
    """Whatever machine runs the tests: nothing there but our own names looks like ours."""
    ours = {"X_BEARER_TOKEN": "t", "API_KEY": "k", "NETUID": "45"}
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("X_", "LLM_", "MAX_", "API"))}
    assert unknown_names(EMPTY, tmp_path / "none", {**plain, **ours}, model.KNOWN) == ()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"NETUID=4\nMODEL=\xff\n", ("line 2 is not UTF-8",)),
        ("NETUID=4\n".encode("utf-16"), ("line 1 is not UTF-8", "save the file as UTF-8")),
        (b"#" * (1 << 21), ("larger than 1 MiB",)),
    ],
)
def test_what_is_no_settings_file_is_refused_in_one_line(tmp_path: Path, data: bytes, words: tuple[str, ...]) -> None:
    """With its name, and with nothing that it holds."""
    with pytest.raises(SettingsError) as caught:
        gathered(tmp_path, data)
    (line,) = caught.value.lines
    assert line.startswith(f"{tmp_path / 'settings'}: ")
    assert all(word in line for word in words)


def test_a_mistake_names_the_place_to_correct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's line, the environment, or the command line."""
    file = tmp_path / "settings"
    file.write_text("X_BEARER_TOKEN=t\nAPI_KEY=k\n\nNETUID=x\n")
    monkeypatch.setenv("LLM_CONCURRENCY", "y")
    with pytest.raises(SettingsError) as caught:
        check_settings(read_sources(file, log_level="z"))
    places = {line.partition(":")[0]: line.rpartition(": ")[2] for line in caught.value.lines}
    assert places == {
        "NETUID": f"correct it in {file}, line 4",
        "LLM_CONCURRENCY": "correct it in the environment",
        "LOG_LEVEL": "correct it on the command line",
    }
