"""user-miner subnets: the list in use, one subnet of it, a file's check, and a refresh that is whole or not at all."""

import json
import os
import socket
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from actor.analyzer import Registry, load_registry
from actor.analyzer.refresh import ChainError, ChainSubnet
from actor.analyzer.registry_file import registry_text
from actor.settings.model import Settings
from tests.cli.kit import Command, is_one_line, nothing_was_sent
from tests.patience import Stopwatch
from tests.world import World
from user_miner.commands.subnets import run_refresh

BUILT_IN = load_registry()
TODAY = date(2026, 11, 22)
STEERING = "\x1b[31m\x9b\u202e\x07"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and none of this machine's settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


class FakeChain:
    """Lists the subnets it was given, or fails."""

    def __init__(self, *found: ChainSubnet, error: str = "") -> None:
        self._found = list(found)
        self._error = error

    async def subnets(self) -> list[ChainSubnet]:
        """See `actor.analyzer.refresh.Chain`."""
        if self._error:
            raise ChainError(self._error)
        return self._found


def _chain(**names: str) -> FakeChain:
    """The built-in list as the chain would have it, with these names in place of others: sn45="New Name"."""
    return FakeChain(
        *(
            ChainSubnet(id=subnet.id, name=names.get(f"sn{subnet.id}", subnet.name), registered=None)
            for subnet in BUILT_IN.subnets
        )
    )


def _refresh(
    chain: FakeChain, file: Path, *, base: Registry = BUILT_IN, dry_run: bool = False, as_json: bool = False
) -> int:
    return run_refresh(chain, network="finney", base=base, file=file, today=TODAY, dry_run=dry_run, as_json=as_json)


def _renamed(folder: Path, old: str, new: str) -> Path:
    """A list of the operator's own, in the file that is used by default."""
    file = folder / "subnets.json"
    file.write_text(registry_text(BUILT_IN).replace(f'"name": "{old}"', f'"name": {json.dumps(new)}'), "utf-8")
    return file


def test_list_has_a_line_for_each_subnet(folder: Path, command: Command) -> None:  # noqa: ARG001
    """Numbers in order, and a dash where nothing is known; JSON has everything."""
    code, out, errors = command("subnets", "list")
    assert (code, errors) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "the built-in list: 129 subnets as of 2025-12-01, 13 of them without functions"
    assert [int(line.split()[0]) for line in lines[1:]] == list(range(129))
    assert lines[29].split() == ["28", "sn28", "-"]
    found = json.loads(command("subnets", "list", "--json")[1])
    assert [entry["name"] for entry in found["subnets"]] == [subnet.name for subnet in BUILT_IN.subnets]


@pytest.mark.parametrize("how", ["44", "SN44", "score", "SCORE"])
def test_show_tells_what_matches_and_why(folder: Path, command: Command, how: str) -> None:  # noqa: ARG001
    """By number or name: numbers, identifiers under the condition on which they count, and functions."""
    code, out, errors = command("subnets", "show", how)
    assert (code, errors) == (0, "")
    assert out.startswith("SN44 score, of the built-in list as of 2025-12-01\n")
    for part in ("subnet 44", "webuildscore", "nothing else bears this name", "where it stands as a name"):
        assert part in out
    assert "player and ball tracking in matches" in out
    assert json.loads(command("subnets", "show", how, "--json")[1])["identifiers"]["score"] == "named"


def test_show_says_when_nothing_is_known(folder: Path, command: Command) -> None:  # noqa: ARG001
    """A subnet without functions is found by number and name only."""
    assert "what it does is not known" in command("subnets", "show", "28")[1]


@pytest.mark.parametrize(
    ("asked", "words"), [("tempalr", ["did you mean τemplar"]), ("999", ["no subnet '999'"]), (STEERING, ["no subnet"])]
)
def test_show_refuses_what_is_not_there(folder: Path, command: Command, asked: str, words: list[str]) -> None:  # noqa: ARG001
    """One line with the nearest name, and exit code 2."""
    code, out, errors = command("subnets", "show", asked)
    assert (code, out) == (2, "")
    assert is_one_line(errors, *words)
    assert errors.replace("\n", "").isprintable()


def test_the_operator_s_list_replaces_the_built_in_one(folder: Path, command: Command) -> None:
    """By its default name where it lies, and by SUBNETS_FILE anywhere."""
    file = _renamed(folder, "score", "goal")
    assert command("subnets", "show", "44")[1].startswith("SN44 goal, of subnets.json as of")
    file.rename(folder / "mine.json")
    assert command("subnets", "show", "44")[1].startswith("SN44 score, of the built-in list")
    (folder / ".miner_env").write_text("SUBNETS_FILE=mine.json\n")
    assert command("subnets", "show", "44")[1].startswith("SN44 goal, of mine.json")


def test_check_accepts_and_refuses(folder: Path, command: Command) -> None:
    """0 for a good list, 1 with one line for a bad one, 2 for a file that is not there."""
    assert command("subnets", "check")[:2] == (
        0,
        "the built-in list: 129 subnets as of 2025-12-01, 13 of them without functions\n",
    )
    good = _renamed(folder, "score", "goal")
    assert command("subnets", "check", good)[0] == 0
    assert json.loads(command("subnets", "check", good, "--json")[1])["subnets"] == 129
    for wrong, word in (("omron", "used by two subnets"), (f"x{STEERING}", "must be"), ("Score", "lower case")):
        _renamed(folder, "score", wrong)
        for arguments in ([good], []):
            code, out, errors = command("subnets", "check", *arguments)
            assert (code, out) == (1, "")
            assert is_one_line(errors, "subnets.json", word)
            assert errors.replace("\n", "").isprintable()
    code, _, errors = command("subnets", "check", folder / "nowhere.json")
    assert code == 2
    assert is_one_line(errors, "there is no file")


@pytest.mark.parametrize("how", ["broken", "missing"])
def test_run_refuses_a_list_that_cannot_be_used(here: World, command: Command, how: str) -> None:
    """Before anything is sent or written, with one line that names file and fault."""
    if how == "broken":
        _renamed(here.folder, "score", "omron")
    else:
        (here.folder / ".miner_env").write_text("SUBNETS_FILE=mine.json\n")
    code, _, errors = command("run", "--windows", "1")
    assert code == 2
    assert is_one_line(errors, "SUBNETS_FILE: ", {"broken": "'omron' is used by two", "missing": "mine.json"}[how])
    assert nothing_was_sent(here)


def test_run_submits_the_names_of_the_list_in_use(here: World, command: Command) -> None:
    """What validators compare is the operator's own name for SN45."""
    _renamed(here.folder, "talisman_ai", "sentinel")
    assert command("run", "--windows", "1")[0] == 0
    sent = [record.data["body"] for record, _ in here.history() if record.name == "SubmissionStarted"]
    assert [body["tokens"] for body in sent] == [{"sentinel": 1.0}] * 5


def test_the_matcher_runs(here: World, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANALYZER=matcher: names only, one request a post, and the record says so."""
    here.sandbox.add_post("SN4, and video upscaling with compression on Bittensor")
    monkeypatch.setenv("ANALYZER", "matcher")
    assert command("run", "--windows", "1")[0] == 0
    analyzed = [record.data for record, _ in here.history() if record.name == "PostAnalyzed"]
    assert {entry["prompt_version"] for entry in analyzed} == {"matcher-3"}
    assert {name for entry in analyzed for name in entry["tokens"]} <= {"targon", "talisman_ai"}
    assert here.sandbox.ledger.llm.calls == len(analyzed) == 5


def test_refresh_writes_a_list_that_is_used(folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """Each change has a line; functions and identifiers of the built-in list stay."""
    file = folder / "subnets.json"
    assert _refresh(_chain(sn45="Sentinel Prime", sn28="First Name"), file) == 0
    assert capsys.readouterr().out.splitlines() == [
        "finney: 129 subnets on 2026-11-22, 2 changed",
        "  SN28  sn28 is now first_name",
        "  SN45  talisman_ai is now sentinel_prime",
        f"written to {file}; analyses use these names from the next start on",
    ]
    assert "what it does is not known" in command("subnets", "show", "first_name")[1]
    shown = command("subnets", "show", "sentinel_prime")[1]
    assert all(part in shown for part in ("as of 2026-11-22", "sentinel prime", "talisman ai", "social sentiment"))


def test_refresh_writes_nothing_without_need(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither when the list says the same already, nor in a dry run; JSON says which."""
    file = folder / "subnets.json"
    assert _refresh(_chain(), file) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing was written: the list in use says the same"
    assert _refresh(_chain(sn45="x y"), file, dry_run=True) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"nothing was written: a dry run for {file}"
    assert not file.exists()
    assert _refresh(_chain(sn45="x y"), file, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["changes"] == [{"id": 45, "what": "renamed", "before": "talisman_ai", "after": "x_y"}]
    assert found["written"] == str(file)
    assert _refresh(_chain(sn45="x y"), file, base=load_registry(file), as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["written"] is None


def test_refresh_prints_and_keeps_nothing_that_steers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name is a stranger's text: neither the terminal nor the file gets its control characters."""
    file = folder / "subnets.json"
    assert _refresh(_chain(sn45=f"Talis{STEERING}man\n\n2"), file) == 0
    printed = capsys.readouterr().out + file.read_text("utf-8")
    assert printed.replace("\n", "").isprintable()
    assert "talis[31mman_2" in printed


def test_refresh_keeps_the_operator_s_own_edits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list in use is what a refresh begins with."""
    file = folder / "subnets.json"
    assert _refresh(_chain(sn45="Sentinel"), file) == 0
    edited = file.read_text("utf-8").replace('"sentinel": "named"', '"sentinel": "alone"')
    file.write_text(edited, "utf-8")
    assert _refresh(_chain(sn45="Sentinel", sn44="Goal"), file, base=load_registry(file)) == 0
    assert '"sentinel": "alone"' in file.read_text("utf-8")
    assert capsys.readouterr().err == ""


def test_a_refresh_through_a_link_keeps_link_and_mode(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file behind a link is replaced, and stays as readable as it was."""
    target = folder / "kept" / "list.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o640)
    (folder / "subnets.json").symlink_to(target)
    assert _refresh(_chain(sn45="x y"), folder / "subnets.json") == 0
    assert (folder / "subnets.json").is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert load_registry(target).by_id[45].name == "x_y"
    assert os.listdir(target.parent) == ["list.json"]  # noqa: PTH208
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (FakeChain(error="finney: could not connect"), ["finney: could not connect", "nothing was written"]),
        (FakeChain(), ["lists no subnet"]),
    ],
)
def test_a_chain_that_does_not_help_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], chain: FakeChain, words: list[str]
) -> None:
    """One line, exit code 1, and the file is as it was to the byte."""
    file = _renamed(folder, "score", "goal")
    before = file.read_bytes()
    assert _refresh(chain, file) == 1
    out, errors = capsys.readouterr()
    assert out == ""
    assert is_one_line(errors, *words)
    assert file.read_bytes() == before
    assert list(folder.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file's place is the operator's to make."""
    assert _refresh(_chain(sn45="x y"), folder / "none" / "subnets.json") == 1
    assert is_one_line(capsys.readouterr().err, "could not be written", "No such file")


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.cli.test_subnets import _chain, _refresh
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
sys.exit(_refresh(_chain(sn45="x y"), Path({file!r})))
"""


@pytest.mark.parametrize("limit", [0, 1, 4096, 20_000])
def test_a_full_disk_leaves_the_old_file(folder: Path, limit: int) -> None:
    """Wherever the writing stops, the old list stays whole and nothing lies beside it."""
    file = _renamed(folder, "score", "goal")
    before = file.read_bytes()
    code = FULL_DISK.format(root=str(Path(__file__).parents[2]), limit=limit, file=str(file))
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert is_one_line(done.stderr, "cannot be written", "nothing was changed")
    assert file.read_bytes() == before
    assert list(folder.iterdir()) == [file]


def test_refresh_offline_ends_with_one_line(folder: Path, command: Command) -> None:
    """A network out of reach: exit code 1 within the limit, nothing written."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"ws://127.0.0.1:{free.getsockname()[1]}"
    watch = Stopwatch()
    code, out, errors = command("subnets", "refresh", "--subtensor.network", address, "--timeout", "5")
    assert watch.seconds() < 10
    assert (code, out) == (1, "")
    assert is_one_line(errors, address, "could not connect", "nothing was written")
    assert list(folder.iterdir()) == []


def test_refresh_may_make_the_file_that_the_settings_name(folder: Path, command: Command) -> None:
    """SUBNETS_FILE may name what is not there yet: the chain is asked, where other commands refuse."""
    (folder / ".miner_env").write_text("SUBNETS_FILE=mine.json\n")
    assert is_one_line(command("subnets", "list")[2], "mine.json", "No such file")
    code, _, errors = command("subnets", "refresh", "--subtensor.network", "ws://127.0.0.1:1", "--timeout", "5")
    assert code == 1
    assert is_one_line(errors, "ws://127.0.0.1:1", "nothing was written")


def test_refresh_of_an_unknown_network_is_wrong_use(folder: Path, command: Command) -> None:  # noqa: ARG001
    """Exit code 2, with the networks that there are."""
    code, _, errors = command("subnets", "refresh", "--subtensor.network", "nowhere")
    assert code == 2
    assert is_one_line(errors, "--subtensor.network", "nowhere", "finney")


def test_refresh_never_overwrites_a_list_it_cannot_read(folder: Path, command: Command) -> None:
    """An operator's broken file is the operator's to mend."""
    (folder / "subnets.json").write_text('{"as_of": "2025-12-01", "subnets": [oops')
    code, _, errors = command("subnets", "refresh", "--subtensor.network", "ws://127.0.0.1:1", "--timeout", "1")
    assert code == 2
    assert is_one_line(errors, "subnets.json", "cannot be read as JSON")
