"""Metrics of a real miner at work: over HTTP, while it mines against the stand-ins, and after a restart."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actor.metrics.serving import MetricsError
from actor.my_miner import MyMiner
from actor.settings.model import load_settings
from events.journal import verify_journal
from tests.cli.kit import is_one_line, nothing_was_sent, running
from tests.docs.kit import rows
from tests.metrics.kit import Samples, ask, probe, promtool, read_metrics
from tests.patience import GIVE_UP_S, Stopwatch
from tests.ports import free_port
from tests.world import World, wait_for

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "docs" / "operators" / "monitoring"
SECRETS = ("X_BEARER_TOKEN", "API_KEY")


def one(found: Samples, name: str, **labels: str) -> float | None:
    """A sample, None where there is none."""
    return found.get((f"user_miner_{name}", frozenset(labels.items())))


def local(port: int) -> tuple[str, int]:
    """That port here."""
    return "127.0.0.1", port


@pytest.fixture
def port() -> int:
    """A free one."""
    return free_port()


def served(port: int) -> bool:
    """Whether the port answers."""
    try:
        return ask(local(port), "/healthz")[0] == 200
    except OSError:
        return False


def test_a_miner_tells_of_its_work_and_goes_on_after_a_restart(world: World, port: int) -> None:
    """Counts are those of the stand-ins' ledgers; what the journal knows survives a kill; nobody's secret is in it."""
    env = world.env(METRICS_PORT=str(port))
    with running(world, env=env) as process:
        wait_for(lambda: served(port), "the port")
        wait_for(lambda: world.names().count("CheckpointSigned") == 1, "a window's end")
        wait_for(lambda: one(read_metrics(local(port)), "records_total", event="CheckpointSigned") == 1, "its count")
        found = read_metrics(local(port))
        ledger = world.sandbox.ledger
        assert one(found, "verdicts_total", verdict="accepted") == len(ledger.api.accepted()) == 5
        assert one(found, "x_posts_read_total") == ledger.x.posts_read
        assert one(found, "llm_calls_total") == ledger.llm.calls
        assert one(found, "analysis_duration_seconds_count") == 5
        assert one(found, "submission_duration_seconds_count") == 5
        assert one(found, "window_posts_counted") == 5
        appended = one(found, "journal_append_duration_seconds_count")
        assert appended == one(found, "journal_seq") == len(world.names())
        assert (one(found, "journal_fsync_duration_seconds_count") or 0) > appended, "HEAD is written too"
        assert one(found, "api_block") == world.sandbox.block
        assert abs((one(found, "last_accepted_timestamp_seconds") or 0) - time.time()) < GIVE_UP_S
        assert found["process_open_fds", frozenset()] > 0
        assert probe(local(port), "/readyz") == (200, "at work")
        _, _, text = ask(local(port), "/metrics")
        for name in SECRETS:
            assert env[name] not in text
        assert "keeps shipping" not in text
        _check_with_promtool(text)
        _check_names(text)
        process.kill()
        process.wait()
    with running(world, env=env) as process:
        wait_for(lambda: served(port), "the port again")
        wait_for(lambda: one(read_metrics(local(port)), "journal_epoch") == 2, "the second start")
        again = read_metrics(local(port))
        assert one(again, "verdicts_total", verdict="accepted") == 5
        assert one(again, "submissions_total", outcome="accepted") == 0
        assert one(again, "last_accepted_timestamp_seconds") == one(found, "last_accepted_timestamp_seconds")
        assert world.stop(process)[0] == 0
    assert not served(port)


def _check_with_promtool(text: str) -> None:
    """Names, types and help are as Prometheus wants them."""
    done = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _check_names(text: str) -> None:
    """Every metric that alerts, dashboard and metrics.md name is there, and each that is there is told of."""
    families = set(re.findall(r"^# TYPE (user_miner_\w+) ", text, flags=re.MULTILINE))
    histograms = set(re.findall(r"^# TYPE (user_miner_\w+) histogram", text, flags=re.MULTILINE))
    series = families | {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    for path in (MONITORING / "alerts.yml", MONITORING / "dashboard.json", ROOT / "docs" / "reference" / "metrics.md"):
        named = set(re.findall(r"\buser_miner_\w+", path.read_text("utf-8")))
        assert named, path
        assert named <= series, f"{path.name}: {sorted(named - series)}"
    told = rows(ROOT / "docs" / "reference" / "metrics.md", column="metric")
    assert {row["metric"].strip("`") for row in told} == families


def test_a_port_in_use_ends_the_start(world: World) -> None:
    """Exit code 2 and one line, before the journal is touched or anything asked."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = world.run(env=world.env(METRICS_PORT=str(port)))
    assert code == 2
    assert is_one_line(output.splitlines()[-1], f"METRICS_PORT: 127.0.0.1:{port}", "Address already in use")
    assert nothing_was_sent(world)


def made(world: World, port: int) -> MyMiner:
    """A neuron's miner with metrics."""
    flags: dict[str, Any] = {name.lower(): value for name, value in world.settings(METRICS_PORT=str(port)).items()}
    return MyMiner(settings=load_settings(world.folder / "none", **flags))


def test_a_neuron_s_miner_serves_too_and_stops_serving(world: World, port: int) -> None:
    """From start() to stop(), any number of times; a port in use is what start() raises."""
    miner = made(world, port)
    for epoch in (1, 2):
        with miner:
            assert one(read_metrics(local(port)), "journal_epoch") == epoch
            with pytest.raises(MetricsError, match="Address already in use"):
                made(world, port).start()
        assert not served(port)


def test_scrapes_hold_up_no_miner(world: World, port: int) -> None:
    """One who asks again and again, and those who never finish asking, cost the window nothing but a moment."""
    with made(world, port) as miner:
        silent = [socket.create_connection(local(port)) for _ in range(30)]
        deadline = time.monotonic() + GIVE_UP_S
        while miner.posts_processed < 5:
            assert ask(local(port), "/metrics")[0] == 200
            assert time.monotonic() < deadline
        watch = Stopwatch()
    assert watch.seconds() < 5, "stop() keeps its promise too"
    for client in silent:
        client.close()
    (journal,) = world.journal.iterdir()
    assert verify_journal(journal).ok
    assert world.names()[-1] == "ActorStopped"


def promtool_checks() -> Iterator[tuple[str, list[str]]]:
    """The checks of files, by name."""
    yield "rules", ["check", "rules", "alerts.yml"]
    yield "tests of the rules", ["test", "rules", "alerts_test.yml"]
    yield "expressions of the dashboard", ["check", "rules", "dashboard.yml"]


def test_the_monitoring_files_pass_promtool(tmp_path: Path) -> None:
    """The alerts are rules, fire in trouble and at no other time; the dashboard asks what can be answered."""
    tests = (ROOT / "tests" / "metrics" / "alerts_test.yml").read_text("utf-8")
    alerts = (MONITORING / "alerts.yml").read_text("utf-8")
    (tmp_path / "alerts_test.yml").write_text(tests)
    (tmp_path / "alerts.yml").write_text(alerts)
    asked = list(_expressions(json.loads((MONITORING / "dashboard.json").read_text("utf-8"))))
    assert len(asked) > 30
    rules = [{"record": f"panel:{number}", "expr": _filled(expr)} for number, expr in enumerate(asked)]
    (tmp_path / "dashboard.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    for name, words in promtool_checks():
        done = subprocess.run([promtool(), *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    named = set(re.findall(r"- alert: (\w+)", alerts))
    assert named
    for alert in named:
        assert re.search(rf'alertname(="|: ){alert}\b', tests), f"no test lets {alert} fire"
        assert f"| `{alert}` |" in (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")


def _expressions(node: object) -> Iterator[str]:
    """Every expression of a dashboard."""
    if isinstance(node, dict):
        yield from ([node["expr"]] if "expr" in node else [])
        for part in node.values():
            yield from _expressions(part)
    elif isinstance(node, list):
        for part in node:
            yield from _expressions(part)


def _filled(expression: str) -> str:
    """As the dashboard asks it with all miners chosen."""
    assert "$instance" in expression, expression
    return expression.replace("$instance", ".*")


def test_a_machine_without_promtool_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests fail there and say how to go on; they are not passed over."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="package prometheus"):
        promtool()
