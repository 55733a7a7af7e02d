"""Many hotkeys in one process: they mine beside each other, and what ends one of them ends no other."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from events.catalogue import SettingsChanged
from events.journal import verify_journal
from tests.fleet.kit import Hotkeys, toml
from tests.patience import GIVE_UP_S, Stopwatch, seconds_until_exit
from tests.ports import free_port
from tests.world import World, wait_for


@pytest.fixture
def fleet(world: World) -> Hotkeys:
    """Three hotkeys, and posts for all of them."""
    for number in range(15):
        world.sandbox.add_post(f"Bittensor SN45 says more, part {number}")
    return Hotkeys(world, "one", "two", "three")


def ended(line: str) -> bool:
    """Whether a line says that one hotkey does not mine any more."""
    return "alarm hotkey_stopped" in line


def test_each_mines_into_its_own_journal(fleet: Hotkeys) -> None:
    """Each works the window; the log has each one's name, the API each one's posts, and nobody searches twice."""
    code, output = fleet.run("--windows", "1")
    assert code == 0, output
    box = fleet.world.sandbox
    assert box.ledger.x.searches == 3
    posts = dict.fromkeys(fleet.addresses.values(), 0)
    for post_id in box.ledger.api.accepted():
        posts[box.ledger.api.body(post_id)["miner_hotkey"]] += 1
    for name, address in fleet.addresses.items():
        assert fleet.names(name)[-1] == "ActorStopped"
        assert verify_journal(fleet.journal(name)).ok
        state = fleet.history(name)[-1][1]
        assert state.totals.accepted == posts[address]
        assert state.totals.accepted + state.totals.rejected == 5
        assert f" {address[:6]} started" in output
    assert sum(posts.values()) >= 5


def test_the_block_is_asked_for_once(fleet: Hotkeys) -> None:
    """Three that poll at the same time send one request; each still hears every answer."""
    fleet = Hotkeys(fleet.world, "one", "two", "three", POLL_INTERVAL_SECONDS=2)
    box = fleet.world.sandbox
    with fleet.running() as process:
        wait_for(lambda: fleet.have("CheckpointSigned"), "the first window")
        asked = len(box.ledger.api.exchanges("api.status"))
        time.sleep(8)
        polls = len(box.ledger.api.exchanges("api.status")) - asked
        box.next_window()
        wait_for(lambda: fleet.have("WindowOpened", 2), "the second window in each journal")
        process.terminate()
        assert process.wait(GIVE_UP_S) == 0
    assert polls <= 10, "three alone would have sent twelve"


def test_all_stop_within_five_seconds(fleet: Hotkeys) -> None:
    """SIGTERM ends all of them with a last record, in the midst of their work, with exit code 0."""
    fleet.world.sandbox.script("llm.chat", "slow", times=30, seconds=20)
    with fleet.running() as process:
        wait_for(lambda: fleet.have("PostsScraped"), "all at work")
        watch = Stopwatch(process.pid)
        process.send_signal(signal.SIGTERM)
        assert seconds_until_exit(process, watch) < 5
        process.wait(GIVE_UP_S)
    assert process.returncode == 0
    assert all(fleet.names(name)[-1] == "ActorStopped" for name in fleet.addresses)


def test_a_kill_loses_nothing(fleet: Hotkeys) -> None:
    """After kill -9 amid the window the next start goes on in each journal, and no post is counted twice."""
    fleet.world.sandbox.script("api.submit", "slow", times=30, seconds=0.3)
    with fleet.running() as process:
        wait_for(lambda: fleet.have("SubmissionStarted"), "posts on their way")
        process.kill()
        process.wait()
    fleet.world.sandbox.clear_faults()
    code, output = fleet.run("--windows", "1")
    assert code == 0, output
    box = fleet.world.sandbox
    assert box.ledger.x.searches == 3, "a search that was paid for is not repeated"
    assert len(box.ledger.api.accepted()) == sum(fleet.history(name)[-1][1].totals.accepted for name in fleet.addresses)


def test_a_damaged_journal_stops_its_own_hotkey_only(fleet: Hotkeys) -> None:
    """One line with the way out, an alarm in log and metrics, and exit code 1 in the end; the others work on."""
    port = free_port()
    fleet = Hotkeys(fleet.world, "one", "two", "three", METRICS_PORT=port)
    fleet.run("--windows", "1")
    (segment,) = fleet.journal("two").glob("*.jsonl")
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    fleet.world.sandbox.next_window()
    with fleet.running() as process:
        wait_for(lambda: fleet.names("one").count("CheckpointSigned") == 2, "the first one's second window")
        wait_for(lambda: fleet.names("three").count("CheckpointSigned") == 2, "the third one's second window")
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz")
        why = json.loads(refusal.value.read())["reason"]
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").status == 200
        process.terminate()
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 1
    address = fleet.addresses["two"]
    assert f'user_miner_hotkey_mining{{hotkey="{address}"}} 0.0' in text
    assert f'user_miner_hotkey_mining{{hotkey="{fleet.addresses["one"]}"}} 1.0' in text
    assert f'user_miner_windows_worked_total{{hotkey="{fleet.addresses["one"]}"}} 2.0' in text
    assert text.count("user_miner_build_info{") == 1
    assert why.startswith(f"1 of 3 hotkeys are not at work: {address}: ")
    (line,) = [line for line in errors.splitlines() if ended(line)]
    assert f"{address[:6]} alarm hotkey_stopped" in line
    assert "Traceback" not in errors
    assert "repair" in errors
    assert segment.read_bytes() == bytes(content), "a journal that is refused is not touched"


def test_one_whose_folder_is_moved_stops_alone_though_idle(fleet: Hotkeys) -> None:
    """It notices with its next poll, without a window; the others go on until they are stopped."""
    with fleet.running("--logging.json") as process:
        wait_for(lambda: fleet.have("CheckpointSigned"), "the window")
        fleet.journal("one").rename(fleet.world.folder / "away")
        assert process.stderr is not None
        line = next(line for line in process.stderr if ended(line))
        assert fleet.addresses["one"] in line
        assert "was moved" in line
        fleet.world.sandbox.next_window()
        wait_for(lambda: fleet.names("two").count("WindowOpened") == 2, "the second one at work")
        process.terminate()
        process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 1
    assert fleet.names("three")[-1] == "ActorStopped"


def test_one_that_another_process_holds_stops_alone(fleet: Hotkeys) -> None:
    """`run` has it: the fleet mines with the others, and a reload takes it once it is free."""
    with fleet.world.start(env=fleet.world.env(WALLET_HOTKEY="two")) as single:
        wait_for(lambda: "ActorStarted" in fleet.names("two"), "the single miner")
        single_pid = single.pid
        with fleet.running() as process:
            wait_for(lambda: all("CheckpointSigned" in fleet.names(name) for name in ("one", "three")), "the others")
            single.terminate()
            single.communicate(timeout=GIVE_UP_S)
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: fleet.names("two").count("ActorStarted") == 2, "the fleet's own start")
            process.terminate()
            _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, errors
    assert f"process {single_pid} on host" in errors.replace("\n    ", " ")
    assert "settings reloaded: 0 hotkeys with changes, 1 started, 0 stopped" in errors


def test_a_reload_takes_over_changes_and_hotkeys(fleet: Hotkeys) -> None:
    """A changed setting is recorded in each journal, a new table starts, one that is gone stops; others go on."""
    four = Hotkeys(fleet.world, "one", "two", "four")
    whole = four.file.read_text()
    four.file.write_text(whole.replace(f"[[miner]]\n{toml({'WALLET_HOTKEY': 'four'})}", ""))
    with four.running() as process:
        wait_for(lambda: all("CheckpointSigned" in four.names(name) for name in ("one", "two")), "the window")
        text = whole.replace(f"[[miner]]\n{toml({'WALLET_HOTKEY': 'two'})}", "")
        four.file.write_text(text.replace("[common]\n", '[common]\nSEARCH_KEYWORDS = ["bittensor", "tao"]\n'))
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "ActorStarted" in four.names("four"), "the new one")
        wait_for(lambda: four.names("two")[-1] == "ActorStopped", "the end of the one that is gone")
        four.file.write_text("[[miner]]\nNETUID = 7e9\n")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        refusal = next(line for line in process.stderr if "settings not reloaded" in line)
        process.terminate()
        _, errors = process.communicate(timeout=GIVE_UP_S)
    assert process.returncode == 0, errors
    assert "error" in refusal
    changes = [record.event() for record, _ in four.history("one") if record.name == "SettingsChanged"]
    assert [change.policy.search_keywords for change in changes if isinstance(change, SettingsChanged)] == [
        ("bittensor", "tao")
    ]
    assert four.names("one")[-1] == "ActorStopped"


def test_no_secret_is_told(fleet: Hotkeys) -> None:
    """A hotkey's own key, which only its table holds, is in no line of the log and in no journal."""
    secret = "table-own-secret-4711"  # noqa: S105
    fleet.file.write_text(
        fleet.file.read_text().replace('WALLET_HOTKEY = "two"\n', f'WALLET_HOTKEY = "two"\nAPI_KEY = "{secret}"\n')
    )
    code, output = fleet.run("--windows", "1", "--logging.debug")
    assert code == 0, output
    assert secret not in output
    for file in Path(fleet.world.journal).rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()
    failed = [record for record, _ in fleet.history("two") if record.name == "AnalysisFailed"]
    assert failed, "the stand-in knows another key"
    assert not [record for record, _ in fleet.history("one") if record.name == "AnalysisFailed"]
