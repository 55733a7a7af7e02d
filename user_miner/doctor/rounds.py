"""Which probes there are, which settings each of them needs, and how long each may take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from actor.edges.clock import SystemClock
from actor.edges.network import environment_faults
from actor.edges.threads import in_daemon_thread
from actor.settings.model import URLS, Settings
from audit.status.holder import find_process
from user_miner.doctor.journal import alarm_checks, identity_checks, records_checks, spending_checks
from user_miner.doctor.machine import (
    chain_checks,
    disk_check,
    env_file_checks,
    find_journal,
    hotkey_checks,
    lock_check,
    log_check,
    metrics_check,
    open_hotkey,
    place_checks,
    room,
    settings_checks,
    software_checks,
    variable_checks,
)
from user_miner.doctor.paid import llm_answer_checks, x_search_checks
from user_miner.doctor.patient import Patient
from user_miner.doctor.report import Check, skipped
from user_miner.doctor.runner import Probe
from user_miner.doctor.servers import api_checks, llm_checks, network_checks, notify_checks, x_checks

__all__ = ["Rounds"]

# An encrypted hotkey takes about 2 s to open, and a multiple of that on a small machine.
_WALLET_S: Final = 30.0
# So much more than a server is given, for what it says of a time that ran out and for the clients' import.
_GRACE_S: Final = 4.0
# Bittensor and openai take long to import where a disk is slow.
_IMPORT_S: Final = 10.0
_LLM_TRIES: Final = 3
# A reader that looks at the time itself has so much of it, and then tells how far it came.
_IN_TIME: Final = 0.8
_LLM_PRICES: Final = ("LLM_USD_PER_MILLION_PROMPT_TOKENS", "LLM_USD_PER_MILLION_COMPLETION_TOKENS")
_LLM: Final = ("LLM_BASE", "API_KEY", "MODEL", "LLM_TIMEOUT_SECONDS", "SUBNETS_FILE", "ANALYSIS_VOTES", *_LLM_PRICES)
_BUDGETS: Final = (
    "MAX_X_USD_PER_DAY",
    "MAX_LLM_USD_PER_DAY",
    *_LLM_PRICES,
    "X_USD_PER_POST",
    "X_USD_PER_USER",
    "BLOCKS_PER_WINDOW",
    "MAX_SUBMISSIONS_PER_WINDOW",
    "MAX_SEARCH_PAGES",
    "POSTS_PER_SEARCH",
)
_OF_A_WINDOW: Final = frozenset({"api", "x", "llm"})
_STUCK_DISK: Final = "check the disk or network folder: something on it does not answer"
_STUCK_SERVER: Final = "raise --timeout, or check the network"

_Look = Callable[[Settings], Awaitable[Sequence[Check]]]


class Rounds:
    """All probes of one patient.

    Args:
        patient: Who is looked at.
        timeout_s: Time limit for each request to a server, in seconds.
        chain: Whether to ask the chain whether the hotkey is registered.
        search: Whether to search X, which is paid for.
        llm: Whether to ask the LLM, which is paid for, too.
        notify: Whether to send a test message to NOTIFY_URL.
        reading_s: For whatever reads files; opening the hotkey has more.

    Attributes:
        hotkey: Its address, as soon as it was opened.
        paid: What became of each paid question so far, in words; only those that were put.
    """

    def __init__(
        self,
        patient: Patient,
        *,
        timeout_s: float,
        chain: bool,
        search: bool,
        llm: bool,
        notify: bool,
        reading_s: float = 10.0,
    ) -> None:
        self.hotkey: str | None = None
        self.paid: dict[str, str] = {}
        self._patient = patient
        self._timeout_s = timeout_s
        self._asks_chain = chain
        self._asks_search = search
        self._asks_llm = llm
        self._sends_test = notify
        self._reading_s = reading_s

    def probes(self) -> list[Probe]:
        """The probes in the order of their lines."""
        asked = [*self._of_files(), *self._of_journal(), *self._of_servers()]
        if self._asks_chain:
            limit_s = self._timeout_s + _GRACE_S + _IMPORT_S
            asked.append(
                self._probe("chain", ("NETUID", "SUBTENSOR_NETWORK"), self._chain, limit_s=limit_s, after="wallet")
            )
        if self._asks_search:
            needs = ("X_API_BASE", "X_BEARER_TOKEN", "SEARCH_KEYWORDS")
            asked.append(self._server_probe("x-search", needs, self._search))
        if self._asks_llm:
            asked.append(self._of_llm())
        return asked

    def of_a_window(self, hotkey: str) -> list[Probe]:
        """Only those that tell whether a window can be worked on with this hotkey, which is open."""
        servers = [probe for probe in self._of_servers() if probe.name in _OF_A_WINDOW]
        settings = self._patient.settings
        mine = [] if settings is None else [self._blocking("wallet", lambda: hotkey_checks(settings, hotkey))]
        return [*servers, *mine]

    def journal(self) -> Path | None:
        """Where the journal is, None when there is none or nobody can tell."""
        settings = self._patient.settings
        if settings is None or self._patient.lacks("JOURNAL_DIR"):
            return None
        return find_journal(settings.journal_dir, self.hotkey)

    def _of_files(self) -> list[Probe]:
        patient = self._patient
        return [
            self._blocking("software", software_checks),
            self._blocking("env-file", lambda: env_file_checks(patient.env_file, named=patient.named)),
            self._blocking("settings", lambda: settings_checks(patient.mistakes, len(Settings.model_fields))),
            self._blocking("variables", lambda: variable_checks(patient.sources.remarks)),
            self._probe(
                "wallet",
                ("WALLET_NAME", "WALLET_HOTKEY", "WALLET_PATH"),
                self._wallet,
                limit_s=_WALLET_S,
                late=_STUCK_DISK,
            ),
        ]

    def _lock(self, settings: Settings) -> list[Check]:
        journal = self.journal()
        return [lock_check(journal, find_process(journal, hotkey=self.hotkey, api_url=settings.miner_api_url))]

    def _of_journal(self) -> list[Probe]:
        return [
            self._disk_probe(
                "journal", lambda settings: place_checks(settings.journal_dir, self.hotkey, settings.miner_api_url)
            ),
            self._disk_probe("lock", self._lock),
            self._disk_probe(
                "records", lambda _settings: records_checks(self.journal(), budget_s=_IN_TIME * self._reading_s)
            ),
            self._disk_probe(
                "identity",
                lambda settings: identity_checks(self.journal(), settings, self.hotkey, SystemClock().now_ms()),
                "NETUID",
                "MINER_API_URL",
            ),
            self._disk_probe(
                "budgets",
                lambda settings: spending_checks(self.journal(), settings.policy(), SystemClock().now_ms()),
                *_BUDGETS,
            ),
            self._disk_probe("alarms", lambda _settings: alarm_checks(self.journal(), SystemClock().now_ms())),
            self._disk_probe("disk", lambda settings: [disk_check(settings.journal_dir, *room(settings.journal_dir))]),
            self._disk_probe("log", lambda settings: [log_check(settings.log_file)], "LOG_FILE"),
            self._disk_probe(
                "metrics",
                lambda settings: [metrics_check(settings.metrics_host, settings.metrics_port, self.journal())],
                "METRICS_PORT",
                "METRICS_HOST",
            ),
        ]

    def _of_servers(self) -> list[Probe]:
        return [
            self._probe("network", sorted(URLS), self._ways, limit_s=self._reading_s, late=_STUCK_DISK),
            self._server_probe("api", ("MINER_API_URL",), self._api),
            self._server_probe("x", ("X_API_BASE", "X_BEARER_TOKEN"), self._x),
            self._server_probe("llm", ("LLM_BASE", "API_KEY", "MODEL"), self._llm),
            self._probe("notify", ("NOTIFY_URL",), self._notify, limit_s=self._timeout_s + _GRACE_S + _IMPORT_S),
        ]

    def _of_llm(self) -> Probe:
        settings = self._patient.settings
        limit_s = (settings.llm_timeout_seconds if settings else 0.0) * _LLM_TRIES + _GRACE_S + _IMPORT_S
        return self._server_probe("llm-answer", _LLM, self._answer, limit_s=limit_s)

    def _probe(
        self,
        name: str,
        needs: Sequence[str],
        look: _Look,
        *,
        limit_s: float | None = None,
        late: str = _STUCK_SERVER,
        after: str = "",
    ) -> Probe:
        """A probe that is skipped where a setting that it needs is wrong."""

        async def run() -> Sequence[Check]:
            lacking = self._patient.lacks(*needs)
            if lacking or self._patient.settings is None:
                return [skipped(name, f"waits for {', '.join(lacking) or 'settings that can be loaded'}")]
            return await look(self._patient.settings)

        limit_s = self._timeout_s + _GRACE_S if limit_s is None else limit_s
        return Probe(name=name, limit_s=limit_s, look=run, late=late, after=after)

    def _server_probe(self, name: str, needs: Sequence[str], look: _Look, *, limit_s: float | None = None) -> Probe:
        """A probe of the server whose address is the first of the settings, if the environment has a way to it."""

        async def run(settings: Settings) -> Sequence[Check]:
            address = getattr(settings, needs[0].lower())
            faults = await in_daemon_thread(lambda: environment_faults([address]), name=f"doctor-{name}")
            if faults:
                return [skipped(name, f"waits for {', '.join(line.partition(':')[0] for line in faults)}")]
            return await look(settings)

        return self._probe(name, needs, run, limit_s=limit_s)

    def _blocking(self, name: str, look: Callable[[], Sequence[Check]]) -> Probe:
        """A probe that reads files, in a thread: one that hangs holds up nothing else."""
        return Probe(
            name=name,
            limit_s=self._reading_s,
            look=lambda: in_daemon_thread(look, name=f"doctor-{name}"),
            late=_STUCK_DISK,
        )

    def _disk_probe(self, name: str, look: Callable[[Settings], Sequence[Check]], *needs: str) -> Probe:
        """A probe of the journal, which is the hotkey's."""

        async def run(settings: Settings) -> Sequence[Check]:
            return await in_daemon_thread(lambda: look(settings), name=f"doctor-{name}")

        needed = ("JOURNAL_DIR", *needs)
        return self._probe(name, needed, run, limit_s=self._reading_s, late=_STUCK_DISK, after="wallet")

    async def _ways(self, settings: Settings) -> Sequence[Check]:
        urls = {name: getattr(settings, name.lower()) for name in URLS}
        return await in_daemon_thread(lambda: network_checks(urls), name="doctor-network")

    async def _wallet(self, settings: Settings) -> list[Check]:
        self.hotkey, checks = await in_daemon_thread(lambda: open_hotkey(settings), name="doctor-wallet")
        return checks

    async def _chain(self, settings: Settings) -> list[Check]:
        if self.hotkey is None:
            return [skipped("chain", "waits for the hotkey")]
        network, netuid = settings.subtensor_network, settings.netuid
        return await chain_checks(network, netuid=netuid, hotkey=self.hotkey, timeout_s=self._timeout_s)

    async def _api(self, settings: Settings) -> list[Check]:
        return await api_checks(settings, timeout_s=self._timeout_s, redact=self._patient.redact)

    async def _x(self, settings: Settings) -> list[Check]:
        token = settings.x_bearer_token.get_secret_value()
        return await x_checks(settings.x_api_base, token, timeout_s=self._timeout_s, redact=self._patient.redact)

    async def _llm(self, settings: Settings) -> list[Check]:
        return await llm_checks(
            settings.llm_base,
            settings.api_key.get_secret_value(),
            settings.model,
            timeout_s=self._timeout_s,
            redact=self._patient.redact,
            asked=self._asks_llm,
        )

    async def _notify(self, settings: Settings) -> list[Check]:
        return await in_daemon_thread(lambda: notify_checks(settings, sends=self._sends_test), name="doctor-notify")

    async def _search(self, settings: Settings) -> list[Check]:
        asked = x_search_checks(settings, timeout_s=self._timeout_s, redact=self._patient.redact)
        return await self._pay("x-search", asked)

    async def _answer(self, settings: Settings) -> list[Check]:
        return await self._pay("llm-answer", llm_answer_checks(settings, redact=self._patient.redact))

    async def _pay(self, name: str, asked: Awaitable[list[Check]]) -> list[Check]:
        self.paid[name] = "under way, and may be billed"
        checks = await asked
        self.paid[name] = checks[0].found
        return checks
