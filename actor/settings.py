"""What the operator may set: `.miner_env` and the environment, checked before anything is sent.

Flags win over the environment, the environment over the file. Every mistake is named with its variable, what was found
and the fix, one line each. Secrets are secrets: they are never printed.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode

from actor.analyzer_settings import AnalyzerSettings, CheckedAnalyzerSettings
from actor.edges.urls import checked_base
from actor.edges.x_wire import build_query
from actor.price_settings import PriceSettings
from events.catalogue import Policy
from events.prices import Prices, page_size, uusd

__all__ = [
    "LEGACY",
    "Settings",
    "SettingsError",
    "legacy_variables",
    "load_analyzer_settings",
    "load_prices",
    "load_settings",
]

S = TypeVar("S", bound=BaseSettings)

_SECRET: Final = frozenset({"X_BEARER_TOKEN", "API_KEY", "HOTKEY_PASSWORD"})
_URLS: Final = frozenset({"MINER_API_URL", "X_API_BASE", "LLM_BASE"})
# Named by earlier miners; they have no effect here (ruling 15).
LEGACY: Final = ("SCRAPE_INTERVAL_SECONDS", "POSTS_PER_SCRAPE", "POSTS_TO_SUBMIT")


class SettingsError(Exception):
    """The configuration is wrong; ``lines`` holds one line for each mistake."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


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


Url = Annotated[str, AfterValidator(_url)]
Token = Annotated[SecretStr, AfterValidator(_token)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Budget = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Keywords = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words), AfterValidator(_searchable)]


class _SpecifiedSettings(BaseSettings):
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
    """All settings, the specification's first. ``.miner_env.example`` explains each one."""

    model_config = PriceSettings.model_config

    wallet_name: str = "default"
    wallet_hotkey: str = "default"
    wallet_path: Path = Path("~/.bittensor/wallets")
    hotkey_password: SecretStr | None = None
    netuid: Annotated[int, Field(ge=0, le=65_535)] = 45
    journal_dir: Path = Path("journal")
    poll_interval_seconds: Seconds = 12.0
    search_keywords: Keywords = ("bittensor",)
    max_search_pages: Annotated[int, Field(ge=1, le=10)] = 1
    submit_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    submit_backoff_seconds: Seconds = 3.0
    on_analysis_error: Literal["default", "skip"] = "default"
    submit_irrelevant: bool = True
    analysis_votes: Annotated[int, Field(ge=1, le=9)] = 1
    llm_concurrency: Annotated[int, Field(ge=1, le=100)] = 5
    llm_timeout_seconds: Seconds = 60.0
    max_x_usd_per_day: Budget | None = None
    max_llm_usd_per_day: Budget | None = None
    allow_insecure_http: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("on_analysis_error", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("wallet_path", "journal_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError("names the home directory of a user that this machine does not know") from None

    @model_validator(mode="after")
    def _no_plain_http(self) -> Settings:
        """Signed headers and tokens do not cross a network in plain text (ruling 16)."""
        hosts = {name: urlsplit(getattr(self, name.lower())) for name in sorted(_URLS)}
        exposed = [
            f"{name}: plain http to {url.hostname} would show signed headers or tokens to the network: "
            "use https, or set ALLOW_INSECURE_HTTP=true if you know that path is private"
            for name, url in hosts.items()
            if url.scheme == "http" and not _is_loopback(url.hostname or "")
        ]
        if exposed and not self.allow_insecure_http:
            raise ValueError("\n".join(exposed))
        return self

    @model_validator(mode="after")
    def _budgets_can_work(self) -> Settings:
        """A budget that could never be kept, or never allow a window, is a mistake of the operator."""
        if self.max_llm_usd_per_day is not None and self.llm_usd_per_million_prompt_tokens is None:
            raise ValueError(
                "MAX_LLM_USD_PER_DAY: needs prices: set LLM_USD_PER_MILLION_PROMPT_TOKENS and "
                "LLM_USD_PER_MILLION_COMPLETION_TOKENS to what the LLM's server bills"
            )
        posts = self.max_search_pages * page_size(self.max_submissions_per_window)
        search_uusd = self.prices().x_uusd(posts, posts)
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
            poll_interval_s=self.poll_interval_seconds,
            max_search_pages=self.max_search_pages,
            prices=self.prices(),
            max_x_usd_per_day=self.max_x_usd_per_day,
            max_llm_usd_per_day=self.max_llm_usd_per_day,
        )

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for redaction only."""
        held = (self.x_bearer_token, self.api_key, self.hotkey_password)
        return tuple(secret.get_secret_value() for secret in held if secret is not None)


def load_settings(env_file: Path, *, required: bool = False, **flags: Any) -> Settings:
    """Read the file and the environment; ``flags`` that are not None win.

    Args:
        env_file: The file, by default ``.miner_env`` in the working directory.
        required: The operator named the file, so it must exist.
        flags: Values of settings from the command line.

    Raises:
        SettingsError: Something is missing or wrong.
    """
    return _load(Settings, env_file, required=required, flags=flags)


def load_prices(env_file: Path, *, required: bool = False) -> Prices:
    """The price table of the file and the environment; nothing else need be set.

    Raises:
        SettingsError: A price is wrong, or the file that ``required`` speaks of is not there.
    """
    return _load(PriceSettings, env_file, required=required, flags={}).prices()


def load_analyzer_settings(env_file: Path, *, required: bool = False, **flags: Any) -> AnalyzerSettings:
    """The strategy and the list of subnets of the file and the environment; nothing else need be set.

    Raises:
        SettingsError: A name is wrong, or the file that ``required`` speaks of is not there.
    """
    return _load(AnalyzerSettings, env_file, required=required, flags=flags)


def _load(kind: type[S], env_file: Path, *, required: bool, flags: Mapping[str, Any]) -> S:
    if required and (not env_file.exists() or env_file.is_dir()):
        raise SettingsError([f"--env-file: there is no file {env_file}: copy .miner_env.example and fill it in"])
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        sources: dict[str, Any] = {"_env_file": env_file, **given}
        return kind(**sources)
    except ValidationError as error:
        # Not chained: pydantic's own error holds the input, which may be a secret.
        lines = [line for problem in error.errors() for line in _line(problem, env_file).splitlines()]
        raise SettingsError(lines) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{env_file}: cannot be read: {error}"]) from error


def legacy_variables(env_file: Path) -> tuple[str, ...]:
    """Legacy variables that are set and have no effect (ruling 15)."""
    from dotenv import dotenv_values  # noqa: PLC0415  (only needed here, and start-up time matters)

    values: Mapping[str, object] = {**(dotenv_values(env_file) if env_file.is_file() else {}), **os.environ}
    return tuple(name for name in LEGACY if name in values)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _line(problem: Mapping[str, Any], env_file: Path) -> str:
    name = ".".join(str(part) for part in problem["loc"][:1]).upper()
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix(f"{name} ")
    if not name:
        return message
    if problem["type"] == "missing":
        missing = "" if env_file.exists() else f" (there is no {env_file} in {Path.cwd()})"
        return f"{name}: is not set: add {name}=… to {env_file}{missing} or to the environment"
    found = _found(name, str(problem["input"]))
    return f"{name}: {message[0].lower()}{message[1:]}{found}: correct it in {env_file} or in the environment"


def _found(name: str, value: str) -> str:
    """What stands there, unless it is a secret or may hold one: a URL with a user, password or query."""
    hidden = name in _SECRET or (name in _URLS and any(mark in value for mark in "@?#"))
    return "" if hidden else f", found {value[:60]!r}"
