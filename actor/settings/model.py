"""What the operator may set: `.miner_env` and the environment, checked before anything is sent.

Flags win over the environment, the environment over the file. Every mistake is named with its variable, what was found
and the fix, one line each. Secrets are secrets: they are never printed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

from msgspec import UNSET
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from actor.analyzer import Registry, RegistryError, StrategyName, load_registry
from actor.edges.messages import address_secrets
from actor.edges.text import checked_base, is_loopback_host
from actor.edges.x_wire import build_query
from actor.settings.sources import SECRET, SettingsError, Sources, gather
from events.catalogue import AT_RUN_TIME, MOST_CACHE_HOURS, Policy
from events.prices import Prices, Worth, page_size, uusd

__all__ = [
    "KNOWN",
    "URLS",
    "AnalyzerSettings",
    "ChainSettings",
    "CheckedAnalyzerSettings",
    "JournalPlace",
    "NetworkSettings",
    "PriceSettings",
    "Settings",
    "SettingsError",
    "check_settings",
    "is_hidden",
    "load_part",
    "load_settings",
    "read_setting",
    "read_sources",
]

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceSettings(BaseModel):
    """The price table, in US dollars. docs/operators/costs.md says where the defaults are from."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    x_usd_per_post: Annotated[Price, AT_RUN_TIME] = 0.005
    x_usd_per_user: Annotated[Price, AT_RUN_TIME] = 0.010
    llm_usd_per_million_prompt_tokens: Annotated[Price | None, AT_RUN_TIME] = None
    llm_usd_per_million_completion_tokens: Annotated[Price | None, AT_RUN_TIME] = None
    tao_usd: Annotated[Price | None, AT_RUN_TIME] = None
    alpha_usd: Annotated[Price | None, AT_RUN_TIME] = None

    @model_validator(mode="after")
    def _both_token_prices(self) -> Self:
        names = ("LLM_USD_PER_MILLION_PROMPT_TOKENS", "LLM_USD_PER_MILLION_COMPLETION_TOKENS")
        missing = [name for name in names if getattr(self, name.lower()) is None]
        if len(missing) == 1:
            raise ValueError(f"{missing[0]}: is not set, but the other price of tokens is: set both or none")
        return self

    def worth(self) -> Worth:
        """What the tokens are worth that the hotkey earns."""
        return Worth(tao_usd=self.tao_usd, alpha_usd=self.alpha_usd)

    def prices(self) -> Prices:
        return Prices(
            x_usd_per_post=self.x_usd_per_post,
            x_usd_per_user=self.x_usd_per_user,
            llm_usd_per_million_prompt_tokens=self.llm_usd_per_million_prompt_tokens,
            llm_usd_per_million_completion_tokens=self.llm_usd_per_million_completion_tokens,
        )


_DEFAULT_FILE: Final = Path("subnets.json")


class AnalyzerSettings(BaseModel):
    """The strategy, and the file that replaces the built-in list of subnets where there is one."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    analyzer: StrategyName = "hybrid"
    subnets_file: Path = _DEFAULT_FILE

    @field_validator("analyzer", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("subnets_file")
    @classmethod
    def _at_home(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError("names the home directory of an unknown user") from None

    def registry(self) -> Registry:
        """The subnets: those of SUBNETS_FILE, or the built-in ones while the default file is not there.

        Raises:
            RegistryError: The file is wrong, or was named and is not there.
        """
        if self.uses_built_in():
            return load_registry()
        return load_registry(self.subnets_file)

    def uses_built_in(self) -> bool:
        """Whether nobody named another list or made one."""
        return self.subnets_file == _DEFAULT_FILE and not self.subnets_file.exists()


class CheckedAnalyzerSettings(AnalyzerSettings):
    """The same for those who are about to pay for posts: a list that cannot be used is a mistake in the settings."""

    @model_validator(mode="after")
    def _registry_is_whole(self) -> Self:
        try:
            self.registry()
        except RegistryError as error:
            is_there = os.path.lexists(self.subnets_file)
            mend = "correct or remove it" if is_there else "`user-miner subnets refresh` makes it"
            raise ValueError(f"SUBNETS_FILE: {error}: {mend}") from None
        return self


S = TypeVar("S", bound=BaseModel)

URLS: Final = frozenset({"MINER_API_URL", "X_API_BASE", "LLM_BASE"})


def _url(value: str, info: ValidationInfo) -> str:
    return checked_base(value, setting=str(info.field_name).upper())


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _searchable(keywords: tuple[str, ...]) -> tuple[str, ...]:
    build_query(keywords)  # raises ValueError for what X would refuse
    return keywords


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if not text:
        raise ValueError("is empty")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("holds characters that no token has (a space, a quote or a line break from copying?)")
    return SecretStr(text)


def _address(value: SecretStr) -> SecretStr:
    if "://" not in value.get_secret_value():
        raise ValueError("is no address: expected SCHEME://…, such as ntfys://HOST/TOPIC")
    return value


def _database(value: SecretStr) -> SecretStr:
    """Read once, so that a mistake is one of the settings; nobody else loads a driver."""
    from actor.settings.extras import install_hint  # noqa: PLC0415  (as the driver)
    from events.journal.postgres.address import Address  # noqa: PLC0415  (as the driver)
    from events.journal.store import JournalError  # noqa: PLC0415  (as the driver)

    try:
        address = Address.parse(value.get_secret_value())
    except JournalError as error:
        raise ValueError(str(error)) from None
    except ImportError:
        raise ValueError(f"needs the package psycopg, which is not installed: {install_hint('postgres')}") from None
    if address.journal is not None:
        raise ValueError("names one journal behind #, but the hotkey does that: leave it out")
    return value


def _at_home(path: Path) -> Path:
    try:
        found = path.expanduser()
    except RuntimeError:
        raise ValueError("names the home directory of an unknown user") from None
    try:
        os.lstat(found)
    except OSError as error:  # whatever else is wrong with it is said where it is used
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError("is longer than a path or file name may be") from None
    return found


Url = Annotated[str, AfterValidator(_url)]
Token = Annotated[SecretStr, AfterValidator(_token)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Budget = Annotated[float, Field(gt=0, allow_inf_nan=False)]
DatabaseUrl = Annotated[Token, AfterValidator(_database)]
Keywords = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_searchable)]


class _SpecifiedSettings(BaseModel):
    """Those of the specification, with its names and defaults."""

    blocks_per_window: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    max_submissions_per_window: Annotated[int, Field(ge=1, le=100)] = 5
    x_bearer_token: Token
    x_api_base: Url = "https://api.twitter.com/2"
    miner_api_url: Url = "http://127.0.0.1:8001"
    batch_http_timeout: Seconds = 30.0
    model: Annotated[str, Field(min_length=1)] = "deepseek-ai/DeepSeek-V3-0324"
    api_key: Token
    llm_base: Url = "https://llm.chutes.ai/v1"


class Settings(CheckedAnalyzerSettings, PriceSettings, _SpecifiedSettings):
    """All settings, the specification's first. ``.miner_env.example`` explains each one.

    AT_RUN_TIME marks those that a running miner takes over when it reads its settings again.
    """

    model_config = PriceSettings.model_config

    wallet_name: str = "default"
    wallet_hotkey: str = "default"
    wallet_path: Path = Path("~/.bittensor/wallets")
    hotkey_password: SecretStr | None = None
    netuid: Annotated[int, Field(ge=0, le=65_535)] = 45
    journal_dir: Path = Path("journal")
    journal_url: DatabaseUrl | None = None
    block_seconds: Seconds = 12.0
    poll_interval_seconds: Annotated[Seconds, AT_RUN_TIME] = 12.0
    search_keywords: Annotated[Keywords, AT_RUN_TIME] = ("bittensor",)
    sampling: Annotated[Literal["random", "top"], AT_RUN_TIME] = "random"
    max_search_pages: Annotated[int, Field(ge=1, le=10), AT_RUN_TIME] = 1
    posts_per_search: Annotated[int | None, Field(ge=1, le=100), AT_RUN_TIME] = None
    search_since_newest: Annotated[bool, AT_RUN_TIME] = False
    author_cache_hours: Annotated[int, Field(ge=0, le=MOST_CACHE_HOURS), AT_RUN_TIME] = 0
    submit_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    submit_backoff_seconds: Seconds = 3.0
    on_analysis_error: Annotated[Literal["default", "skip", "hold"], AT_RUN_TIME] = "default"
    submit_irrelevant: Annotated[bool, AT_RUN_TIME] = True
    analysis_votes: Annotated[int, Field(ge=1, le=9)] = 1
    llm_concurrency: Annotated[int, Field(ge=1, le=100), AT_RUN_TIME] = 5
    llm_timeout_seconds: Seconds = 60.0
    max_x_usd_per_day: Annotated[Budget | None, AT_RUN_TIME] = None
    max_llm_usd_per_day: Annotated[Budget | None, AT_RUN_TIME] = None
    chain_poll_minutes: Annotated[float | None, Field(ge=1, le=10_080, allow_inf_nan=False), AT_RUN_TIME] = None
    subtensor_network: Annotated[str, Field(min_length=1)] = "finney"
    allow_insecure_http: bool = False
    log_level: Annotated[Literal["debug", "info", "warning", "error"], AT_RUN_TIME] = "info"
    log_file: Path | None = None
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    metrics_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    notify_url: Annotated[Token, AfterValidator(_address)] | None = None

    @field_validator("on_analysis_error", "log_level", "sampling", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("wallet_path", "journal_dir", "log_file")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return None if value is None else _at_home(value)

    @model_validator(mode="after")
    def _no_plain_http(self) -> Settings:
        """Signed headers and tokens do not cross a network in plain text (ruling 16)."""
        hosts = {name: urlsplit(getattr(self, name.lower())) for name in sorted(URLS)}
        exposed = [
            f"{name}: plain http to {url.hostname} would show signed headers or tokens to the network: "
            "use https, or set ALLOW_INSECURE_HTTP=true if you know that path is private"
            for name, url in hosts.items()
            if url.scheme == "http" and not is_loopback_host(url.hostname or "")
        ]
        if exposed and not self.allow_insecure_http:
            raise ValueError("\n".join(exposed))
        return self

    @model_validator(mode="after")
    def _searches_fill_a_window(self) -> Settings:
        if self.posts_per_search is not None and self.posts_per_search < self.max_submissions_per_window:
            raise ValueError(
                f"POSTS_PER_SEARCH: {self.posts_per_search} is fewer than MAX_SUBMISSIONS_PER_WINDOW, "
                f"{self.max_submissions_per_window}, and a search takes as many as the window has room for: "
                "raise it, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _budgets_can_work(self) -> Settings:
        """A budget that could never be kept, or never allow a window, is a mistake of the operator."""
        if self.max_llm_usd_per_day is not None and self.llm_usd_per_million_prompt_tokens is None:
            raise ValueError(
                "MAX_LLM_USD_PER_DAY: needs prices: set LLM_USD_PER_MILLION_PROMPT_TOKENS and "
                "LLM_USD_PER_MILLION_COMPLETION_TOKENS to what the LLM's server bills"
            )
        largest = max(self.max_submissions_per_window, self.posts_per_search or 0)
        posts = self.max_search_pages * page_size(largest)
        users = min(posts, largest) if self.author_cache_hours else posts
        search_uusd = self.prices().x_uusd(posts, users)
        if self.max_x_usd_per_day is not None and uusd(self.max_x_usd_per_day) < search_uusd:
            raise ValueError(
                f"MAX_X_USD_PER_DAY: {self.max_x_usd_per_day:g} does not pay for one search, which may cost "
                f"${search_uusd / 1e6:g}: no window would ever be searched; raise it"
            )
        return self

    def policy(self) -> Policy:
        """The part that decides what the machine does."""
        return Policy(
            blocks_per_window=self.blocks_per_window,
            max_submissions_per_window=self.max_submissions_per_window,
            submit_attempts=self.submit_attempts,
            submit_backoff_s=self.submit_backoff_seconds,
            on_analysis_error=self.on_analysis_error,
            submit_irrelevant=self.submit_irrelevant,
            block_s=self.block_seconds,
            poll_interval_s=self.poll_interval_seconds,
            search_keywords=self.search_keywords,
            sampling=self.sampling,
            max_search_pages=self.max_search_pages,
            posts_per_search=self.posts_per_search,
            search_since_newest=self.search_since_newest,
            author_cache_hours=self.author_cache_hours,
            prices=self.prices(),
            max_x_usd_per_day=self.max_x_usd_per_day,
            max_llm_usd_per_day=self.max_llm_usd_per_day,
            chain_poll_s=UNSET if self.chain_poll_minutes is None else self.chain_poll_minutes * 60,
        )

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for redaction only."""
        held = (self.x_bearer_token, self.api_key, self.hotkey_password)
        address = () if self.notify_url is None else address_secrets(self.notify_url.get_secret_value())
        node = self.subtensor_network
        keys = address_secrets(node) - {node} if "://" in node else ()
        plain = (secret.get_secret_value() for secret in held if secret is not None)
        return (*plain, *address, *keys, *_database_secrets(self.journal_url))


def _database_secrets(url: SecretStr | None) -> tuple[str, ...]:
    if url is None:
        return ()
    from events.journal.postgres.address import Address  # noqa: PLC0415  (nobody else loads a driver)

    found = Address.parse(url.get_secret_value())
    return (*found.secrets, *filter(None, [os.environ.get("PGPASSWORD")]))


class JournalPlace(BaseModel):
    """The settings that a reader needs to find a journal."""

    model_config = Settings.model_config

    journal_dir: Annotated[Path, AfterValidator(_at_home)] = Settings.model_fields["journal_dir"].default
    journal_url: DatabaseUrl | None = None
    wallet_name: str = Settings.model_fields["wallet_name"].default
    wallet_hotkey: str = Settings.model_fields["wallet_hotkey"].default
    wallet_path: Path = Settings.model_fields["wallet_path"].default


class NetworkSettings(BaseModel):
    """Which network of the chain is asked."""

    model_config = Settings.model_config

    subtensor_network: Annotated[str, Field(min_length=1)] = Settings.model_fields["subtensor_network"].default


class ChainSettings(JournalPlace, NetworkSettings, PriceSettings):
    """The settings that tell which hotkey the chain is asked about, where, and what it is worth that this one earns."""

    model_config = Settings.model_config

    netuid: Annotated[int, Field(ge=0, le=65_535)] = Settings.model_fields["netuid"].default


KNOWN: Final = frozenset(name.upper() for name in Settings.model_fields)


def read_sources(env_file: Path, *, required: bool = False, **flags: Any) -> Sources:
    """What the file, the environment and the ``flags`` that are not None give, not checked yet.

    Args:
        env_file: The file, by default ``.miner_env`` in the working directory.
        required: The operator named the file, so it must exist.
        flags: Values of settings from the command line.

    Raises:
        SettingsError: The file cannot be read, or is not there.
    """
    return gather(env_file, KNOWN, required=required, flags=flags)


def check_settings(sources: Sources) -> Settings:
    """The settings that the sources make.

    Raises:
        SettingsError: Something is missing or wrong.
    """
    return _check(Settings, sources)


def load_settings(env_file: Path, *, required: bool = False, **flags: Any) -> Settings:
    """Both at once.

    Raises:
        SettingsError: As both.
    """
    return check_settings(read_sources(env_file, required=required, **flags))


def read_setting(name: str, text: str) -> Any:
    """What one setting would be, by its own type.

    Raises:
        SettingsError: The text is no such value.
    """
    field = Settings.model_fields[name.lower()]
    kind: Any = Annotated[field.annotation, *field.metadata]
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        message = str(error.errors()[0]["msg"])
        raise SettingsError([f"{name}: {message[0].lower()}{message[1:]}{_found(name, text)}: correct it"]) from None


def load_part(kind: type[S], env_file: Path, *, required: bool = False, **flags: Any) -> S:
    """Those settings that ``kind`` has, by the file and the environment; nothing else need be set, or be right.

    Raises:
        SettingsError: One is wrong, or the file that ``required`` speaks of is not there.
    """
    return _check(kind, read_sources(env_file, required=required, **flags))


def _check(kind: type[S], sources: Sources) -> S:
    given = {name.lower(): value.value for name, value in sources.values.items()}
    try:
        return kind.model_validate({name: value for name, value in given.items() if name in kind.model_fields})
    except ValidationError as error:
        # Not chained: pydantic's own error holds the input, which may be a secret.
        lines = [line for problem in error.errors() for line in sources.redact(_line(problem, sources)).splitlines()]
        raise SettingsError(lines, sources.remarks) from None


def _line(problem: Mapping[str, Any], sources: Sources) -> str:
    name = ".".join(str(part) for part in problem["loc"][:1]).upper()
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix(f"{name} ")
    if not name:
        return message
    if problem["type"] == "missing":
        file = sources.env_file
        missing = "" if file.exists() else f" (there is no {file} in {Path.cwd()})"
        return f"{name}: is not set: add {name}=… to {file}{missing} or to the environment"
    found = _found(name, sources.redact(str(problem["input"])))
    return f"{name}: {message[0].lower()}{message[1:]}{found}: correct it {sources.place(name)}"


def _found(name: str, value: str) -> str:
    """What stands there, unless it is a secret or may hold one."""
    hidden = is_hidden(name, value)
    return "" if hidden else f", found {value[:60]!r}"


def is_hidden(name: str, value: str) -> bool:
    """Whether the setting's value is a secret, or an address that may hold one: nodes have keys in paths, too."""
    if name == "SUBTENSOR_NETWORK":
        return "://" in value
    return name in SECRET or (name in URLS and any(mark in value for mark in "@?#"))
