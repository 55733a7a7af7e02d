"""One owner of a hotkey and API: found by every process of a user, whatever it was started from, and by nobody else."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from events.journal import JournalLockedError
from events.journal.lock import is_locked, read_named
from events.journal.owner import OwnerLock, other_journal, owner_files, same_api
from tests.kit import HOTKEY
from tests.users import without_root

API = "https://api.example.org:8001"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A runtime folder and a folder for temporary files, as this process's environment names them."""
    found = tmp_path / "runtime", tmp_path / "tmp"
    for folder, name in zip(found, ("XDG_RUNTIME_DIR", "TMPDIR"), strict=True):
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    return found


def owner(hotkey: str = HOTKEY, api: str = API) -> OwnerLock:
    """A miner's lock that must be had somewhere."""
    return OwnerLock(hotkey, api, on_warning=pytest.fail)


def is_free(hotkey: str = HOTKEY, api: str = API) -> bool:
    """Whether another miner could start."""
    lock = owner(hotkey, api)
    try:
        lock.acquire(Path("/other/journal"))
    except JournalLockedError:
        return False
    lock.release()
    return True


def test_a_second_owner_is_refused_and_told_of_the_first(places: tuple[Path, Path]) -> None:
    """Process and journal, in one line; when the first lets go, only its name is left."""
    first = owner()
    first.acquire(Path("/first/journal"))
    said = (
        f"hotkey {HOTKEY} for the API {API} is held by process {os.getpid()} on host .*, journal /first/journal; stop"
    )
    with pytest.raises(JournalLockedError, match=said):
        owner().acquire(Path("/second/journal"))
    assert [is_locked(path) for path in owner_files(HOTKEY, API)] == [True, True]
    first.release()
    first.release()
    assert [is_locked(path) for path in owner_files(HOTKEY, API)] == [False, False]
    assert {str(read_named(path).journal) for path in files(places)} == {"/first/journal"}  # type: ignore[union-attr]
    assert is_free()


def files(places: tuple[Path, Path]) -> list[Path]:
    """All locks of a hotkey that there are."""
    return [path for folder in places for path in folder.rglob("*.lock")]


def journal(folder: Path, name: str = "HEAD") -> Path:
    """A folder that looks like a journal with records."""
    folder.mkdir()
    (folder / name).touch()
    return folder


def warnings(place: Path, hotkey: str = HOTKEY) -> list[str]:
    """What a miner on this journal is told."""
    said: list[str] = []
    lock = OwnerLock(hotkey, API, on_warning=said.append)
    lock.acquire(place)
    lock.release()
    return said


@pytest.mark.parametrize("name", ["HEAD", f"{1:020d}.jsonl"])
def test_a_start_on_another_journal_is_told_of_the_last_one(tmp_path: Path, name: str) -> None:
    """Once, in one line with both folders, however the last process ended; another hotkey has nothing to do with it."""
    first = journal(tmp_path / "first", name)
    assert warnings(first) == []
    assert warnings(first) == []
    assert warnings(tmp_path / "other", HOTKEY[::-1]) == []
    (line,) = warnings(tmp_path / "second")
    assert f"mined on {first} before, and now on {tmp_path / 'second'}: " in line
    assert "\n" not in line
    assert warnings(tmp_path / "second") == []
    assert other_journal(HOTKEY, API, first) is None, "the second holds no record yet"


def test_a_journal_that_moved_is_no_other_one(tmp_path: Path) -> None:
    """Nor is one that is gone, one that was never begun, or the same one by a link."""
    first = journal(tmp_path / "first")
    assert warnings(first) == []
    (tmp_path / "link").symlink_to(first)
    assert warnings(tmp_path / "link") == []
    first.rename(tmp_path / "moved")
    assert warnings(tmp_path / "moved") == []
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "LOCK").touch()
    assert len(warnings(tmp_path / "empty")) == 1
    assert warnings(tmp_path / "third") == []


def test_a_refused_start_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody mined on its journal: not even where the refusal came from a second place, after the first was had."""
    first = journal(tmp_path / "first")
    lock = owner()
    lock.acquire(first)
    (tmp_path / "another").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "another"))
    second = journal(tmp_path / "second")
    with pytest.raises(JournalLockedError):
        owner().acquire(second)
    lock.release()
    assert other_journal(HOTKEY, API, tmp_path / "third") == first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://api.example.org", "https://API.Example.ORG/"),
        ("https://api.example.org", "https://api.example.org:443"),
        ("https://api.example.org", "http://api.example.org"),
        ("https://api.example.org", "https://api.example.org."),
        ("https://api.example.org", "https://api.example.org//"),
        ("https://api.example.org/miners/v2", "https://api.example.org/miners//./v2/"),
        ("https://api.example.org/miners", "https://api.example.org/x/../miners"),
        ("https://api.example.org/~a", "https://api.example.org/%7Ea"),
        ("http://127.0.0.1:8001", "http://localhost:8001"),
        ("http://127.0.0.1:8001", "http://[::1]:8001"),
        ("http://127.0.0.1:8001", "http://LocalHost:8001/"),
        ("http://[2001:db8::1]:8001", "http://[2001:DB8:0:0:0:0:0:1]:8001"),
    ],
)
def test_another_way_to_write_the_address_is_no_other_api(one: str, other: str) -> None:
    """Nobody mines twice for it by a slash or a capital letter."""
    assert same_api(one) == same_api(other)
    lock = owner(api=one)
    lock.acquire(Path("/first"))
    assert not is_free(api=other)
    lock.release()


@pytest.mark.parametrize(
    "other", ["https://api.example.org:8002", "https://api.example.com:8001", f"{API}/v2", f"{API}/V2", f"{API}/v2/x"]
)
def test_another_api_is_another_owner_s(other: str) -> None:
    """Two ports, two hosts, two paths; so are two hotkeys."""
    lock = owner()
    lock.acquire(Path("/first"))
    assert is_free(api=other)
    assert is_free(hotkey=HOTKEY[::-1])
    lock.release()


@pytest.mark.parametrize("differs", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_one_place_in_common_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, differs: str) -> None:
    """A service has another environment than a shell, and perhaps a /tmp of its own."""
    lock = owner()
    lock.acquire(Path("/first"))
    (tmp_path / "another").mkdir()
    monkeypatch.setenv(differs, str(tmp_path / "another"))
    assert not is_free()
    assert not list((tmp_path / "another").rglob("*.lock")), "what was taken before the refusal is given back"
    lock.release()
    assert is_free()


def test_the_folders_are_this_user_s_alone(places: tuple[Path, Path]) -> None:
    """Whatever the umask: nobody else could put a file or a link in there. What cleans up old files lets them be."""
    before = os.umask(0)
    try:
        lock = owner()
        lock.acquire(Path("/first"))
    finally:
        os.umask(before)
    made = [path for folder in places for path in folder.rglob("*")]
    assert {path.stat().st_mode & 0o077 for path in made} == {0}
    assert {path.stat().st_mode & stat.S_ISVTX for path in made if path.is_file()} == {stat.S_ISVTX}
    lock.release()


def _link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "trap").mkdir()
    folder.symlink_to(tmp_path / "trap")


def _file(folder: Path, _tmp_path: Path) -> None:
    folder.touch()


def _open_to_all(folder: Path, _tmp_path: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def _dangling(folder: Path, _tmp_path: Path) -> None:
    folder.symlink_to("/nowhere/at/all")


@pytest.mark.parametrize("trap", [_link, _file, _open_to_all, _dangling])
def test_a_folder_that_somebody_prepared_is_not_used(tmp_path: Path, places: tuple[Path, Path], trap: object) -> None:
    """The other place is; where there is none, the miner goes on and one line says what is not covered."""
    runtime, shared = places
    assert callable(trap)
    trap(shared / f"user-miner-{os.geteuid()}", tmp_path)
    lock = owner()
    lock.acquire(Path("/first"))
    assert not is_free()
    assert len(list(owner_files(HOTKEY, API))) == 1
    lock.release()
    shutil.rmtree(runtime / "user-miner")
    (runtime / "user-miner").touch()
    said: list[str] = []
    lock = OwnerLock(HOTKEY, API, on_warning=said.append)
    lock.acquire(Path("/first"))
    assert len(said) == 1
    assert "a second miner of it on this machine would not be noticed; set XDG_RUNTIME_DIR" in said[0]
    assert "is no folder" in said[0]
    assert "\n" not in said[0]
    assert not list((tmp_path / "trap").iterdir() if (tmp_path / "trap").exists() else ())
    lock.release()


def test_a_folder_of_another_user_is_not_used(places: tuple[Path, Path], tmp_path: Path) -> None:
    """Neither a runtime folder that an environment was kept with, nor one that somebody made first."""
    runtime, shared = places
    shared.chmod(0o1777)
    (shared / "user-miner-65534").mkdir(mode=0o755)
    said: list[str] = []
    with without_root(tmp_path):
        lock = OwnerLock(HOTKEY, API, on_warning=said.append)
        lock.acquire(Path("/first"))
        lock.release()
    if os.geteuid() == 0:
        assert len(said) == 1
        assert "belongs to another user" in said[0]
        assert not list(runtime.iterdir())


def test_no_name_in_a_lock_leaves_its_folder(places: tuple[Path, Path]) -> None:
    """A journal's hotkey is what its first record says, and readers look for that one's lock."""
    lock = owner()
    lock.acquire(Path("/first"))
    found = list(owner_files("../../etc/passwd", "https://x/../.."))
    assert {path.parent.parent for path in found} == set(places)
    lock.release()


@pytest.mark.parametrize("value", [None, "", "/", "//", "/usr/..", "relative"])
def test_no_folder_is_made_in_the_file_system_s_root(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor in whatever folder a process happens to be in, though it may be root's or this user's own."""
    monkeypatch.chdir("/")
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.delenv(name)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert {path.parent for path in owner_files(HOTKEY, API)} <= {
        Path(f"/run/user/{os.geteuid()}/user-miner"),
        Path("/run/user-miner"),
        Path(f"/tmp/user-miner-{os.geteuid()}"),  # noqa: S108
    }
