"""Puts an actor together from settings and a hotkey: with ``cli`` and ``my_miner`` the only place that knows all parts.

Heavy libraries are imported by the edges when they are first needed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actor.analyzer import Analyzer, Registry, Strategy, make_strategy
from actor.edges.api import APIClient
from actor.edges.chain import ThreadedChain
from actor.edges.clock import SystemClock
from actor.edges.llm import OpenAIChat
from actor.edges.messages import Messenger, MessengerError
from actor.edges.shared import Shared
from actor.edges.text import Redactor, deployment
from actor.edges.x import PostScraper
from actor.machine.budget import DAY_MS, per_post
from actor.machine.state import State
from actor.perform import Ports
from actor.ports import Accepted, ApiPort, Block, Clock, Signer, StatusError, SubmitAnswer
from actor.runtime import Actor, ActorConfig, OnRecord
from actor.settings.extras import install_hint
from actor.settings.model import URLS, Settings, SettingsError
from events.catalogue import CheckpointSigned, JournalCreated, SubmissionBody
from events.describe import describe, is_trouble
from events.journal import Disk, FileJournal, JournalStore, Record
from events.journal.owner import OwnerLock
from events.money import Money

if TYPE_CHECKING:
    from actor.metrics.monitor import Monitor

__all__ = [
    "Model",
    "RunOptions",
    "build_actor",
    "build_analyzer",
    "check_environment",
    "journal_path",
    "lease_s",
    "log_record",
    "messenger",
    "open_journal",
    "redactor",
    "warn_of_environment",
]

# One post's analysis may take so many calls: an answer, one with room for thoughts, a repair.
_LLM_TRIES: Final = 3
_CHAIN_TIMEOUT_S: Final = 60.0
# Beside the longest request: for renewing a lease, and for clocks that differ.
_SLACK_S: Final = 2.0
# What a post cost: in which days.
_WHEN: Final = ("today", "in 7 days")

_log = logging.getLogger("actor")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What one run is told beside the settings.

    Attributes:
        dry_run: Do everything but submit, with a separate journal.
        move_api: Accept a journal of another API URL and record the move.
        windows: Stop after so many worked windows; None for never.
    """

    dry_run: bool = False
    move_api: bool = False
    windows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A served language model.

    Attributes:
        base_url: An OpenAI-compatible API.
        api_key: Its key, a secret.
        name: The model, as the server names it.
        timeout_s: One request.
        votes: How often it is asked the same question.
    """

    base_url: str
    api_key: str = field(repr=False)
    name: str
    timeout_s: float
    votes: int = 1


class _DryRunApi:
    """Asks the API for the window and sends nothing."""

    def __init__(self, api: ApiPort) -> None:
        self._api = api

    async def status(self) -> Block:
        return await self._api.status()

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        _log.info("dry run: post %s is not sent", body.post_id)
        return Accepted(
            status="dry-run",
            http_status=0,
            answer="",
            block=Block(),
            selected_for_validation=None,
            validation_id=None,
        )

    async def aclose(self) -> None:
        await self._api.aclose()


class _PolledApi:
    """Calls back once, behind the first question for the block, whatever came of it."""

    def __init__(self, api: ApiPort, on_polled: Callable[[], None]) -> None:
        self._api = api
        self._on_polled: Callable[[], None] | None = on_polled

    async def status(self) -> Block:
        try:
            block = await self._api.status()
        except StatusError:
            self._tell()
            raise
        self._tell()
        return block

    async def submit(self, body: SubmissionBody) -> SubmitAnswer:
        return await self._api.submit(body)

    async def aclose(self) -> None:
        await self._api.aclose()

    def _tell(self) -> None:
        on_polled, self._on_polled = self._on_polled, None
        if on_polled is not None:
            on_polled()


def check_environment(settings: Settings) -> None:
    """Proxies and certificates that no request can be made with are a mistake at the start, and so is no messenger.

    Raises:
        SettingsError: A variable of the environment is wrong, or nothing can be sent to NOTIFY_URL; a line for each.
    """
    from actor.edges.network import environment_faults  # noqa: PLC0415  (the first poll imports it in any case)

    faults = environment_faults(_urls(settings))
    try:
        messenger(settings)
    except MessengerError as error:
        faults.append(f"NOTIFY_URL: {error}")
    if faults:
        raise SettingsError(faults)


def messenger(settings: Settings) -> Messenger | None:
    """Who sends to NOTIFY_URL; None where it is not set.

    Raises:
        MessengerError: Nothing can be sent there.
    """
    if settings.notify_url is None:
        return None
    try:
        return Messenger(settings.notify_url.get_secret_value())
    except MessengerError as error:
        if isinstance(error.__cause__, ImportError):
            raise MessengerError(f"{error}: {install_hint('notify')}") from error
        raise


def warn_of_environment(settings: Settings) -> None:
    """What is wrong in the environment without keeping a request from its server is said."""
    from actor.edges.network import environment_remarks  # noqa: PLC0415  (as above)

    for line in environment_remarks(_urls(settings)):
        _log.warning("%s", line)


def redactor(settings: Settings) -> Redactor:
    """Takes all secrets of this process out of a text, those of the environment's proxies too."""
    from actor.edges.network import proxy_secrets  # noqa: PLC0415  (as above)

    return Redactor({*settings.secrets(), *proxy_secrets()})


def journal_path(root: Path, hotkey: str, *, dry_run: bool) -> Path:
    """Where this hotkey's journal lives under ``root``; a dry run never touches the real one."""
    return root / (f"{hotkey}.dry-run" if dry_run else hotkey)


def open_journal(settings: Settings, hotkey: str, *, dry_run: bool, disk: Disk | None = None) -> JournalStore:
    """The journal of the settings, not touched before it is taken; a dry run sends nothing, so it owns no hotkey."""

    def on_warning(line: str) -> None:
        _log.warning("%s", line)

    directory = journal_path(settings.journal_dir, hotkey, dry_run=dry_run)
    owner = None if dry_run else OwnerLock(hotkey, settings.miner_api_url, on_warning=on_warning)
    if settings.journal_url is None:
        return FileJournal(directory, on_warning=on_warning, disk=disk, owner=owner)
    from events.journal.postgres.address import Address  # noqa: PLC0415  (nobody else loads a driver)
    from events.journal.postgres.store import PostgresJournal  # noqa: PLC0415  (as above)

    return PostgresJournal(
        Address.parse(settings.journal_url.get_secret_value()),
        directory.name,
        lease_s=lease_s(settings),
        on_warning=on_warning,
        owner=owner,
    )


def lease_s(settings: Settings) -> float:
    """How long a lease lasts: twice as long as what is begun under it, so that some renewals may be missed."""
    return 2 * (settings.batch_http_timeout + _SLACK_S)


def build_actor(
    settings: Settings,
    signer: Signer,
    options: RunOptions,
    *,
    on_record: OnRecord = lambda _record, _state: None,
    store: JournalStore | None = None,
    monitor: Monitor | None = None,
    on_polled: Callable[[], None] | None = None,
    shared: Shared | None = None,
) -> Actor:
    """An actor that is ready to ``run``; nothing is sent and no file is touched before that.

    ``store`` replaces the journal on disk that the settings name. A ``monitor`` watches all that the actor does.
    ``on_polled`` is called once, behind the first poll.
    What is ``shared`` with other actors is not closed with this one; None for one that is alone.
    """
    redact = redactor(settings)
    hotkey = signer.ss58_address
    registry = settings.registry()
    ports = _ports(settings, registry, signer, redact, dry_run=options.dry_run, monitor=monitor, shared=shared)
    return Actor(
        store=_store(settings, hotkey, options, monitor) if store is None else store,
        ports=ports if on_polled is None else replace(ports, api=_PolledApi(ports.api, on_polled)),
        config=ActorConfig(
            identity=JournalCreated(
                hotkey=hotkey,
                netuid=settings.netuid,
                api_url=settings.miner_api_url,
                dry_run=options.dry_run,
            ),
            policy=settings.policy(),
            build=version("user-miner"),
            pid=os.getpid(),
            subnets_sha256=registry.sha256(),
            llm_concurrency=settings.llm_concurrency,
            move_api=options.move_api,
            # Many that stop at once have seconds for all of it; a start reads a thousand records in hundredths of one.
            snapshot_at_stop=shared is None,
            longest_request_s=settings.batch_http_timeout,
        ),
        on_record=on_record if monitor is None else _in_turn(on_record, monitor.on_record),
        redact=redact,
    )


def _urls(settings: Settings) -> list[str]:
    return [getattr(settings, name.lower()) for name in sorted(URLS)]


def _store(settings: Settings, hotkey: str, options: RunOptions, monitor: Monitor | None) -> JournalStore:
    if monitor is None:
        return open_journal(settings, hotkey, dry_run=options.dry_run)
    journal = open_journal(settings, hotkey, dry_run=options.dry_run, disk=monitor.disk)
    return monitor.watch_store(journal, journal.directory if isinstance(journal, FileJournal) else None)


def _in_turn(first: OnRecord, second: OnRecord) -> OnRecord:
    """Tells two, the second whatever becomes of the first."""

    def on_record(record: Record, state: State) -> None:
        try:
            first(record, state)
        finally:
            second(record, state)

    return on_record


def build_analyzer(strategy: Strategy, model: Model, redact: Redactor, shared: Shared | None = None) -> Analyzer:
    """An analyzer that asks this model; nothing is sent before it is asked."""
    chat = OpenAIChat if shared is None else shared.chat
    return Analyzer(
        llm=chat(base_url=model.base_url, api_key=model.api_key, timeout_s=model.timeout_s),
        strategy=strategy,
        model=model.name,
        timeout_s=_LLM_TRIES * model.timeout_s,
        server=deployment(model.base_url),
        redact=redact,
        votes=model.votes,
    )


def _ports(
    settings: Settings,
    registry: Registry,
    signer: Signer,
    redact: Redactor,
    *,
    dry_run: bool,
    monitor: Monitor | None,
    shared: Shared | None,
) -> Ports:
    clock = SystemClock()
    scraper = PostScraper(
        bearer_token=settings.x_bearer_token.get_secret_value(),
        api_base=settings.x_api_base,
        clock=clock,
        redact=redact,
    )
    analyzer = build_analyzer(
        (make_strategy if shared is None else shared.strategy)(settings.analyzer, registry),
        Model(
            base_url=settings.llm_base,
            api_key=settings.api_key.get_secret_value(),
            name=settings.model,
            timeout_s=settings.llm_timeout_seconds,
            votes=settings.analysis_votes,
        ),
        redact,
        shared,
    )
    api = _api(settings, signer, clock, redact, shared)
    if monitor is not None:
        api = monitor.api.wrap(api)
    if dry_run:
        api = _DryRunApi(api)
    chain = ThreadedChain(network=settings.subtensor_network, timeout_s=_CHAIN_TIMEOUT_S, redact=redact)
    return Ports(
        scraper=scraper,
        analyzer=analyzer,
        api=api,
        signer=signer,
        clock=clock,
        chain=chain if shared is None else shared.chain(chain),
        llm_turns=None if shared is None else shared.llm_turns,
        search_turns=None if shared is None else shared.search_turns,
    )


def _api(settings: Settings, signer: Signer, clock: Clock, redact: Redactor, shared: Shared | None) -> ApiPort:
    url, total_s = settings.miner_api_url, settings.batch_http_timeout
    api = APIClient(
        base_url=url,
        signer=signer,
        clock=clock,
        total_timeout_s=total_s,
        redact=redact,
        open_exchange=None if shared is None else partial(shared.exchange, url, total_timeout_s=total_s),
    )
    return api if shared is None else shared.asked_once(api, base=url, poll_s=settings.poll_interval_seconds)


def log_record(record: Record, state: State) -> None:
    """Say what a record tells, trouble as a warning; at a window's end, also what its posts cost."""
    event = record.event()
    level = logging.WARNING if is_trouble(event) else logging.INFO
    fields = {"kind": record.name, "seq": record.seq, "state": state.state}
    told = describe(event)
    if isinstance(event, CheckpointSigned):  # the end of a window
        told = f"{_per_post(state, record.at_ms // DAY_MS)}{told}"
    _log.log(level, "%s", told, extra=fields)


def _per_post(state: State, today: int) -> str:
    found = per_post(state, today, Money(state.policy.prices))
    said = [
        f"{'none' if per.usd is None else f'${per.usd:.4f}'} {when}"
        for when, per in zip(_WHEN, found.values(), strict=True)
    ]
    return "" if found["7_days"].usd is None else f"a post: {', '.join(said)}; "
