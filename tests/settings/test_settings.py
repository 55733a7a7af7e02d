"""Settings: where they come from, what they default to, and one clear line for each mistake."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from actor.my_miner import warn_of_remarks
from actor.settings.model import PriceSettings, Settings, SettingsError, load_part, load_settings, read_sources
from actor.settings.sources import LEGACY
from events.prices import Prices

ROOT: Final = Path(__file__).parents[2]
FIELDS: Final = tuple(name.upper() for name in Settings.model_fields)
SECRETS: Final = {"X_BEARER_TOKEN": "tok-8f2d", "API_KEY": "key-77aa"}
# The table of the specification, word for word.
SPECIFIED: Final[dict[str, Any]] = {
    "BLOCKS_PER_WINDOW": 100,
    "MAX_SUBMISSIONS_PER_WINDOW": 5,
    "X_BEARER_TOKEN": None,
    "X_API_BASE": "https://api.twitter.com/2",
    "MINER_API_URL": "http://127.0.0.1:8001",
    "BATCH_HTTP_TIMEOUT": 30.0,
    "MODEL": "deepseek-ai/DeepSeek-V3-0324",
    "API_KEY": None,
    "LLM_BASE": "https://llm.chutes.ai/v1",
}
OURS: Final[dict[str, Any]] = {
    "X_USD_PER_POST": 0.005,
    "X_USD_PER_USER": 0.010,
    "LLM_USD_PER_MILLION_PROMPT_TOKENS": None,
    "LLM_USD_PER_MILLION_COMPLETION_TOKENS": None,
    "TAO_USD": None,
    "ALPHA_USD": None,
    "ANALYZER": "hybrid",
    "SUBNETS_FILE": Path("subnets.json"),
    "WALLET_NAME": "default",
    "WALLET_HOTKEY": "default",
    "WALLET_PATH": Path("~/.bittensor/wallets").expanduser(),
    "HOTKEY_PASSWORD": None,
    "NETUID": 45,
    "JOURNAL_DIR": Path("journal"),
    "JOURNAL_URL": None,
    "BLOCK_SECONDS": 12.0,
    "POLL_INTERVAL_SECONDS": 12.0,
    "SEARCH_KEYWORDS": ("bittensor",),
    "SAMPLING": "random",
    "MAX_SEARCH_PAGES": 1,
    "POSTS_PER_SEARCH": None,
    "SEARCH_SINCE_NEWEST": False,
    "AUTHOR_CACHE_HOURS": 0,
    "SUBMIT_ATTEMPTS": 3,
    "SUBMIT_BACKOFF_SECONDS": 3.0,
    "ON_ANALYSIS_ERROR": "default",
    "SUBMIT_IRRELEVANT": True,
    "ANALYSIS_VOTES": 1,
    "LLM_CONCURRENCY": 5,
    "LLM_TIMEOUT_SECONDS": 60.0,
    "MAX_X_USD_PER_DAY": None,
    "MAX_LLM_USD_PER_DAY": None,
    "CHAIN_POLL_MINUTES": None,
    "SUBTENSOR_NETWORK": "finney",
    "ALLOW_INSECURE_HTTP": False,
    "LOG_LEVEL": "info",
    "LOG_FILE": None,
    "METRICS_PORT": None,
    "METRICS_HOST": "127.0.0.1",
    "NOTIFY_URL": None,
}

Load = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from the machine that runs the tests."""
    for name in os.environ:
        if name.upper() in {*FIELDS, *LEGACY}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def env_file(tmp_path: Path, content: str | bytes) -> Path:
    """A settings file with exactly these bytes."""
    path = tmp_path / ".miner_env"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def filled(tmp_path: Path, **values: str) -> Path:
    """A settings file with the required secrets and these values."""
    lines = [f"{name}={value}" for name, value in {**SECRETS, **values}.items()]
    return env_file(tmp_path, "\n".join(lines))


def refused(path: Path, **flags: Any) -> list[str]:
    """The lines of the refusal."""
    with pytest.raises(SettingsError) as caught:
        load_settings(path, **flags)
    assert str(caught.value) == "\n".join([*caught.value.lines, *caught.value.remarks])
    return caught.value.lines


def shown(settings: Settings) -> dict[str, Any]:
    """Every setting by its name, secrets left out."""
    return {name: getattr(settings, name.lower()) for name in FIELDS if name not in SECRETS}


def test_every_setting_has_the_specified_default(tmp_path: Path) -> None:
    """The specification's table and ours, neither more nor less."""
    assert set(FIELDS) == {*SPECIFIED, *OURS}
    assert shown(load_settings(filled(tmp_path))) == {
        name: value for name, value in {**SPECIFIED, **OURS}.items() if name not in SECRETS
    }


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source is asked in turn, for each setting on its own."""
    path = filled(tmp_path, NETUID="1", WALLET_NAME="of-file", MODEL="of-file")
    monkeypatch.setenv("NETUID", "2")
    monkeypatch.setenv("WALLET_NAME", "of-env")
    settings = load_settings(path, netuid=3, wallet_name=None)
    assert (settings.netuid, settings.wallet_name, settings.model) == (3, "of-env", "of-file")
    assert load_settings(path).netuid == 2


def test_an_empty_value_means_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NAME= in the file or the environment is no value; for a required secret it is a missing one."""
    monkeypatch.setenv("NETUID", "")
    assert load_settings(filled(tmp_path, NETUID="7", MODEL="", HOTKEY_PASSWORD="")).netuid == 7
    assert load_settings(filled(tmp_path, HOTKEY_PASSWORD="")).hotkey_password is None
    (line,) = refused(filled(tmp_path, API_KEY=""))
    assert line.startswith("API_KEY: is not set: add API_KEY=")


def test_missing_secrets_are_named_with_the_file_to_put_them_in(tmp_path: Path) -> None:
    """One line for each, whether the file exists or not."""
    path = tmp_path / ".miner_env"
    lines = refused(path)
    assert [line.partition(":")[0] for line in lines] == ["X_BEARER_TOKEN", "API_KEY"]
    assert all(str(path) in line for line in lines)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLOCKS_PER_WINDOW", "0"),
        ("BLOCKS_PER_WINDOW", "hundred"),
        ("MAX_SUBMISSIONS_PER_WINDOW", "-1"),
        ("MAX_SUBMISSIONS_PER_WINDOW", "5.5"),
        ("X_API_BASE", "api.twitter.com"),
        ("MINER_API_URL", "ftp://host"),
        ("MINER_API_URL", "http://[::1"),
        ("MINER_API_URL", "https://host:99999"),
        ("MINER_API_URL", "https://ex ample.com"),
        ("MINER_API_URL", "https://exämple.com"),
        ("LLM_BASE", "https://"),
        ("BATCH_HTTP_TIMEOUT", "0"),
        ("BATCH_HTTP_TIMEOUT", "nan"),
        ("POLL_INTERVAL_SECONDS", "inf"),
        ("SUBMIT_BACKOFF_SECONDS", "3 s"),
        ("NETUID", "65536"),
        ("SEARCH_KEYWORDS", ","),
        ("SEARCH_KEYWORDS", 'tao,say "hi"'),
        ("SEARCH_KEYWORDS", "x" * 600),
        ("MAX_SEARCH_PAGES", "11"),
        ("AUTHOR_CACHE_HOURS", "169"),
        ("AUTHOR_CACHE_HOURS", "-1"),
        ("POSTS_PER_SEARCH", "101"),
        ("SEARCH_SINCE_NEWEST", "maybe"),
        ("SUBMIT_ATTEMPTS", "0"),
        ("ON_ANALYSIS_ERROR", "explode"),
        ("SUBMIT_IRRELEVANT", "maybe"),
        ("LLM_CONCURRENCY", "1e3"),
        ("ALLOW_INSECURE_HTTP", "2"),
        ("LOG_LEVEL", "verbose"),
        ("X_USD_PER_POST", "-0.1"),
        ("X_USD_PER_USER", "inf"),
        ("X_USD_PER_USER", "$0.01"),
        ("MAX_X_USD_PER_DAY", "0"),
        ("MAX_LLM_USD_PER_DAY", "nan"),
        ("WALLET_PATH", "~no-such-user-here/wallets"),
        ("JOURNAL_DIR", "~no-such-user-here/journal"),
    ],
)
def test_a_wrong_value_is_one_line_with_variable_finding_and_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The line starts with the variable, quotes what was found and says where to correct it."""
    monkeypatch.setenv(name, value)
    (line,) = refused(filled(tmp_path))
    assert line.startswith(f"{name}: ")
    assert repr(value[:40])[1:-1] in line
    assert line.endswith(": correct it in the environment")
    assert "\n" not in line


TOKEN_PRICES: Final = {"LLM_USD_PER_MILLION_PROMPT_TOKENS": "0.27", "LLM_USD_PER_MILLION_COMPLETION_TOKENS": "1.1"}


@pytest.mark.parametrize("name", TOKEN_PRICES)
def test_tokens_have_both_prices_or_none(tmp_path: Path, name: str) -> None:
    """Half a price would be a wrong sum; the one that is missing is named."""
    (line,) = refused(filled(tmp_path, **{name: "0.27"}))
    (missing,) = TOKEN_PRICES.keys() - {name}
    assert line == f"{missing}: is not set, but the other price of tokens is: set both or none"


def test_a_budget_for_the_llm_needs_its_prices(tmp_path: Path) -> None:
    """Without them it could not be kept."""
    (line,) = refused(filled(tmp_path, MAX_LLM_USD_PER_DAY="1"))
    assert line.startswith("MAX_LLM_USD_PER_DAY: needs prices: set LLM_USD_PER_MILLION_PROMPT_TOKENS and ")
    policy = load_settings(filled(tmp_path, MAX_LLM_USD_PER_DAY="1", **TOKEN_PRICES)).policy()
    assert (policy.max_llm_usd_per_day, policy.prices.llm_uusd(1_000_000, 100_000)) == (1.0, 380_000)


def test_a_budget_for_x_pays_for_one_search_at_least(tmp_path: Path) -> None:
    """Otherwise no window would ever be searched; pages, posts and prices make the figure."""
    (line,) = refused(filled(tmp_path, MAX_X_USD_PER_DAY="0.149"))
    assert line.startswith("MAX_X_USD_PER_DAY: 0.149 does not pay for one search, which may cost $0.15: ")
    assert load_settings(filled(tmp_path, MAX_X_USD_PER_DAY="0.15")).policy().max_x_usd_per_day == 0.15
    (line,) = refused(filled(tmp_path, MAX_X_USD_PER_DAY="0.15", MAX_SEARCH_PAGES="2"))
    assert "which may cost $0.3: " in line
    (line,) = refused(filled(tmp_path, MAX_X_USD_PER_DAY="0.15", MAX_SUBMISSIONS_PER_WINDOW="20"))
    assert "which may cost $0.3: " in line
    load_settings(filled(tmp_path, MAX_X_USD_PER_DAY="0.01", X_USD_PER_POST="0", X_USD_PER_USER="0.001"))


def test_prices_are_read_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of journals need no token; a wrong price and a missing file are told as anywhere else."""
    path = env_file(tmp_path, "X_USD_PER_POST=0.006\nNETUID=nonsense\n")
    monkeypatch.setenv("X_USD_PER_USER", "0.02")
    assert load_part(PriceSettings, path).prices() == Prices(x_usd_per_post=0.006, x_usd_per_user=0.02)
    assert load_part(PriceSettings, tmp_path / "none").prices() == Prices(x_usd_per_user=0.02)
    monkeypatch.setenv("X_USD_PER_USER", "much")
    with pytest.raises(SettingsError, match=r"X_USD_PER_USER: .*'much': correct it in"):
        load_part(PriceSettings, path)
    with pytest.raises(SettingsError, match="there is no file"):
        load_part(PriceSettings, tmp_path / "none", required=True)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Whoever corrects a file does it once."""
    lines = refused(filled(tmp_path, NETUID="x", LOG_LEVEL="y", API_KEY=""))
    assert sorted(line.partition(":")[0] for line in lines) == ["API_KEY", "LOG_LEVEL", "NETUID"]


def test_words_are_read_as_people_write_them(tmp_path: Path) -> None:
    """Choices and switches in any case, keywords with spaces around them, seconds as fractions, no slash at the end."""
    settings = load_settings(
        filled(
            tmp_path,
            LOG_LEVEL="DEBUG",
            ON_ANALYSIS_ERROR="Skip",
            SUBMIT_IRRELEVANT="FALSE",
            SEARCH_KEYWORDS=" tao , bittensor subnet ,,",
            POLL_INTERVAL_SECONDS="0.5",
            MINER_API_URL="https://api.example/prefix/",
        )
    )
    assert (settings.log_level, settings.on_analysis_error, settings.submit_irrelevant) == ("debug", "skip", False)
    assert settings.search_keywords == ("tao", "bittensor subnet")
    assert settings.poll_interval_seconds == 0.5
    assert settings.miner_api_url == "https://api.example/prefix"


def test_a_home_directory_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """~ in paths, from the file too, where no shell expands it."""
    monkeypatch.setenv("HOME", "/home/miner")
    settings = load_settings(filled(tmp_path, WALLET_PATH="~/w", JOURNAL_DIR="~/j"))
    assert (settings.wallet_path, settings.journal_dir) == (Path("/home/miner/w"), Path("/home/miner/j"))


@pytest.mark.parametrize("name", [*SECRETS, "HOTKEY_PASSWORD"])
def test_a_secret_is_never_shown(tmp_path: Path, name: str) -> None:
    """Not by repr, str, the dump, nor by an error about it or its neighbours."""
    secret = "planted-3b9c-secret"  # noqa: S105
    settings = load_settings(filled(tmp_path, **{name: secret}))
    assert secret in settings.secrets()
    assert secret not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    lines = refused(filled(tmp_path, **{name: secret, "NETUID": "x"}))
    assert secret not in "\n".join(lines)


@pytest.mark.parametrize("value", ["planted 3b9c", "planted-3b9c\N{RIGHT DOUBLE QUOTATION MARK}", "\x07planted-3b9c"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_wrong_secret_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What is wrong with a token is said without saying the token."""
    monkeypatch.setenv(name, value)
    (line,) = refused(filled(tmp_path))
    assert line.startswith(f"{name}: holds characters that no token has")
    assert "planted" not in line


@pytest.mark.parametrize("name", ["MINER_API_URL", "X_API_BASE", "LLM_BASE"])
@pytest.mark.parametrize("url", ["https://me:planted@host", "https://planted@host", "https://host/?key=planted"])
def test_a_url_with_credentials_is_refused_without_quoting_it(tmp_path: Path, name: str, url: str) -> None:
    """A user, password or query in a URL would end up in logs and in the journal."""
    (line,) = refused(filled(tmp_path, **{name: url}))
    assert line.startswith(f"{name}: ")
    assert "planted" not in line


@pytest.mark.parametrize("name", ["MINER_API_URL", "X_API_BASE", "LLM_BASE"])
@pytest.mark.parametrize(
    "url",
    ["http://api.example", "HTTP://api.example:8001", "http://10.0.0.5", "http://0.0.0.0", "http://[2001:db8::1]"],
)
def test_r16_plain_http_to_another_machine_is_refused(tmp_path: Path, name: str, url: str) -> None:
    """R16: unless ALLOW_INSECURE_HTTP says that the path is private; https needs no leave."""
    (line,) = refused(filled(tmp_path, **{name: url}))
    assert line.startswith(f"{name}: plain http to ")
    assert "ALLOW_INSECURE_HTTP=true" in line
    load_settings(filled(tmp_path, **{name: url, "ALLOW_INSECURE_HTTP": "true"}))
    load_settings(filled(tmp_path, **{name: "https" + url[4:]}))


def test_r16_every_exposed_url_gets_its_line(tmp_path: Path) -> None:
    """R16: three mistakes, three lines."""
    urls = dict.fromkeys(("MINER_API_URL", "X_API_BASE", "LLM_BASE"), "http://api.example")
    lines = refused(filled(tmp_path, **urls))
    assert [line.partition(":")[0] for line in lines] == sorted(urls)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1:8001", "localhost:8001", "LOCALHOST", "[::1]:8001"])
def test_r16_plain_http_to_this_machine_is_fine(tmp_path: Path, host: str) -> None:
    """R16: loopback under any of its names."""
    load_settings(filled(tmp_path, MINER_API_URL=f"http://{host}", X_API_BASE=f"http://{host}/2"))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfX_BEARER_TOKEN=tok-8f2d\nAPI_KEY=key-77aa\n",
        b"X_BEARER_TOKEN=tok-8f2d\r\nAPI_KEY=key-77aa\r\n",
        b"X_BEARER_TOKEN=\"tok-8f2d\"\nAPI_KEY='key-77aa'\n",
        b"export X_BEARER_TOKEN=tok-8f2d\nexport API_KEY=key-77aa",
        b"# comment\n\n X_BEARER_TOKEN = tok-8f2d   # mine\nAPI_KEY=key-77aa  \n",
        b"API_KEY=older\nX_BEARER_TOKEN=tok-8f2d\nAPI_KEY=key-77aa\n",
    ],
    ids=["byte order mark", "CRLF", "quotes", "export", "comments and spaces", "the last one counts"],
)
def test_a_file_is_read_as_editors_and_shells_write_it(tmp_path: Path, content: bytes) -> None:
    """What works when sourced by a shell works here."""
    settings = load_settings(env_file(tmp_path, content))
    assert settings.secrets() == ("tok-8f2d", "key-77aa")


@pytest.mark.parametrize("content", [b"API_KEY=\xff\xfe", "API_KEY=key-77aa".encode("utf-16")])
def test_a_file_that_is_not_utf8_is_one_line(tmp_path: Path, content: bytes) -> None:
    """The file is named, its bytes are not shown."""
    (line,) = refused(path := env_file(tmp_path, content))
    assert line.startswith(f"{path}: cannot be read: ")
    assert "key-77aa" not in line


def test_a_line_that_cannot_be_parsed_is_pointed_out(tmp_path: Path) -> None:
    """By its number, and the variable that is missing for it by its name."""
    path = env_file(tmp_path, 'X_BEARER_TOKEN=tok-8f2d\nAPI_KEY="unclosed\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert [line.partition(":")[0] for line in caught.value.lines] == ["API_KEY"]
    (remark,) = caught.value.remarks
    assert remark.startswith(f"{path}:2: this line cannot be read")


def test_a_named_file_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default file may be missing when the environment holds everything; one that was asked for may not."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    load_settings(tmp_path / "missing")
    (line,) = refused(tmp_path / "missing", required=True)
    assert line.startswith(f"--env-file: there is no file {tmp_path / 'missing'}: ")
    (line,) = refused(tmp_path, required=True)
    assert line == f"--env-file: {tmp_path} is a folder: name the settings file in it"


def test_unknown_variables_are_left_alone(tmp_path: Path) -> None:
    """Other programs keep their settings in the same file."""
    load_settings(filled(tmp_path, SOMETHING_ELSE="1"))


@pytest.mark.parametrize("place", ["file", "environment"])
@pytest.mark.parametrize("name", LEGACY)
def test_r15_legacy_variables_warn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, place: str
) -> None:
    """R15: each one that is set is named, with what counts in its place."""
    path = filled(tmp_path, **({name: "300"} if place == "file" else {}))
    if place == "environment":
        monkeypatch.setenv(name, "300")
    with caplog.at_level(logging.WARNING):
        warn_of_remarks(read_sources(path))
    assert f"{name} has no effect" in caplog.text
    assert "BLOCKS_PER_WINDOW" in caplog.text


def test_r15_nobody_is_warned_without_reason(tmp_path: Path) -> None:
    """R15: neither with a clean file nor without one."""
    assert read_sources(filled(tmp_path)).remarks == ()
    assert read_sources(tmp_path / "missing").remarks == ()


def test_the_example_names_every_setting_and_loads(tmp_path: Path) -> None:
    """.miner_env.example holds each setting once, with its default; only the required secrets are left to fill in."""
    text = (ROOT / ".miner_env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, re.MULTILINE)
    assert sorted(names) == sorted(FIELDS)
    for name, secret in SECRETS.items():
        text, count = re.subn(rf"^{name}=$", f"{name}={secret}", text, flags=re.MULTILINE)
        assert count == 1, f"{name} is not there to fill in"
    settings = load_settings(env_file(tmp_path, text))
    assert shown(settings) == shown(load_settings(filled(tmp_path)))
    assert settings.secrets() == tuple(SECRETS.values())


def test_posts_per_search_fill_a_window(tmp_path: Path) -> None:
    """R23: fewer than a window takes would be no setting at all, and a budget has to pay for the page."""
    (line,) = refused(filled(tmp_path, POSTS_PER_SEARCH="4"))
    assert line.startswith("POSTS_PER_SEARCH: 4 is fewer than MAX_SUBMISSIONS_PER_WINDOW, 5, ")
    (line,) = refused(filled(tmp_path, POSTS_PER_SEARCH="20", MAX_X_USD_PER_DAY="0.2"))
    assert "0.2 does not pay for one search, which may cost $0.3" in line
    settings = load_settings(filled(tmp_path, POSTS_PER_SEARCH="10", SEARCH_SINCE_NEWEST="true"))
    assert (settings.policy().posts_per_search, settings.policy().search_since_newest) == (10, True)
