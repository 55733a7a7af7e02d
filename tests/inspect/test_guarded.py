"""Who gets an answer, and what an answer may do: by plain requests, without a browser."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.audit.replay_kit import story, write
from tests.cli.kit import Command
from tests.inspect.kit import ROOT, SAMPLE, Served, inspected
from tests.patience import GIVE_UP_S, Stopwatch, seconds_until_exit


def _raw(served: Served, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{served.origin}{path}", headers=headers, timeout=GIVE_UP_S, trust_env=False)


@pytest.mark.parametrize(
    "path", ["/", "/api/about", "/x/", "/favicon.ico", "/%2e%2e/", "/wrongwrongwrongwrongwrong/api/about"]
)
def test_nothing_is_told_without_the_token(sample: Served, path: str) -> None:
    """Whatever is asked for; the answer is the same few words."""
    answer = _raw(sample, path)
    assert answer.status_code == 404
    assert "Nothing is here" in answer.text
    assert SAMPLE.name not in answer.text


def test_another_host_gets_no_answer(sample: Served) -> None:
    """A name that was made to point here is not this machine's, token or not."""
    path = sample.url.removeprefix(sample.origin)
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", ""):
        assert _raw(sample, f"{path}api/about", Host=host).status_code == 400, host
    assert _raw(sample, f"{path}api/about", Host="localhost:1").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "api/nothing",
        "api/about?journal=1",
        "api/about?journal=-1",
        "api/about?journal=x",
        "api/record?seq=0",
        "api/record?seq=5090",
        "api/record?seq=99999999999999999999",
        "api/step",
        "api/gantt?index=100000",
        "api/windows?first=99999",
        "api/setter?seq=1&path=" + "a" * 3_000,
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "page/app.js",
        "app.js/",
        "api/../../app.py",
        "%00",
    ],
)
def test_what_does_not_exist_is_not_found(sample: Served, path: str) -> None:
    """Numbers out of range, other journals, other files."""
    assert sample.get(path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(sample: Served, method: str) -> None:
    """There is GET, and nothing else."""
    answer = httpx.request(method, f"{sample.url}api/about", timeout=GIVE_UP_S, trust_env=False)
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["", "app.js", "style.css", "api/about", "api/nothing", "api/step?seq=1"])
def test_every_answer_says_what_a_browser_must_refuse(sample: Served, path: str) -> None:
    """Scripts of others, frames, forms, other types, and telling the address to anybody."""
    headers = sample.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_it_listens_on_loopback_alone(sample: Served) -> None:
    """No other address of this machine answers."""
    port = f"{int(sample.origin.rpartition(':')[2]):04X}"
    listening = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()
    ]
    found = [line[1] for line in listening if line[1].endswith(f":{port}") and line[3] == "0A"]
    assert found == [f"0100007F:{port}"]


def test_a_journal_that_nobody_may_write_is_read(tmp_path: Path) -> None:
    """And every file in it is what it was, to the byte and to the second."""
    journal = write(tmp_path / "journal", story())
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in journal.iterdir()}
    journal.chmod(0o555)
    with inspected(journal) as served:
        report = served.audit()
        assert report is not None
        assert report["ok"]
        for seq in range(1, served.ask("about")["records"] + 1):
            served.ask(f"step?seq={seq}")
    journal.chmod(0o755)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in journal.iterdir()} == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_tells_what_is_added_and_ends_with_the_server(tmp_path: Path, number: int) -> None:
    """The id of each message is the record's number; an open stream does not hold the server, and all is well then."""
    drive = story()
    journal = write(tmp_path / "journal", drive)
    segment = next(journal.glob("*.jsonl"))
    segment.write_bytes(b"".join(drive.lines[:10]))
    with (
        inspected(journal) as served,
        httpx.stream("GET", f"{served.url}api/follow", timeout=GIVE_UP_S, trust_env=False) as stream,
    ):
        ids = (line.removeprefix("id: ") for line in stream.iter_lines() if line.startswith("id: "))
        assert any(found == "10" for found in ids)
        with segment.open("ab") as file:
            file.write(b"".join(drive.lines[10:]))
        assert any(found == str(len(drive.lines)) for found in ids)
        watch = Stopwatch(served.process.pid)
        served.process.send_signal(number)
        assert seconds_until_exit(served.process, watch) < 3
        assert served.process.wait() == 0
        assert served.process.communicate() == ("", "")


def test_a_restart_keeps_the_address(sample: Served, tmp_path: Path) -> None:
    """The token is kept in a file that only its owner reads; without one each start has another."""
    kept, journal = tmp_path / "token", write(tmp_path / "journal", story())
    flags = ("--token-file", str(kept))
    with inspected(journal, flags=flags) as first:
        token = first.url.removeprefix(first.origin)
    with inspected(journal, flags=flags) as second:
        assert second.url.removeprefix(second.origin) == token
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sample.url.removeprefix(sample.origin) != token


def _one_line(code: int, out: str, errors: str) -> str:
    assert (code, out) == (2, ""), errors
    (line,) = errors.splitlines()
    return line


def test_wrong_use_is_one_line(sample: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A taken port, a token that is none, no journal."""
    command = Command(capsys)
    port = sample.origin.rpartition(":")[2]
    (tmp_path / "token").write_text("short")
    for told, words in (
        ("in use", ("inspect", SAMPLE, "--port", port)),
        ("--token-file", ("inspect", SAMPLE, "--token-file", tmp_path / "token")),
        ("no journal", ("inspect", tmp_path)),
        ("exists already", ("report", SAMPLE, "-o", tmp_path / "token")),
        ("lies in the journal", ("report", SAMPLE, "-o", SAMPLE / "page.html")),
    ):
        assert told in _one_line(*command(*words))


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    """A package that is not there is named, with the command that brings it; report needs none."""
    (tmp_path / "starlette").mkdir()
    (tmp_path / "starlette" / "__init__.py").write_text("raise ModuleNotFoundError(name='starlette')\n")
    command = [sys.executable, "-m", "user_miner", "inspect", str(SAMPLE)]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=GIVE_UP_S, check=False, env=env)
    line = _one_line(done.returncode, done.stdout, done.stderr)
    assert "inspect needs starlette, which is not installed" in line
    assert "install" in line.partition(":")[2]
