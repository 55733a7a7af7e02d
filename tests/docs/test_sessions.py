"""The console sessions and Python snippets of the documents are run, and print what they are said to print."""

from __future__ import annotations

import ast
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from actor.machine.budget import DAY_MS
from actor.testing.made import polled
from events.catalogue import ChainPollFailed, Policy
from events.journal import read_journal, verify_journal
from tests.audit.broken import write as write_journal
from tests.audit.replay_kit import SEGMENT
from tests.docs.kit import DOCUMENTS, ROOT, Block, blocks, matches, run_session
from tests.kit import HOTKEY, Drive
from tests.patience import GIVE_UP_S
from tests.world import World, wait_for

Env = Callable[..., dict[str, str]]
README = ROOT / "README.md"
MINING = tuple(ROOT / "docs" / "operators" / f"{name}.md" for name in ("operating", "troubleshooting", "fleet"))


def is_demo(block: Block) -> bool:
    """Whether the block shows the demo, which takes longest and needs nothing of the others."""
    return block.text.startswith("$ make demo")


def check(document: Path, found: Iterable[Block], folder: Path, env: Mapping[str, str]) -> None:
    """Run a document's sessions, in order, in one folder."""
    for block in found:
        for step, output in run_session(block, folder, env):
            where = f"{document.name}, block in line {block.line}"
            assert matches(step.expected, output), f"{where}\n$ {step.command}\n{output}\nis not\n{step.expected}"


@pytest.mark.parametrize(
    "document",
    [d for d in DOCUMENTS if d != README and d not in MINING and blocks(d, "console")],
    ids=lambda d: d.stem,
)
def test_sessions_over_a_recorded_journal(document: Path, recorded: Path, tmp_path: Path, shell_env: Env) -> None:
    """A document's sessions hold in a folder with ``journal/`` and the snippets that bear a name, and no API."""
    shutil.copytree(recorded / "journal", tmp_path / "journal")
    shutil.copytree(ROOT / "journal" / "sample", tmp_path / "journal" / "sample")
    write_journal(tmp_path / "asked", earning().lines)
    for snippet in blocks(document, "python"):
        if (named := re.match(r"# (\w+\.py)\n", snippet.text)) is not None:
            (tmp_path / named[1]).write_text(snippet.text, "utf-8")
    with socket.socket() as nobody:  # at the default address may be somebody's sandbox
        nobody.bind(("127.0.0.1", 0))
        env = shell_env(MINER_API_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        check(document, blocks(document, "console"), tmp_path, env)


def earning() -> Drive:
    """A miner of four days, one window each, that asked the chain on each of them."""
    drive = Drive(Policy(chain_poll_s=1800.0)).start()
    drive.on(ChainPollFailed(kind="timeout", reason="finney: no answer within 60 s"), after_s=60)
    began_ms = drive.at_ms
    for day in range(4):
        drive.at_ms = began_ms + day * DAY_MS
        drive.batch(7 + day * 72, 10 + day).accept_all()
        drive.on(polled(alpha_per_day=float(max(1, day))), after_s=60)
    return drive


@pytest.mark.parametrize("document", MINING, ids=lambda d: d.stem)
def test_sessions_of_a_miner_at_work(document: Path, make_world: Callable[..., World], shell_env: Env) -> None:
    """An operator's sessions start in a folder with a wallet and settings, in a world whose windows last a second."""
    world = make_world(posts=0, corpus_size=60, seconds_per_block=0.05, blocks_per_window=20)
    settings = world.settings(BLOCKS_PER_WINDOW="20")
    for block in blocks(document, "toml"):
        text = block.text
        for name in re.findall(r"^([A-Z_]+) = ", text, flags=re.MULTILINE):  # the file's values count
            text = text.replace(f'{name} = "…"', f'{name} = "{settings.get(name)}"')
            settings.pop(name, None)
        (world.folder / text.splitlines()[0].removeprefix("# ")).write_text(text, "utf-8")
    check(document, blocks(document, "console"), world.folder, shell_env(**settings | {"JOURNAL_DIR": ""}))


def test_the_readme_s_sessions(make_world: Callable[..., World], shell_env: Env) -> None:
    """The README starts with an empty folder, a wallet and settings, and mines; its snippet works there too."""
    world = make_world(posts=0, corpus_size=60)
    env = shell_env(**{name: value for name, value in world.settings().items() if name != "JOURNAL_DIR"})
    check(README, [block for block in blocks(README, "console") if not is_demo(block)], world.folder, env)
    (snippet,) = blocks(README, "python")
    done = subprocess.run(
        [sys.executable, "-c", snippet.text], cwd=world.folder, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY True\n"


def test_the_demo(tmp_path: Path, shell_env: Env) -> None:
    """``make demo`` prints what the README shows, its six answers among it, whatever settings lie in the folder."""
    (tmp_path / ".miner_env").write_text("WALLET_NAME=mine\nON_ANALYSIS_ERROR=skip\nNETUID=nonsense\n", "utf-8")
    (block,) = filter(is_demo, blocks(README, "console"))
    check(README, [block], tmp_path, shell_env())


def test_the_example_neuron_mines_a_window(make_world: Callable[..., World], shell_env: Env) -> None:
    """The neuron of docs/developers/embedding.md submits five posts with a real wallet and stops at Ctrl-C."""
    world = make_world()
    (example,) = blocks(ROOT / "docs" / "developers" / "embedding.md", "python")
    (world.folder / "miner.py").write_text(example.text, "utf-8")
    with subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "miner.py"],
        cwd=world.folder,
        env=shell_env(**world.settings(), PYTHONPATH=str(ROOT)),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_for(lambda: len(world.sandbox.ledger.api.accepted()) == 5, "five accepted posts")
            wait_for(lambda: world.names().count("SubmissionAccepted") == 5, "their records")
            process.send_signal(2)
            _, errors = process.communicate(timeout=GIVE_UP_S)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert "posts_processed 5" in errors
    assert world.names()[-1] == "ActorStopped"


def signature_page(folder: Path, change: tuple[str, str] = ("", "")) -> subprocess.CompletedProcess[str]:
    """The snippet of journal/README.md over the journals in a folder."""
    code = blocks(ROOT / "journal" / "README.md", "python")[0].text.replace(*change)
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def test_the_signatures_of_checkpoints_are_good(recorded: Path) -> None:
    """The snippet of journal/README.md finds one checkpoint for each window, and refuses a forged one."""
    done = signature_page(recorded)
    assert (done.returncode, done.stdout.count("vouched for record")) == (0, 3), done.stderr
    done = signature_page(recorded, ("checkpoint:3", "checkpoint:4"))
    assert (done.returncode, "it is not signed by" in done.stderr) == (1, True)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8])
def test_a_record_that_was_altered_is_not_vouched_for(recorded: Path, tmp_path: Path, place: float) -> None:
    """Its ``hash`` field left as it was, or dropped with its line: what is signed is the hash of its bytes."""
    (journal,) = (recorded / "journal").iterdir()
    lines = (journal / SEGMENT).read_bytes().split(b"\n")
    number = int(place * (len(lines) - 1))
    changed = lines[number].replace(b'"at":"20', b'"at":"19')
    for spoiled in ([*lines[:number], changed, *lines[number + 1 :]], [*lines[:number], *lines[number + 1 :]]):
        shutil.rmtree(tmp_path / "journal", ignore_errors=True)
        shutil.copytree(journal, tmp_path / "journal" / journal.name)
        (tmp_path / "journal" / journal.name / SEGMENT).write_bytes(b"\n".join(spoiled))
        done = signature_page(tmp_path)
        assert (done.returncode, f"record {number + 1}: " in done.stderr) == (1, True), done.stderr
        vouched = [int(row.split()[-1]) for row in done.stdout.splitlines() if "vouched for record" in row]
        assert all(seq <= number for seq in vouched)


def test_the_signatures_of_the_sample_are_good(tmp_path: Path) -> None:
    """Whatever its posts hold, among it characters that some programs take for line ends."""
    shutil.copytree(ROOT / "journal" / "sample", tmp_path / "journal" / "sample")
    done = signature_page(tmp_path)
    signed = sum(record.name == "CheckpointSigned" for record in read_journal(ROOT / "journal" / "sample"))
    assert (done.returncode, done.stdout.count("vouched for record")) == (0, signed), done.stderr


def test_a_post_may_hold_what_some_take_for_a_line_end(tmp_path: Path) -> None:
    """Records end at a newline alone: for both pages of checking, for verify and for replay."""
    drive = Drive(Policy(max_submissions_per_window=1)).start()
    for number, end in enumerate("\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\r\n", start=1):
        drive.window(number).scraped(number, content=f"SN45{end}is{end}{end}fine{end}")
        drive.analyze_all().accept_all().sign()
    journal = write_journal(tmp_path / "journal" / HOTKEY, drive.lines)
    with (journal / SEGMENT).open("ab") as file:
        file.write(b'{"seq":')
    done = signature_page(tmp_path)
    assert (done.returncode, done.stdout.count("vouched for record")) == (0, 10), done.stderr
    (code,) = blocks(ROOT / "docs" / "reference" / "journal-format.md", "python")
    command = [sys.executable, "-c", code.text, str(journal)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
    assert verify_journal(journal).ok
    told = subprocess.run(
        [sys.executable, "-m", "user_miner.cli", "replay", str(journal), "--json"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert [json.loads(line)["seq"] for line in told.stdout.split(b"\n")[:-1]] == list(range(1, len(drive.records) + 1))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.stem)
def test_every_snippet_is_python(document: Path) -> None:
    """Snippets that need a library from outside are at least Python of the version that the project supports."""
    for block in blocks(document, "python"):
        ast.parse(block.text, feature_version=(3, 11))


def test_a_difference_is_found() -> None:
    """The comparison itself: wildcards stand for text, and nothing else is passed over."""
    assert matches("a …\n…\nz\n", "a 1\nb\nc\nz\n")
    assert matches("…\n", "")
    assert not matches("a …\n", "a 1\nb\n")
    assert not matches("a.c\n", "abc\n")
    assert not matches("a\n", "")
