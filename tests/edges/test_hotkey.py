"""Hotkeys are read from wallets that bittensor itself wrote, and every way in which that fails says what to do."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from bittensor_core import CRYPTO_ED25519, Keypair, verify

from actor.edges.hotkey import HotkeyError, is_ss58, load_hotkey, signer_from_keypair, signer_from_wallet
from tests.users import without_root

PASSWORD = "planted-password-0123"  # noqa: S105  (planted to be found)


@pytest.fixture(scope="session")
def wallets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wallets written by bittensor: one plain hotkey, and a file in the place of an encrypted one."""
    root = tmp_path_factory.mktemp("wallets")
    _write(root, "plain", "//Alice", None)
    (root / "cold" / "hotkeys" / "sealed").touch()
    (root / "cold" / "hotkeys" / "plainpub.txt").write_text("{}")
    (root / "other").mkdir()
    return root


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a true encrypted hotkey, which takes seconds to write: only for those that look into it."""
    root = tmp_path_factory.mktemp("sealed")
    _write(root, "plain", "//Alice", None)
    _write(root, "sealed", "//Bob", PASSWORD)
    return root


def _write(root: Path, hotkey: str, uri: str, password: str | None) -> None:
    import bittensor  # noqa: PLC0415  (0.3 s that only these tests pay for)

    file = bittensor.Wallet("cold", hotkey, str(root)).hotkey_file
    file.set_keypair(Keypair.create_from_uri(uri), encrypt=password is not None, password=password)


def _load(wallets: Path, hotkey: str = "plain", name: str = "cold", password: str | None = None) -> Any:
    return load_hotkey(name=name, hotkey=hotkey, path=str(wallets), password=password)


def _refused(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(HotkeyError) as caught:
        _load(*args, **kwargs)
    return str(caught.value)


def _written(tmp_path: Path, data: bytes) -> Path:
    directory = tmp_path / "cold" / "hotkeys"
    directory.mkdir(parents=True)
    (directory / "plain").write_bytes(data)
    return tmp_path


@pytest.mark.parametrize(
    ("hotkey", "uri", "password"),
    [("plain", "//Alice", None), ("plain", "//Alice", "unused"), ("sealed", "//Bob", PASSWORD)],
)
def test_a_hotkey_of_bittensor_signs(sealed: Path, hotkey: str, uri: str, password: str | None) -> None:
    """Plain and encrypted: the same address, and signatures that verify."""
    signer = _load(sealed, hotkey, password=password)
    signature = signer.sign(b"0xmessage")
    assert signer.ss58_address == Keypair.create_from_uri(uri).ss58_address
    assert len(signature) == 64
    assert verify(b"0xmessage", signature, signer.ss58_address)
    assert not verify(b"another", signature, signer.ss58_address)


def test_only_bytes_are_signed(wallets: Path) -> None:
    """A text that starts with 0x would be decoded as hex by the library."""
    with pytest.raises(TypeError, match="bytes"):
        _load(wallets).sign("0x00")


def test_a_home_directory_is_expanded(wallets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WALLET_PATH may begin with ~."""
    monkeypatch.setenv("HOME", str(wallets.parent))
    assert load_hotkey(name="cold", hotkey="plain", path=f"~/{wallets.name}", password=None).ss58_address


def test_what_is_missing_is_named_with_what_exists(wallets: Path) -> None:
    """A missing wallet lists the wallets, a missing hotkey the hotkeys."""
    assert _refused(wallets, name="colt") == (
        f"no wallet 'colt' in {wallets}: found cold, other. Set WALLET_NAME (and WALLET_PATH) to one of yours"
    )
    assert _refused(wallets, "plan").endswith("hotkeys: found plain, sealed. Set WALLET_HOTKEY")
    assert "there is no such directory" in _refused(wallets / "nowhere")
    assert "there is no such directory" in _refused(wallets, name="other")


@pytest.mark.parametrize(
    ("name", "hotkey"), [("", "a"), ("..", "a"), ("a/b", "c"), ("cold", "../x"), ("cold", "a\x00b")]
)
def test_a_name_is_not_a_path(wallets: Path, name: str, hotkey: str) -> None:
    """Names with slashes, dots alone or control characters are refused."""
    assert "is not a name" in _refused(wallets, hotkey, name)


def test_an_encrypted_hotkey_needs_its_password(sealed: Path) -> None:
    """Nothing prompts; the variable is named."""
    assert "set HOTKEY_PASSWORD" in _refused(sealed, "sealed")
    assert "set HOTKEY_PASSWORD" in _refused(sealed, "sealed", password="")


def test_a_wrong_password(sealed: Path) -> None:
    """It is said to be wrong, and not what it was."""
    line = _refused(sealed, "sealed", password="planted-wrong")  # noqa: S106  (planted to be found)
    assert "HOTKEY_PASSWORD does not open" in line
    assert "planted" not in line


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"x" * 70_000, "is larger than"),
        (b"planted words", "no key that bittensor can read"),
        (b"\xff\xfe", "no key that bittensor can read"),
        (b"[]", "no key that bittensor can read"),
        (b'{"planted": 1}', "no key that bittensor can read"),
        (b'{"secretSeed": "0xplanted"}', "no key that bittensor can read"),
        (b'{"secretSeed": "0x00"}', "no key that bittensor can read"),
        (b'{"secretPhrase": "planted words of no mnemonic"}', "no key that bittensor can read"),
        (b"gAAAAA\xff", "no key that bittensor can read"),
    ],
    ids=range(10),
)
def test_a_corrupt_file(tmp_path: Path, data: bytes, said: str) -> None:
    """What it holds is not quoted, not even by a cause."""
    with pytest.raises(HotkeyError, match=said) as caught:
        _load(_written(tmp_path, data), password=PASSWORD)
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_public_key_cannot_sign(tmp_path: Path) -> None:
    """A file with the public half alone is refused at once, not at the first submission."""
    address = Keypair.create_from_uri("//Alice").ss58_address
    line = _refused(_written(tmp_path, json.dumps({"ss58Address": address}).encode()))
    assert address in line
    assert "only its public half" in line


def test_another_kind_of_key_is_refused() -> None:
    """The API verifies sr25519 only."""
    key = Keypair.create_from_mnemonic(Keypair.generate_mnemonic(12), CRYPTO_ED25519)
    with pytest.raises(HotkeyError, match="sr25519"):
        signer_from_keypair(key)


def test_a_directory_in_place_of_the_file(tmp_path: Path) -> None:
    """It is not a file."""
    (tmp_path / "cold" / "hotkeys" / "plain").mkdir(parents=True)
    assert "is not a file" in _refused(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """The system's reason, and what is needed."""
    (_written(tmp_path, b"{}") / "cold" / "hotkeys" / "plain").chmod(0)
    with without_root(tmp_path):
        assert "needs read permission" in _refused(tmp_path)


def test_a_looping_link_is_no_crash(tmp_path: Path) -> None:
    """Whatever the file system says becomes one line."""
    (tmp_path / "cold").symlink_to(tmp_path / "cold")
    assert "cold" in _refused(tmp_path)


def test_a_wallet_gives_its_signer(sealed: Path) -> None:
    """Unlocked or on disk; an encrypted one that is locked needs the password instead of a prompt."""
    import bittensor  # noqa: PLC0415  (0.3 s that only these tests pay for)

    plain, locked = (bittensor.Wallet("cold", hotkey, str(sealed)) for hotkey in ("plain", "sealed"))
    assert signer_from_wallet(plain).ss58_address == Keypair.create_from_uri("//Alice").ss58_address
    with pytest.raises(HotkeyError, match="HOTKEY_PASSWORD"):
        signer_from_wallet(locked)
    plain.get_hotkey(None)
    plain.path = "/nowhere"
    assert signer_from_wallet(plain).ss58_address == Keypair.create_from_uri("//Alice").ss58_address


def test_anything_with_a_hotkey_is_a_wallet() -> None:
    """An older wallet, or a test's own, has no more than its key pair."""

    class Holder:
        hotkey = Keypair.create_from_uri("//Alice")

    assert signer_from_wallet(Holder()).ss58_address == Holder.hotkey.ss58_address


def test_a_signer_shows_its_address_alone(wallets: Path) -> None:
    """Its repr is safe to log."""
    signer = _load(wallets)
    assert repr(signer) == f"KeypairSigner({signer.ss58_address})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", True),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQa", False),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ", False),
        ("0x" + "12" * 32, False),
        ("", False),
        ("é\ud800", False),
        (" 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", False),
    ],
)
def test_addresses(text: str, expected: bool) -> None:  # noqa: FBT001  (a table)
    """Base58 with its checksum, nothing around it."""
    assert is_ss58(text) is expected


def test_what_is_far_too_long_for_an_address_is_not_decoded() -> None:
    """A validator's word of a megabyte would hold up the miner for minutes, for decoding takes the square of it."""
    began_s = time.process_time()
    assert not is_ss58("x" * 200_000)
    assert time.process_time() - began_s < 1
