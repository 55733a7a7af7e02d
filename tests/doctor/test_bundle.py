"""The support archive: what is in it, who can read it, and that no secret and no post's text is."""

from __future__ import annotations

import base64
import json
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import bittensor
import pytest
from bittensor_core import Keypair

from actor.settings.model import Settings
from events.journal import JournalReader
from tests.cli.echo import echo
from tests.cli.kit import Command, is_one_line, only_journal
from tests.world import World
from user_miner.doctor.bundle import MEMBERS

X_TOKEN = "planted%2Bx-token-5512"  # noqa: S105
API_KEY = "planted-llm-key-9034"
PASSWORD = 'planted "hotkey" password-7741'  # noqa: S105
URL_PASSWORD = "planted-url-password-3313"  # noqa: S105
PROXY_PASSWORD = "planted-proxy-password-8245"  # noqa: S105
MISSPELLED = "planted-misspelled-value-6120"
COMMENTED = "planted-commented-key-1187"
POST = "Bittensor SN45 planted-post-text keeps shipping"


def unpacked(archive: Path) -> dict[str, bytes]:
    """The members by their names without the folder."""
    with tarfile.open(archive) as tar:
        found = {}
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            assert member.mode == 0o600
            found[member.name.removeprefix("user-miner-doctor/")] = content.read()
    return found


def forms(secret: str) -> Iterator[str]:
    """A secret as texts, JSON, URLs and headers carry it."""
    for clear in {secret, secret.replace("%2B", "+")}:
        yield from (clear, json.dumps(clear)[1:-1], quote(clear, safe=""))
        yield base64.b64encode(clear.encode()).decode().rstrip("=")


def leaks(places: Mapping[str, bytes], secrets: Iterable[str]) -> list[tuple[str, str]]:
    """Where which secret stands."""
    looked_for = [(secret, form.encode()) for secret in secrets for form in set(forms(secret))]
    return [(place, secret) for place, data in places.items() for secret, form in looked_for if form in data]


@pytest.fixture
def planted(here: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Secrets wherever an operator has some; all of them."""
    mnemonic = Keypair.generate_mnemonic()
    wallet = bittensor.Wallet("default", "leaky", str(here.folder / "wallets"))
    wallet.hotkey_file.set_keypair(Keypair.create_from_mnemonic(mnemonic), encrypt=False)
    content = json.loads((here.folder / "wallets" / "default" / "hotkeys" / "leaky").read_bytes())
    public = {"accountId", "publicKey", "ss58Address", "cryptoType"}
    inner = [str(value).removeprefix("0x") for name, value in content.items() if name not in public and value]
    (here.folder / ".miner_env").write_text(
        f"API_KEY='{API_KEY}'\n# API_KEY={COMMENTED}\nX_BEARER_TOKN={MISSPELLED}\nHOTKEY_PASSWORD='{PASSWORD}'\n"
    )
    monkeypatch.delenv("API_KEY")
    monkeypatch.setenv("X_BEARER_TOKEN", X_TOKEN)
    monkeypatch.setenv("WALLET_HOTKEY", "leaky")
    monkeypatch.setenv("HTTPS_PROXY", f"http://operator:{PROXY_PASSWORD}@127.0.0.1:9")
    return [X_TOKEN, API_KEY, PASSWORD, MISSPELLED, COMMENTED, PROXY_PASSWORD, *inner]


def test_what_is_in_it(here: World, command: Command) -> None:
    """The report as shown, settings with their sources, versions, and of the journal names, sizes and headers."""
    here.sandbox.add_post(POST)
    here.mine()
    archive = here.folder / "support.tar.gz"
    code, out, errors = command("doctor", "--bundle", archive)
    assert code == 0
    assert is_one_line(errors, str(archive))
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    members = unpacked(archive)
    assert tuple(members) == ("report.txt", *(name for name in MEMBERS if name != "report.txt"))
    assert members["report.txt"].decode() == out
    assert json.loads(members["report.json"])["counts"]["failure"] == 0
    settings = {one["name"]: one for one in json.loads(members["settings.json"])}
    assert settings.keys() == {name.upper() for name in Settings.model_fields}
    assert settings["MODEL"]["value"] == here.sandbox.config.model
    assert settings["API_KEY"] == {
        "name": "API_KEY", "value": "(hidden)", "source": "environment", "line": None, "wrong": False,
    }  # fmt: skip
    assert settings["HOTKEY_PASSWORD"]["value"] is None
    assert "user-miner" in json.loads(members["system.json"])["packages"]
    journal, told = only_journal(here), json.loads(members["journal.json"])
    records = list(JournalReader(journal))
    assert [one["hash"] for one in told["last_records"]] == [record.hash for record in records]
    assert told["last_records"][-1]["event"] == "ActorStopped"
    sizes = {one["name"]: one["bytes"] for one in told["files"]}
    assert sizes["HEAD"] == 1024
    ids = {one["post_id"] for one in told["last_records"] if "post_id" in one}
    assert ids == set(here.sandbox.ledger.api.accepted())
    assert (
        leaks(members, [POST, "planted-post-text", *(post.author.username for post in here.sandbox.corpus.posts())])
        == []
    )


@pytest.mark.parametrize("flags", [(), ("--json",), ("--paid",)])
def test_no_secret_is_in_it(
    here: World, command: Command, planted: list[str], monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    """Servers repeat every header and body in their refusals; members, archive and both outputs hold none of it."""
    with echo(here.sandbox.x_base) as server:
        monkeypatch.setenv("X_API_BASE", f"{server.url}/2")
        monkeypatch.setenv("LLM_BASE", f"{server.url}/v1")
        monkeypatch.setenv("MINER_API_URL", server.url)
        archive = here.folder / "support.tar.gz"
        code, out, errors = command("doctor", *flags, "--bundle", archive)
    assert code == 1
    assert {f"Bearer {X_TOKEN}", f"Bearer {API_KEY}"} == server.heard, "the server heard nothing to repeat"
    assert out.count("[redacted]") >= 2
    places = {**unpacked(archive), "archive": archive.read_bytes(), "out": out.encode(), "errors": errors.encode()}
    assert leaks(places, planted) == []
    assert leaks({"test": API_KEY.encode()}, [API_KEY]) != []


def test_no_wrong_secret_is_in_it(
    here: World, command: Command, planted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values that cannot be used are secrets all the same, and so are passwords in URLs that are refused."""
    monkeypatch.setenv("X_BEARER_TOKEN", f"two words {X_TOKEN}")
    monkeypatch.setenv("X_API_BASE", f"https://operator:{URL_PASSWORD}@x.example/2")
    monkeypatch.setenv("LLM_BASE", f"https://llm.example/v1?key={URL_PASSWORD}")
    monkeypatch.setenv("MODEL", API_KEY)  # pasted into the wrong line
    archive = here.folder / "support.tar.gz"
    code, out, errors = command("doctor", "--bundle", archive)
    assert code == 1
    places = {**unpacked(archive), "out": out.encode(), "errors": errors.encode()}
    assert leaks(places, [*planted, URL_PASSWORD]) == []
    settings = {one["name"]: one for one in json.loads(places["settings.json"])}
    assert settings["X_API_BASE"]["wrong"]
    assert settings["X_API_BASE"]["value"] == "(hidden)"


def test_it_replaces_nothing(here: World, command: Command) -> None:
    """An existing file, a folder and a link are left as they are, before anything is asked."""
    (here.folder / "there").write_text("mine")
    (here.folder / "link").symlink_to(here.folder / "there")
    for name in ("there", "link", "wallets"):
        code, out, errors = command("doctor", "--bundle", here.folder / name)
        assert (code, out) == (2, "")
        assert is_one_line(errors, "--bundle", name, "exists already")
    assert (here.folder / "there").read_text() == "mine"
    assert here.sandbox.ledger.api.exchanges() == []


def test_it_has_a_place(here: World, command: Command) -> None:
    """A folder that is not there, and one in which only the miner writes."""
    here.mine()
    asked = len(here.sandbox.ledger.api.exchanges())
    for place, word in (("nowhere/s.tgz", "is not a directory"), (str(only_journal(here) / "s.tgz"), "only the miner")):
        code, out, errors = command("doctor", "--bundle", here.folder / place)
        assert (code, out) == (2, "")
        assert is_one_line(errors, "--bundle", word)
    assert len(here.sandbox.ledger.api.exchanges()) == asked


def test_a_damaged_journal_is_told_as_far_as_it_goes(here: World, command: Command) -> None:
    """Where the chain breaks, and the headers before."""
    here.mine()
    (segment,) = only_journal(here).glob("*.jsonl")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    archive = here.folder / "support.tar.gz"
    assert command("doctor", "--bundle", archive)[0] == 1
    told = json.loads(unpacked(archive)["journal.json"])
    assert segment.name in told["ended"]
    assert 0 < len(told["last_records"]) < data.count(b"\n")


def test_without_settings_and_journal(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an archive all the same: it is wanted most where nothing works."""
    for name in here.settings():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(here.folder))
    archive = here.folder / "support.tar.gz"
    old = os.umask(0)
    try:
        assert command("doctor", "--bundle", archive)[0] == 1
    finally:
        os.umask(old)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert json.loads(unpacked(archive)["journal.json"]) == {"path": None}
