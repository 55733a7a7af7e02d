"""``user-miner demo``: the real actor against the stand-ins, in two processes, with a kill -9 in mid-window.

Nothing here is simulated but the world: the same command, journal, HTTP and signatures as in production. At the end
the stand-ins' ledgers are held against the journal, and the exit code is 1 if they disagree.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeAlias

import typer

from actor.machine import STATES, State, at_rest
from actor.machine.history import folded
from actor.settings.model import Settings
from audit.posts import PostRow, post_rows
from events import catalogue as ev
from events.describe import printable
from events.journal import JournalError, JournalReader, Record, locate
from user_miner.terminal import fail, interruptible, progress

__all__ = ["demo", "run_demo"]


def demo(
    *,
    journal: Annotated[Path, typer.Option(help="Where to put the demo's journal.")] = Path("journal/demo"),
) -> None:
    """Run the miner against stand-ins on this machine. A few fast windows, a kill -9, and what it proves."""
    raise typer.Exit(run_demo(journal))


_WINDOWS: Final = 4
_TIMEOUT_S: Final = 120.0
_ID_DIGITS: Final = 19
_SECONDS_PER_WINDOW: Final = 120  # how much older X grows with each window
_MARKER: Final = ".made-by-user-miner-demo"
# What goes wrong, in the order in which requests meet it. "ok" lets a request pass.
_FAULTS: Final[list[dict[str, Any]]] = [
    # Window 1: one attempt fails and is retried; another hotkey owns one post.
    {"route": "api.submit", "fault": "500"},
    {"route": "api.submit", "fault": "ok", "times": 3},
    {"route": "api.submit", "fault": "409"},
    {"route": "api.submit", "fault": "ok", "times": 1},
    # Window 2: the model is slow, so that the kill falls between two analyses; one answer to a submission is lost.
    {"route": "llm.chat", "fault": "ok", "times": 5},
    {"route": "llm.chat", "fault": "ok", "times": 2},
    {"route": "llm.chat", "fault": "slow", "times": 2, "params": {"seconds": 20}},
    {"route": "api.submit", "fault": "lost_answer"},
    {"route": "api.submit", "fault": "ok", "times": 5},
    # Window 3: the quota is said to be used up after two posts; the rest is carried into window 4.
    {"route": "api.submit", "fault": "ok", "times": 2},
    {"route": "api.submit", "fault": "429"},
]
_SETTINGS: Final = {
    "BLOCK_SECONDS": "0.001",
    "POLL_INTERVAL_SECONDS": "0.1",
    "SUBMIT_BACKOFF_SECONDS": "0.3",
    "LLM_CONCURRENCY": "2",
}


History: TypeAlias = list[tuple[Record, State]]


class _DemoError(Exception):
    """The demo could not go on; one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """What the demo's run left behind."""

    history: History
    ledger: dict[str, Any]
    analyzed_before_kill: int


def run_demo(journal: Path) -> int:
    """Play the story, print what it proves; 0 when journal and ledgers agree."""
    with interruptible(lambda: f"miner and stand-ins are stopped, and {journal} is left as it is"):
        return _run(journal)


def _run(journal: Path) -> int:
    try:
        _make_room(journal)
        with tempfile.TemporaryDirectory() as folder, _sandbox() as served:
            env = served | _SETTINGS | {"WALLET_PATH": folder, "JOURNAL_DIR": str(journal)}
            hotkey = _make_wallet(Path(folder))
            _say(f"stand-ins for X, the LLM and the coordination API are up; hotkey {hotkey}")
            story = _play(env, journal)
    except (_DemoError, JournalError) as error:
        return fail(f"demo: {error}", code=1)
    _print_posts(post_rows(story.history))
    return _print_proof(story, journal)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the command line's own voice)


def _make_room(journal: Path) -> None:
    """Every demo starts with an empty journal; only one that a demo made is removed."""
    if journal.exists() and any(journal.iterdir()) and not (journal / _MARKER).exists():
        raise _DemoError(f"{journal} was not made by a demo and is not touched: choose another --journal")
    shutil.rmtree(journal, ignore_errors=True)
    journal.mkdir(parents=True)
    (journal / _MARKER).touch()


def _make_wallet(folder: Path) -> str:
    import bittensor  # noqa: PLC0415  (half a second, and only the demo makes wallets)
    from bittensor_core import Keypair  # noqa: PLC0415

    keypair = Keypair.create_from_mnemonic(Keypair.generate_mnemonic())
    bittensor.Wallet("default", "default", str(folder)).hotkey_file.set_keypair(keypair, encrypt=False)
    return str(keypair.ss58_address)


@contextmanager
def _sandbox() -> Iterator[dict[str, str]]:
    """The stand-ins in a process of their own; gives the environment that points a miner at them."""
    command = [sys.executable, "-m", "user_miner.cli", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield _read_environment(process)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _read_environment(process: subprocess.Popen[str]) -> dict[str, str]:
    env: dict[str, str] = {}
    for line in process.stdout or ():
        name, equals, value = line.strip().partition("=")
        if not equals:
            break
        env[name] = value
    if "MINER_API_URL" not in env:
        _, errors = process.communicate(timeout=10)
        raise _DemoError(f"the stand-ins did not start: {errors.strip() or 'they said nothing'}")
    return env


def _play(env: dict[str, str], journal: Path) -> _Story:
    with _Stage(env, journal) as stage, progress("mining") as on_progress:
        stage.start_actor(windows=_WINDOWS)
        stage.follow(on_progress, until=lambda history: _second_window(history).count("PostAnalyzed") > 1)
        before = _second_window(stage.kill_actor()).count("PostAnalyzed")
        _say(f"kill -9 in the second window, after {before} of its 5 analyses; starting again")
        stage.start_actor(windows=_WINDOWS - 1)
        stage.follow(on_progress, until=None)
        return _Story(history=stage.history(), ledger=stage.ledger(), analyzed_before_kill=before)


def _second_window(history: History) -> list[str]:
    """Names of the records since the second scrape."""
    names = [record.name for record, _ in history]
    scrapes = [i for i, name in enumerate(names) if name == "PostsScraped"]
    return names[scrapes[1] :] if len(scrapes) > 1 else []


class _Stage:
    """The actor's process, its journal, and the control of the stand-ins, whose clock moves when the actor rests.

    Time is not left to the machine's: the same things happen on a slow one.
    """

    def __init__(self, env: dict[str, str], journal: Path) -> None:
        import httpx  # noqa: PLC0415

        # The operator's own settings have no part in the demo.
        names = {name.upper() for name in Settings.model_fields}
        self._env = {name: value for name, value in os.environ.items() if name not in names} | env
        self._journal = journal
        self._log_path = journal / "actor.log"
        self._log = self._log_path.open("wb")
        self._control = httpx.Client(base_url=f"{env['MINER_API_URL']}/sandbox", timeout=30, trust_env=False)
        self._actor: subprocess.Popen[bytes] | None = None
        self._windows_opened = 0

    def __enter__(self) -> Self:
        self._post("/faults", {"scripts": _FAULTS})
        self._post("/clock", {"seconds_per_block": None})
        self._next_window()
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever happened, no process stays behind."""
        if self._actor is not None:
            self._actor.kill()
            self._actor.wait()
        self._control.close()
        self._log.close()

    def start_actor(self, *, windows: int) -> None:
        """The real command, in a process of its own."""
        command = [sys.executable, "-m", "user_miner.cli", "run", "--env-file", os.devnull, "--windows", str(windows)]
        self._actor = subprocess.Popen(command, env=self._env, stdout=self._log, stderr=self._log)  # noqa: S603

    def kill_actor(self) -> History:
        """SIGKILL; returns what was durable."""
        if self._actor is not None:
            self._actor.send_signal(signal.SIGKILL)
            self._actor.wait()
        return self.history()

    def follow(self, on_progress: Callable[[int, int], None], *, until: Callable[[History], bool] | None) -> None:
        """Read along and open windows until ``until`` says so, or until the actor ends by itself."""
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            code = None if self._actor is None else self._actor.poll()
            history = self.history()
            on_progress(self._windows_opened, _WINDOWS + 1)
            if until is not None and until(history):
                return
            if code is not None:
                if code != 0 or until is not None:
                    raise _DemoError(f"the actor ended with exit code {code}: see {self._log_path}")
                return
            self._open_next_if_rested(history)
            time.sleep(0.02)
        raise _DemoError(f"the actor was not done after {_TIMEOUT_S:.0f} s: see {self._log_path}")

    def history(self) -> History:
        """Every record with the state after it."""
        if not any(self._journal.glob("*/*.jsonl")):
            return []
        return list(folded(JournalReader(locate(self._journal))))

    def ledger(self) -> dict[str, Any]:
        """What the stand-ins were asked, answered and billed."""
        found = self._control.get("/ledger", params={"exchanges": "false"}).raise_for_status().json()
        return dict(found)

    def _open_next_if_rested(self, history: History) -> None:
        if history:
            state = history[-1][1]
            if state.running and at_rest(state) and state.totals.windows == self._windows_opened:
                self._next_window()

    def _next_window(self) -> None:
        self._windows_opened += 1
        block = self._post("/clock", {"advance_seconds": _SECONDS_PER_WINDOW})["next_window_start_block"]
        self._post("/clock", {"block": block})

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self._control.post(path, json=body).raise_for_status().json())


def _print_posts(rows: list[PostRow]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="Posts and their verdicts, from the journal")
    for name in ("window", "post id", "text", "top subnet", "sentiment", "score", "tries", "verdict"):
        width = _ID_DIGITS if name == "post id" else max(len(name), len("accepted") if name == "verdict" else 0)
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=width)
    for row in rows:
        top = max(row.tokens, key=lambda name: row.tokens[name], default="-")
        sentiment = "-" if row.sentiment is None else f"{row.sentiment:+.1f}"
        score = "-" if row.score is None else f"{row.score:.3f}"
        text = printable(row.post.content, 32)
        verdict = f"{row.verdict}: {row.detail}" if row.detail else row.verdict
        cells = (str(row.window), row.post.id, text, top, sentiment, score, str(row.attempts), printable(verdict, 30))
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _print_proof(story: _Story, journal: Path) -> int:
    x, llm, api = story.ledger["x"], story.ledger["llm"], story.ledger["api"]
    rows = post_rows(story.history)
    windows = sum(isinstance(r.event(), ev.PostsScraped) for r, _ in story.history)
    states = {state.state for _, state in story.history}
    accepted = {row.post.id for row in rows if row.verdict == "accepted"}
    counted = api["accepted_by_window"]
    asked = sum(_was_asked(record.event()) for record, _ in story.history)
    in_flight = llm["calls"] - asked
    calls = f"{llm['calls']} for {asked}, {in_flight} of them in flight at the kill and asked again"
    checks = [
        ("all five states occurred", states == set(STATES)),
        ("every post has exactly one verdict", all(row.verdict != "pending" for row in rows)),
        ("the API's ledger and the journal name the same accepted posts", accepted == _accepted_at(api)),
        (f"at most 5 accepted in a window: {[len(ids) for ids in counted.values()]}", _fits(counted)),
        (f"one X search for each scraped window: {x['searches']} for {windows}", x["searches"] == windows),
        (f"one LLM call for each post: {calls}", 0 <= in_flight <= int(_SETTINGS["LLM_CONCURRENCY"])),
    ]
    _say("")
    for text, holds in checks:
        _say(f"  {'yes' if holds else 'NO '}  {text}")
    _say(
        f"\nPaid calls that the kill did not repeat: that window's X search and {story.analyzed_before_kill} analyses."
        f"\nBilled by the stand-ins: {x['posts_billed']} posts and {x['users_billed']} users of X (${x['usd']:.2f}), "
        f"{llm['prompt_tokens'] + llm['completion_tokens']} LLM tokens."
        f"\n\nLook further:"
        f"\n  {_program()} replay {journal}          what happened, window by window"
        f"\n  {_program()} replay {journal} --at 20  the state after record 20"
        f"\n  {_program()} verify {journal}          every byte against the hash chain"
    )
    return 0 if all(holds for _, holds in checks) else 1


def _was_asked(event: ev.Event) -> bool:
    """Whether the LLM was asked for this; of posts with the same text only the first is."""
    return isinstance(event, ev.AnalysisFailed) or (isinstance(event, ev.PostAnalyzed) and event.reused_from is None)


def _accepted_at(api: dict[str, Any]) -> set[str]:
    return {post_id for ids in api["accepted_by_window"].values() for post_id in ids}


def _fits(counted: dict[str, list[str]]) -> bool:
    return all(len(ids) <= 5 for ids in counted.values())  # noqa: PLR2004  (the demo's quota)


def _program() -> str:
    """How this program was called, as a command to type in this folder."""
    called = Path(sys.argv[0])
    try:
        return str(called.resolve().relative_to(Path.cwd()))
    except ValueError:
        return "user-miner"
