"""The miner's hotkey: read from a bittensor wallet's files, kept in memory, asked for signatures.

Only bittensor's compiled part is loaded: 6 ms instead of 0.3 s and 48 MiB for the whole SDK. This module never
prompts, never writes, and never lets a password, seed or mnemonic into a message or repr.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from actor.ports import Signer

__all__ = [
    "HotkeyError",
    "HotkeyLockedError",
    "KeypairSigner",
    "hotkey_address",
    "is_signed_by",
    "is_ss58",
    "load_hotkey",
    "signer_from_keypair",
    "signer_from_wallet",
]

_LARGEST_KEYFILE: Final = 65_536
_SHOWN_NAMES: Final = 10
_LONGEST_ADDRESS: Final = 64  # one has at most 50 characters, and to decode takes the square of the length


class HotkeyError(Exception):
    """The hotkey cannot be used. The message says what was found, what was expected and what to do."""


class HotkeyLockedError(HotkeyError):
    """It is encrypted, and its password is missing or another one."""


class KeypairSigner:
    """``actor.ports.Signer`` on an sr25519 key pair in memory."""

    __slots__ = ("_address", "_keypair")

    def __init__(self, keypair: Any) -> None:
        self._keypair = keypair
        self._address = str(keypair.ss58_address)

    @property
    def ss58_address(self) -> str:
        """The address that signatures are checked against."""
        return self._address

    def sign(self, message: bytes) -> bytes:
        """A 64-byte sr25519 signature of exactly these bytes.

        Raises:
            TypeError: A text was given; the library would decode one that starts with 0x.
        """
        if not isinstance(message, bytes):
            raise TypeError(f"only bytes are signed, not {type(message).__name__}")
        return bytes(self._keypair.sign(message))

    def __repr__(self) -> str:
        return f"KeypairSigner({self._address})"


def is_signed_by(address: str, message: bytes, signature: bytes) -> bool:
    """Whether the hotkey behind an ss58 address signed these bytes; False too for what is no address or signature."""
    from bittensor_core import verify  # noqa: PLC0415  (loaded when first needed)

    try:
        return bool(verify(message, signature, address))
    except ValueError:
        return False


def is_ss58(text: str) -> bool:
    """Whether a text is an ss58 address: base58 with a valid checksum over a 32-byte key."""
    from bittensor_core import decode_ss58  # noqa: PLC0415  (loaded when first needed)

    if len(text) > _LONGEST_ADDRESS or not text.isascii() or not text.isalnum():
        return False
    try:
        decode_ss58(text)
    except ValueError:
        return False
    return True


def load_hotkey(*, name: str, hotkey: str, path: str | Path, password: str | None) -> Signer:
    """Read a hotkey from ``path``/``name``/hotkeys/``hotkey``.

    An encrypted one takes about 2 s and, for a moment, 512 MiB: so much its key derivation demands.

    Args:
        name: The wallet (WALLET_NAME).
        hotkey: The hotkey within it (WALLET_HOTKEY).
        path: The directory of all wallets (WALLET_PATH); ``~`` is expanded.
        password: Opens an encrypted hotkey (HOTKEY_PASSWORD); not used otherwise.

    Raises:
        HotkeyError: There is no such key, or it cannot be read, opened or used.
    """
    file = _find(name, hotkey, path)
    return signer_from_keypair(_keypair(_open(_read(file), file, password), file))


def hotkey_address(*, name: str, hotkey: str, path: str | Path) -> str:
    """Whose key it is, without its password: of an encrypted one tells the public file that bittensor puts beside it.

    Raises:
        HotkeyError: There is no such key, or it cannot be read.
    """
    from bittensor_core import keyfile_data_is_encrypted  # noqa: PLC0415  (loaded when first needed)

    file = _find(name, hotkey, path)
    data = _read(file)
    if keyfile_data_is_encrypted(data):
        file = file.with_name(f"{file.name}pub.txt")
        data = _read(file)
    return str(_keypair(data, file).ss58_address)


def signer_from_keypair(keypair: Any) -> Signer:
    """A signer on a key pair of bittensor.

    Raises:
        HotkeyError: It is not sr25519, or holds no secret key.
    """
    from bittensor_core import CRYPTO_SR25519  # noqa: PLC0415  (loaded when first needed)

    if getattr(keypair, "crypto_type", CRYPTO_SR25519) != CRYPTO_SR25519:
        raise HotkeyError(
            f"hotkey {keypair.ss58_address} is not of type sr25519, the only one that the coordination API verifies: "
            "choose another with WALLET_HOTKEY"
        )
    signer = KeypairSigner(keypair)
    try:
        signer.sign(b"probe")
    except Exception:  # noqa: BLE001  (the library says no more than that it cannot sign)
        raise HotkeyError(
            f"hotkey {signer.ss58_address} cannot sign: only its public half is here. Use the wallet that holds its "
            "secret key"
        ) from None
    return signer


def signer_from_wallet(wallet: Any, *, password: str | None = None) -> Signer:
    """A signer on a ``bt.Wallet``: its unlocked hotkey, else its key file. ``wallet.hotkey`` itself could prompt.

    Raises:
        HotkeyError: As for ``load_hotkey``.
    """
    unlocked = getattr(wallet, "_hotkey", None)
    if unlocked is not None:
        return signer_from_keypair(unlocked)
    place = [getattr(wallet, field, None) for field in ("name", "hotkey_str", "path")]
    if all(isinstance(part, str) for part in place):
        name, hotkey, path = map(str, place)
        return load_hotkey(name=name, hotkey=hotkey, path=path, password=password)
    return signer_from_keypair(wallet.hotkey)


def _find(name: str, hotkey: str, path: str | Path) -> Path:
    for setting, value in (("WALLET_NAME", name), ("WALLET_HOTKEY", hotkey)):
        if not value or value in {".", ".."} or not value.isprintable() or "/" in value or "\\" in value:
            raise HotkeyError(f"{setting} is {value!r}, which is not a name: give one without slashes")
    try:
        root = Path(path).expanduser()
        return _find_file(root, name, hotkey)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HotkeyError(f"cannot look for hotkey {hotkey!r} of wallet {name!r} in {path}: {reason}") from error


def _find_file(root: Path, name: str, hotkey: str) -> Path:
    wallet = root / name
    file = wallet / "hotkeys" / hotkey
    if not wallet.is_dir():
        existing = _names(root, want_dir=True)
        raise HotkeyError(
            f"no wallet {name!r} in {root}: {existing}. Set WALLET_NAME (and WALLET_PATH) to one of yours"
        )
    if not file.exists():
        existing = _names(file.parent, want_dir=False)
        raise HotkeyError(f"wallet {name!r} has no hotkey {hotkey!r} in {file.parent}: {existing}. Set WALLET_HOTKEY")
    if not file.is_file():
        raise HotkeyError(f"{file} is not a file: expected the key file of hotkey {hotkey!r}. Set WALLET_HOTKEY")
    return file


def _names(directory: Path, *, want_dir: bool) -> str:
    if not directory.is_dir():
        return "there is no such directory"
    found = sorted(
        entry.name
        for entry in directory.iterdir()
        if entry.is_dir() == want_dir and not entry.name.startswith(".") and not entry.name.endswith("pub.txt")
    )
    more = f" and {len(found) - _SHOWN_NAMES} more" if len(found) > _SHOWN_NAMES else ""
    return f"found {', '.join(found[:_SHOWN_NAMES])}{more}" if found else "it is empty"


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_KEYFILE + 1)
    except OSError as error:
        raise HotkeyError(f"cannot read {file}: {error.strerror}. This user needs read permission") from error
    if not data or len(data) > _LARGEST_KEYFILE:
        found = "empty" if not data else f"larger than {_LARGEST_KEYFILE} bytes"
        raise HotkeyError(f"{file} is {found}: expected a hotkey's key file. Restore it or set WALLET_HOTKEY")
    return data


def _open(data: bytes, file: Path, password: str | None) -> bytes:
    import bittensor_core as core  # noqa: PLC0415  (loaded when first needed)

    if not core.keyfile_data_is_encrypted(data):
        return data
    if not password:
        raise HotkeyLockedError(f"{file} is encrypted: set HOTKEY_PASSWORD to its password")
    # The causes end here: the library's messages may quote what the file holds.
    try:
        return bytes(core.decrypt_keyfile_data(data, password))
    except core.WrongPasswordError:
        raise HotkeyLockedError(f"HOTKEY_PASSWORD does not open {file}: set it to that key's password") from None
    except (core.KeyfileError, ValueError):
        raise _corrupt(file) from None


def _keypair(data: bytes, file: Path) -> Any:
    import bittensor_core as core  # noqa: PLC0415  (loaded when first needed)

    try:
        return core.deserialize_keypair_from_keyfile_data(data)
    except (core.KeyfileError, ValueError):
        raise _corrupt(file) from None


def _corrupt(file: Path) -> HotkeyError:
    return HotkeyError(f"{file} holds no key that bittensor can read: restore it from its mnemonic or a backup")
