"""The metrics, by their names: what a monitor knows as Prometheus families. Imports the client library.

metrics.md tells what each one means. Labels come from fixed lists, so the number of series is bounded; no text of
a post, server or secret ever stands in one. What the journal tells has no sample before this process has written a
record: a 0 there would look like a loss, and the next value like a sudden gain.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from actor.machine.alarms import ALARMS
from actor.machine.budget import DAY_MS, budgets, per_post
from actor.machine.state import STATES, State
from actor.metrics.counted import Durations
from actor.metrics.fleet import FleetMonitor
from actor.metrics.monitor import Monitor
from events.catalogue import Spent
from events.money import Money

__all__ = ["make_registry"]

_PREFIX: Final = "user_miner_"
_VERDICTS: Final = ("accepted", "rejected", "abandoned", "left_out")


def make_registry(monitor: Monitor | FleetMonitor) -> CollectorRegistry:
    """Everything that /metrics tells, collected anew each time."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(_Miner(monitor) if isinstance(monitor, Monitor) else _Fleet(monitor))
    return registry


class _Fleet(Collector):
    """The families of each hotkey, with its address as a label; what is the process's own stands once."""

    def __init__(self, fleet: FleetMonitor) -> None:
        self._fleet = fleet

    def collect(self) -> Iterator[Metric]:
        stopped = self._fleet.stopped
        mining = {hotkey: float(hotkey not in stopped) for hotkey in {**self._fleet.members, **stopped}}
        yield from _process(mining)
        families: dict[str, Metric] = {}
        for hotkey, monitor in self._fleet.members.items():
            if hotkey in stopped:
                continue
            for family in _Miner(monitor).of_miner():
                into = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                into.samples += [each._replace(labels={**each.labels, "hotkey": hotkey}) for each in family.samples]
        yield from families.values()


class _Miner(Collector):
    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._parts: tuple[Callable[[Monitor], Iterator[Metric]], ...] = (
            _about,
            _machine,
            _journal,
            _windows,
            _posts,
            _paid,
            _day,
            _api,
            _feedback,
            _chain,
            _last,
        )

    def collect(self) -> Iterator[Metric]:
        yield from _process({})
        yield from self.of_miner()

    def of_miner(self) -> Iterator[Metric]:
        """All but what is the process's own."""
        for part in self._parts:
            yield from part(self._monitor)


def _gauge(name: str, text: str, value: float | None) -> Metric:
    """One value; None leaves the family without a sample."""
    family = GaugeMetricFamily(_PREFIX + name, text)
    if value is not None:
        family.add_metric([], value)
    return family


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, text, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def _info(name: str, text: str, labels: Mapping[str, str]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, text, labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family


def _counter(name: str, text: str, value: float | None) -> Metric:
    return CounterMetricFamily(_PREFIX + name, text, value=value)


def _counters(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, text, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def _histogram(name: str, text: str, durations: Durations) -> Metric:
    total_s = durations.total_s  # before the counts, which may rise meanwhile
    return HistogramMetricFamily(_PREFIX + name, text, buckets=list(durations.cumulative()), sum_value=total_s)


def _folded(monitor: Monitor) -> State | None:
    return None if monitor.record is None else monitor.state


def _process(mining: Mapping[str, float]) -> Iterator[Metric]:
    yield _info("build_info", "Always 1; the version of this build.", {"version": version("user-miner")})
    yield _counter("log_lines_dropped_total", "Lines that the log did not take in time.", _dropped_lines())
    text = "Of a fleet: 1 while the hotkey mines, 0 when it stopped by itself."
    yield _gauges("hotkey_mining", text, "hotkey", mining)


def _about(monitor: Monitor) -> Iterator[Metric]:
    identity = monitor.state.identity
    if identity is not None:
        labels = {
            "hotkey": identity.hotkey,
            "netuid": str(identity.netuid),
            "dry_run": str(identity.dry_run).lower(),
        }
        yield _info("journal_info", "Always 1; whose journal is in use.", labels)


def _machine(monitor: Monitor) -> Iterator[Metric]:
    state, counted = monitor.state, monitor.counted
    running = state.running
    now: dict[str, float] = {name: float(running and name == state.state) for name in STATES}
    yield _gauges("state", "1 for the state that the machine is in.", "state", now)
    yield _gauge("ready", "Whether /readyz would say 200.", float(monitor.ready().ok))
    folded = _folded(monitor)
    yield _gauge("posts_pending", "Posts without a verdict.", None if folded is None else len(folded.posts))
    held = None if folded is None else sum(post.deferred and not post.analyzed for post in folded.posts)
    yield _gauge("posts_held", "Of these, posts that wait for an analysis which the LLM's server refused.", held)
    ringing = {} if folded is None else {alarm.name: alarm.since_ms for alarm in monitor.alarms()}
    rings = {} if folded is None else {name: float(name in ringing) for name in ALARMS}
    since_s = {name: since_ms / 1000 for name, since_ms in ringing.items() if since_ms is not None}
    yield _gauges("alarm", "1 while the alarm is on: posts are lost until something changes.", "alarm", rings)
    yield _gauges("alarm_since_timestamp_seconds", "When the alarm began, unix time.", "alarm", since_s)
    yield _gauge("journal_epoch", "How often the journal was taken.", None if folded is None else folded.epoch)
    yield _counters("records_total", "Records of this process, by event.", "event", counted.records)
    failures = CounterMetricFamily(f"{_PREFIX}failures_total", "Failures in this process.", labels=["step", "kind"])
    for labels, count in counted.failures.items():
        failures.add_metric(labels, count)
    yield failures


def _dropped_lines() -> int:
    """Of this process's log: a handler that drops lines rather than wait counts them in ``dropped``."""
    return sum(getattr(handler, "dropped", 0) for handler in logging.getLogger().handlers)


def _journal(monitor: Monitor) -> Iterator[Metric]:
    store, record = monitor.store, monitor.record
    yield _gauge("journal_seq", "Number of the last record.", None if record is None else record.seq)
    room = None if store is None or store.stage != "held" else store.room_bytes()
    yield _gauge("journal_free_bytes", "Bytes free on the journal's disk.", room)
    if store is not None:
        yield _histogram("journal_append_duration_seconds", "Appending a record until it is durable.", store.durations)
    yield _histogram("journal_fsync_duration_seconds", "One fdatasync of the journal.", monitor.disk.durations)


def _windows(monitor: Monitor) -> Iterator[Metric]:
    state, counted = _folded(monitor), monitor.counted
    newest = None if state is None else state.newest
    worked = None if state is None else state.totals.windows
    yield _counter("windows_worked_total", "Windows worked on since the journal began.", worked)
    yield _counter("windows_opened_total", "Windows that the API told this process of.", counted.windows_opened)
    yield _counter("windows_used_total", "Windows with posts found or sent, of this process.", counted.windows_used)
    text = "Windows missed, by cause; those before this process's first window count too."
    yield _counters("windows_missed_total", text, "cause", counted.windows)
    start = None if newest is None else newest.start_block
    yield _gauge("window_start_block", "First block of the newest window.", start)
    here = None if state is None or newest is None else state.counted.get(newest.start_block, 0)
    yield _gauge("window_posts_counted", "Posts that the API counted in the newest window.", here)
    limit = None if state is None else state.max_submissions
    yield _gauge("window_posts_limit", "Posts that a window takes.", limit)


def _posts(monitor: Monitor) -> Iterator[Metric]:
    state, counted = _folded(monitor), monitor.counted
    scraped = None if state is None else state.totals.scraped
    yield _counter("posts_scraped_total", "Posts chosen since the journal began.", scraped)
    verdicts = {} if state is None else {name: getattr(state.totals, name) for name in _VERDICTS}
    yield _counters("verdicts_total", "Posts by verdict since the journal began.", "verdict", verdicts)
    text = "Answered attempts to submit, of this process."
    yield _counters("submissions_total", text, "outcome", counted.submissions)
    for step, durations in counted.durations.items():
        yield _histogram(f"{step}_duration_seconds", f"Time of each {step}, failed ones included.", durations)


def _paid(monitor: Monitor) -> Iterator[Metric]:
    counted = monitor.counted
    yield _counter("x_posts_read_total", "Posts read at X by this process.", counted.x["posts"])
    yield _counter("x_users_read_total", "Users read at X by this process.", counted.x["users"])
    yield _counter("x_requests_total", "Answered search requests of this process.", counted.x["requests"])
    tokens = {kind: counted.llm[kind] for kind in ("prompt", "completion")}
    yield _counters("llm_tokens_total", "Tokens billed to this process.", "kind", tokens)
    yield _counter("llm_calls_total", "Calls of the LLM by this process, paid or perhaps paid.", counted.llm["calls"])
    text = "Requests to the LLM without a usable answer, unpaid ones among them."
    yield _counter("llm_failed_calls_total", text, counted.llm["failed_calls"])
    text = "Windows not searched because of a budget, of this process."
    yield _counters("budget_holds_total", text, "budget", counted.holds)


def _day(monitor: Monitor) -> Iterator[Metric]:
    """As the budgets reckon: folded from the journal, at the prices in force, with what is perhaps billed."""
    state = _folded(monitor)
    told = {} if state is None else Money(state.policy.prices).of(state.spent.get(_today(), Spent()))
    costs = {name: told[f"{name}_usd"] for name in ("x", "llm") if told.get(f"{name}_usd") is not None}
    yield _gauges("day_spent_usd", "Cost of this UTC day at the prices in force.", "service", costs)
    found = {} if state is None else budgets(state, _today())
    limits = {name: budget.limit_usd for name, budget in found.items() if budget is not None}
    yield _gauges("day_budget_usd", "The budget for a UTC day; none is no sample.", "service", limits)
    yield _per_accepted(state)
    units = {name: told[name] for name in ("posts", "users", "prompt_tokens", "completion_tokens") if told}
    yield _gauges("day_units", "What was paid for on this UTC day.", "unit", units)


def _per_accepted(state: State | None) -> Metric:
    text = "Cost of each post accepted on this UTC day, and in the 7 days that end with it."
    family = GaugeMetricFamily(_PREFIX + "per_accepted_usd", text, labels=["service", "days"])
    found = {} if state is None else per_post(state, _today(), Money(state.policy.prices))
    for per in found.values():
        for service, cost in (("x", per.x_usd), ("llm", per.llm_usd)):
            if cost is not None:
                family.add_metric([service, str(per.days)], cost)
    return family


def _today() -> int:
    return int(time.time() * 1000) // DAY_MS


def _api(monitor: Monitor) -> Iterator[Metric]:
    api, state = monitor.api, _folded(monitor)
    yield _gauge("api_up", "Whether the status endpoint answers.", None if state is None else float(not state.api_down))
    yield _gauge("api_block", "The last block that the status endpoint told.", api.block)
    yield _counters("api_polls_total", "Questions for the current block, of this process.", "outcome", api.polls)
    yield _histogram("api_status_duration_seconds", "Time of each of these questions.", api.durations)


def _feedback(monitor: Monitor) -> Iterator[Metric]:
    counted = monitor.counted
    text = "Validators' words on posts, told to this process."
    yield _counters("validations_total", text, "result", counted.validations)
    yield _counter("scores_total", "Validators' scores, told to this process.", counted.scores)
    yield _gauge("last_score", "The last score told.", counted.last_score)


def _chain(monitor: Monitor) -> Iterator[Metric]:
    """As the chain told last; without a sample where it was never asked."""
    state = _folded(monitor)
    told = None if state is None else state.chain
    registered = None if told is None else float(told.uid is not None)
    yield _gauge("chain_registered", "Whether the hotkey is registered on the subnet.", registered)
    for name, text in _CHAIN.items():
        yield _gauge(f"chain_{name}", text, None if told is None else getattr(told, name))


_CHAIN: Final = {
    "incentive": "The hotkey's share of what the subnet's miners earn, 0 to 1.",
    "alpha_per_day": "What it earns in a day, by its last epoch.",
    "tao_per_alpha": "The price of alpha in the subnet's pool.",
    "rank": "The hotkey's place among the miners by incentive, 1 for the most.",
    "miners": "Miners on the subnet.",
    "places_before": "Hotkeys that can register before its place is given away; none is no sample.",
}


def _last(monitor: Monitor) -> Iterator[Metric]:
    folded = _folded(monitor)
    times: Iterable[tuple[str, str, float | None]] = (
        ("accepted", "a post was accepted", _seconds(monitor.counted.last_ms["SubmissionAccepted"])),
        ("window", "a window was told", _seconds(monitor.counted.last_ms["WindowOpened"])),
        ("scrape", "a search of X was answered", _seconds(monitor.counted.last_ms["PostsScraped"])),
        ("record", "a record was written", None if monitor.record is None else _seconds(monitor.record.at_ms)),
        (
            "chain_answer",
            "the chain told how the hotkey stands",
            None if folded is None else _seconds(folded.chain_ms or 0),
        ),
        ("api_answer", "the coordination API answered this process", monitor.api.answered_at_s),
    )
    for name, what, at_s in times:
        yield _gauge(f"last_{name}_timestamp_seconds", f"When {what} last, unix time.", at_s)


def _seconds(at_ms: int) -> float | None:
    return at_ms / 1000 if at_ms else None
