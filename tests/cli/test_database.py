"""Commands on a journal in a database: readers by its URL, copies there and back, and a password that nobody shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from events.journal import JournalError
from events.journal.postgres.address import Address
from events.journal.postgres.database import Database
from tests.audit.replay_kit import SAMPLE, story, write
from tests.cli.kit import Command, is_one_line
from tests.journal.kit import run
from tests.kit import HOTKEY
from tests.postgres import Server
from tests.world import World

READERS = (
    ("replay",),
    ("replay", "--windows"),
    ("check",),
    ("audit",),
    ("costs",),
    ("export",),
    ("fixture", "--post", "1"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal in files, alone in its folder."""
    return write(tmp_path / "files" / HOTKEY, story())


def journal_files(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.glob("*.jsonl")))


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


def without(text: str, *places: str | Path) -> list[str]:
    """The lines of what was said, but those that name a place or a time that passes."""
    return [line for line in text.splitlines() if not any(str(place) in line for place in (*places, " ago"))]


def test_readers_say_the_same_of_a_database_as_of_its_files(command: Command, folder: Path, database: str) -> None:
    """Each takes the URL where it takes a folder, with the same output and exit code."""
    assert command("copy", folder, database)[0] == 0
    for name, *flags in READERS:
        from_files, from_database = command(name, folder, *flags), command(name, database, *flags)
        assert from_files[0] == from_database[0], from_database
        assert without(from_database[1], folder, "user-miner/databases") == without(from_files[1], folder)


def test_status_tells_who_holds_the_lease(command: Command, folder: Path, database: str, postgres: Server) -> None:
    """By the database, as no process of this machine holds a lock."""
    assert command("copy", folder, database)[0] == 0
    told = json.loads(command("status", "--journal", database, "--json")[1])
    assert told["process"]["holds"] == "no"
    postgres.sql(
        "UPDATE user_miner.journals SET holder = 'far:77', leased_until = now() + interval '1 minute'",
        name_of(database),
    )
    told = json.loads(command("status", f"--journal={database}", "--json")[1])
    assert (told["process"]["holds"], told["process"]["host"], told["process"]["pid"]) == ("yes", "far", 77)


def test_a_page_of_a_database_can_be_written(command: Command, folder: Path, database: str, tmp_path: Path) -> None:
    """`report` as every reader."""
    assert command("copy", folder, database)[0] == 0
    assert command("report", database, "--out", tmp_path / "page.html")[0] == 0
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_what_was_added_is_read_without_reading_all_again(
    command: Command, tmp_path: Path, database: str, postgres: Server
) -> None:
    """A copy is brought up to date; one that does not fit the database is made anew."""
    drive = story()
    shorter = write(tmp_path / "shorter" / HOTKEY, drive)
    drive.batch(60_009, 21)
    longer = write(tmp_path / "longer" / HOTKEY, drive)
    for journal in (shorter, longer):
        assert command("copy", journal, database)[::2] == (0, "")
        assert command("replay", database, "--json")[1] == command("replay", journal, "--json")[1]
    postgres.sql("TRUNCATE user_miner.records, user_miner.journals", name_of(database))
    assert command("copy", shorter, database)[::2] == (0, "")
    assert command("replay", database, "--json")[1] == command("replay", shorter, "--json")[1]


def test_verify_reads_what_the_database_has_now(
    command: Command, folder: Path, database: str, postgres: Server
) -> None:
    """Each changed, missing or lost record is a finding, whatever a reader has copied before."""
    assert command("copy", folder, database)[0] == 0
    code, out, errors = command("verify", database)
    assert (code, errors) == (command("verify", folder)[0], "")
    assert "HEAD file whole" in out
    name = name_of(database)
    for change in (
        'UPDATE user_miner.records SET line = replace(line, \'"at":"2\', \'"at":"3\') WHERE seq = 12',
        "DELETE FROM user_miner.records WHERE seq = 12",
        "DELETE FROM user_miner.records WHERE seq = (SELECT max(seq) FROM user_miner.records)",
        "UPDATE user_miner.journals SET hash = repeat('a', 64)",
    ):
        assert command("verify", database)[0] == code
        postgres.sql(f"{change}", name)
        found = command("verify", database)
        assert found[0] == 1, (change, found)
        assert "FOUND" in found[1]
        postgres.sql("TRUNCATE user_miner.records, user_miner.journals", name)
        assert command("copy", folder, database)[0] == 0


def test_a_damaged_record_is_refused_by_readers(
    command: Command, folder: Path, database: str, postgres: Server
) -> None:
    """One line, exit code 1, and where it is."""
    assert command("copy", folder, database)[0] == 0
    postgres.sql(
        """UPDATE user_miner.records SET line = replace(line, '"at":"2', '"at":"3') WHERE seq = 12""", name_of(database)
    )
    code, out, errors = command("replay", database)
    assert (code, out) == (1, "")
    assert is_one_line(errors, "after record", "nothing was changed")


def test_a_journal_goes_there_and_back_byte_for_byte(command: Command, database: str, tmp_path: Path) -> None:
    """The recorded sample, old versions of events included."""
    code, out, errors = command("copy", SAMPLE, database)
    assert (code, errors) == (0, "")
    assert "the same as in the source by each byte" in out
    code, out, errors = command("copy", database, tmp_path / "back")
    assert (code, errors) == (0, "")
    (back,) = (tmp_path / "back").iterdir()
    assert journal_files(back) == journal_files(SAMPLE)
    assert command("verify", back)[0] == command("verify", SAMPLE)[0]
    assert " 0 records copied" in command("copy", SAMPLE, database)[1]
    assert " 0 records copied" in command("copy", database, tmp_path / "back")[1]


@pytest.mark.parametrize(("kept", "torn"), [(0, 0), (0, 9), (1, 0), (7, 40), (30, 1)])
def test_an_interrupted_copy_goes_on(command: Command, folder: Path, postgres: Server, kept: int, torn: int) -> None:
    """Whatever part of it is there, in the folder also a torn line behind what HEAD speaks of."""
    database, tmp_path = postgres.new_database(), folder.parents[1]
    assert command("copy", folder, database)[0] == 0
    assert command("copy", database, tmp_path / "back")[0] == 0
    segment = tmp_path / "back" / HOTKEY / f"{1:020d}.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)
    write(tmp_path / "begun" / HOTKEY, story())
    segment = tmp_path / "begun" / HOTKEY / segment.name
    segment.write_bytes(b"".join(lines[:kept]) + lines[kept][:torn])
    code, out, errors = command("copy", database, tmp_path / "begun")
    assert (code, errors) == (0, "")
    assert f" {len(lines) - kept} records copied, {len(lines)} in all" in out
    assert segment.read_bytes() == b"".join(lines)
    name = name_of(database)
    for statement in ("DELETE FROM user_miner.records WHERE seq > {}", "UPDATE user_miner.journals SET seq = {}"):
        postgres.sql(statement.format(kept), name)
    postgres.sql(
        "UPDATE user_miner.journals AS j SET hash = coalesce((SELECT right(left(line, -2), 64) FROM user_miner.records "
        "AS r WHERE r.seq = j.seq), repeat('0', 64))",
        name,
    )
    code, out, errors = command("copy", folder, database)
    assert (code, errors) == (0, "")
    assert f" {len(lines) - kept} records copied, {len(lines)} in all" in out


def test_another_journal_is_not_overwritten(
    command: Command, folder: Path, database: str, tmp_path: Path, postgres: Server
) -> None:
    """On neither side: records that the source has not got stay where they are."""
    drive = story()
    drive.batch(60_009, 21)
    longer = write(tmp_path / "longer" / HOTKEY, drive)
    assert command("copy", longer, database)[0] == 0
    before = journal_files(longer), postgres.sql("SELECT count(*) FROM user_miner.records", name_of(database))
    code, out, errors = command("copy", folder, database)
    assert (code, out) == (2, "")
    assert is_one_line(errors, "is not the beginning of")
    other = postgres.new_database()
    assert command("copy", folder, other)[0] == 0
    code, out, errors = command("copy", other, tmp_path / "longer")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "is not the beginning of")
    assert before == (
        journal_files(longer),
        postgres.sql("SELECT count(*) FROM user_miner.records", name_of(database)),
    )


def test_a_journal_that_is_written_is_not_copied(
    command: Command, folder: Path, database: str, postgres: Server
) -> None:
    """The lease is somebody's: one line, exit code 2."""
    assert command("copy", folder, database)[0] == 0
    postgres.sql("UPDATE user_miner.journals SET leased_until = now() + interval '1 minute'", name_of(database))
    for arguments in ((folder, database), (database, folder.parent)):
        code, out, errors = command("copy", *arguments)
        assert (code, out) == (2, "")
        assert is_one_line(errors, "is leased")


def test_of_several_journals_one_is_named(command: Command, folder: Path, database: str, postgres: Server) -> None:
    """Behind #, by the hotkey or its first letters; a reader without it says which there are."""
    assert command("copy", folder, database)[0] == 0
    postgres.sql("UPDATE user_miner.journals SET name = '5other'", name_of(database))
    assert command("copy", folder, database)[0] == 0
    code, _, errors = command("replay", database)
    assert code == 2
    assert is_one_line(errors, "several journals", HOTKEY)
    assert command("replay", f"{database}#{HOTKEY}")[0] == 0
    assert command("replay", f"{database}#{HOTKEY[:2]}")[0] == 0
    code, _, errors = command("replay", f"{database}#5nobody")
    assert code == 2
    assert is_one_line(errors, "no journal of 5nobody", HOTKEY)
    code, _, errors = command("copy", database, folder.parents[1] / "back")
    assert code == 2
    assert is_one_line(errors, "name one by #HOTKEY")


def test_a_database_without_journals_is_said(command: Command, database: str, tmp_path: Path) -> None:
    """And a reader makes none; and what is no URL, or leads nowhere, is one line as well."""
    code, out, errors = command("replay", database)
    assert (code, out) == (2, "")
    assert is_one_line(errors, "holds no journals")
    code, out, errors = command("replay", f"postgresql://postgres@/nothing?host={tmp_path}")
    assert (code, out) == (2, "")
    assert is_one_line(errors, "does not answer")
    for arguments in (("copy", "here", "there"), ("copy", database, database)):
        code, out, errors = command(*arguments)
        assert (code, out) == (2, "")
        assert is_one_line(errors, "expected a folder and the URL of a database")


SECRET = "s3cr:et@x"  # noqa: S105  (what is looked for)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://miner:s3cr%3Aet%40x@localhost:1/mining",
        "postgresql://localhost:1/mining?user=miner&password=s3cr%3Aet%40x",
        "postgresql://miner:s3cr:et@x@localhost:1/mining",
        "postgresql://miner:s3cr%3Aet%40x@localhost:port/mining",
        "postgresql://miner:s3cr%3Aet%40x@localhost:1/mining?nonsense=1",
        "postgres://miner:s3cr%3Aet%40x@localhost:1,localhost:1/mining?sslmode=nonsense",
    ],
)
def test_a_password_is_never_shown(command: Command, here: World, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """In no output of any command, right or wrong; and settings with such a URL are shown without it."""
    monkeypatch.setenv("JOURNAL_URL", url)
    said = []
    for arguments in (("replay", url), ("replay",), ("run",), ("config",), ("copy", url, "x"), ("copy", "x", url)):
        code, out, errors = command(*arguments)
        assert code != 0 or arguments == ("config",)
        said.append(out + errors)
    assert not [text for text in said for part in ("s3cr", "et%40x", "et@x") if part in text]
    assert here.sandbox.ledger.x.searches == 0


def test_nothing_of_the_environment_reaches_a_server_but_a_password(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each variable that libpq knows is set to what would break or mislead; PGSERVICE is refused."""
    from psycopg import pq  # noqa: PLC0415  (as the program, not before it is needed)

    address = Address.parse(database)
    expected = {name: value for name, value in address.options(writes=True).items() if name != "host"}
    for option in pq.Conninfo.get_defaults():
        if option.envvar and option.envvar not in {b"PGSERVICE", b"PGPASSWORD", b"PGPASSFILE"}:
            monkeypatch.setenv(option.envvar.decode(), "nonsense")
    told = address.options(writes=True)
    assert {name: value for name, value in told.items() if name != "host"} == expected

    async def ask() -> list[tuple[object, ...]]:
        line = Database(address, writes=False)
        line._is_current = True  # there is no schema, and none is wanted
        try:
            return await line.ask("SELECT current_user, current_database(), current_setting('application_name')")
        finally:
            await line.close()

    assert run(ask()) == [("postgres", name_of(database), "user-miner")]
    monkeypatch.setenv("PGSERVICE", "nonsense")
    with pytest.raises(JournalError, match="PGSERVICE is set"):
        address.options(writes=True)


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://db.example/mining", "require"),
        ("postgresql://db.example,localhost/mining", "require"),
        ("postgresql:///mining?host=localhost&hostaddr=192.0.2.1", "require"),
        ("postgresql://db.example/mining?sslmode=verify-full", "verify-full"),
        ("postgresql://db.example/mining?sslmode=disable", "disable"),
        ("postgresql://127.0.0.1,[::1],localhost/mining", "prefer"),
        ("postgresql:///mining?host=/run/postgresql", "prefer"),
        ("postgresql:///mining", "prefer"),
    ],
)
def test_what_leaves_this_machine_is_encrypted(url: str, mode: str) -> None:
    """Unless the URL says otherwise."""
    assert Address.parse(url).options(writes=True)["sslmode"] == mode


def test_the_settings_journal_is_the_database(
    command: Command, make_world: Callable[..., World], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` works there and leaves no folder behind, readers without a journal read it, and a dry run has its own."""
    world = make_world()
    world.mine(JOURNAL_URL=database)
    assert not world.journal.exists()
    for name, value in world.settings(JOURNAL_URL=database).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.folder)
    code, out, errors = command("verify")
    assert (code, errors) == (0, "")
    assert "whole: records 1 to" in out
    assert command("audit")[0] == 0
    assert command("check")[0] == 0
    assert "5 accepted" in command("replay")[1]
    code, _, errors = command("run", "--dry-run", "--windows", "1")
    assert code == 0, errors
    assert "5 accepted" in command("replay")[1]
    assert command("replay", f"{database}#{world_hotkey(world)}.dry-run")[0] == 0


def world_hotkey(world: World) -> str:
    del world
    return "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"  # //Alice


def test_a_journal_must_be_there_where_it_is_required(
    command: Command, here: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--require-journal refuses an empty database."""
    monkeypatch.setenv("JOURNAL_URL", database)
    code, _, errors = command("run", "--require-journal")
    assert code == 2
    assert is_one_line(errors, "--require-journal", "there is no journal")
    here.mine(JOURNAL_URL=database)
    here.sandbox.next_window()
    code, _, errors = command("run", "--require-journal", "--windows", "1")
    assert code == 0, errors


def test_without_a_database_nothing_of_it_is_loaded() -> None:
    """The driver costs whoever uses files neither time nor memory."""
    import subprocess  # noqa: PLC0415  (only here)
    import sys  # noqa: PLC0415  (only here)

    code = (
        "import sys\n"
        "from user_miner.cli import main\n"
        "import actor.my_miner\n"
        "try: main(['replay', 'journal/sample'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if 'psycopg' in name or 'journal.postgres' in name], file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SAMPLE.parents[1]
    )
    assert found.stderr.splitlines()[-1] == "[]"
