"""What the environment has another value for is said: no line of the settings file is without effect in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from actor.settings.model import KNOWN
from actor.settings.sources import SECRET, Sources, gather


def sources(folder: Path, text: str, environment: dict[str, str], **flags: str) -> Sources:
    """What a file and an environment give together."""
    (folder / ".miner_env").write_text(text, "utf-8")
    return gather(folder / ".miner_env", KNOWN, flags=flags, environment=environment)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_setting_that_does_not_count_is_named(tmp_path: Path, name: str) -> None:
    """In one line without a value, which may be a secret; whatever the case of its name in the environment."""
    for spelled in (name, name.lower()):
        found = sources(tmp_path, f"{name}=of-file\n", {spelled: "of-environment"})
        (remark,) = found.remarks
        assert remark == f"environment: its value of {name} counts, not the one in {tmp_path / '.miner_env'}"
        assert found.values[name].value == "of-environment"


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("NETUID=45\n", {"NETUID": "45"}),
        ("NETUID=45\n", {"NETUID": " '45' "}),
        ("NETUID=\n", {"NETUID": "46"}),
        ("NETUID=45\n", {"NETUID": ""}),
        ("MODEL=m\n", {"NETUID": "46"}),
    ],
)
def test_what_counts_anyway_is_not_told(tmp_path: Path, text: str, environment: dict[str, str]) -> None:
    """The same value, one that is empty, or one that the other does not give."""
    assert not [remark for remark in sources(tmp_path, text, environment).remarks if "counts" in remark]


def test_all_of_them_are_one_line(tmp_path: Path) -> None:
    """As in a shell where a rehearsal's settings are still set."""
    text = "".join(f"{name}=a\n" for name in sorted(SECRET))
    (remark,) = sources(tmp_path, text, dict.fromkeys(SECRET, "b")).remarks
    assert ", ".join(sorted(SECRET)) in remark
