"""Messages by apprise: over real HTTP to a webhook, and what is said of an address without any part of it."""

from __future__ import annotations

import logging
import sys
import threading

import pytest

from actor.compose import messenger
from actor.edges.messages import Message, Messenger, MessengerError, NotSentError, address_secrets
from actor.edges.text import Redactor
from actor.settings.model import Settings
from tests.hook import TOKEN, hook
from tests.patience import wait_for
from tests.ports import free_port

# As the services' own pages write them; the tokens are made up.
ADDRESSES = {
    "ntfy": "ntfys://ntfy.sh/planted-topic-5512",
    "Discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "Slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
    "Telegram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "JSON": f"jsons://alice:{TOKEN}@hooks.example.com/services/{TOKEN}",
}
WRONG = [
    *("nonsense://planted-5512/x", "http://planted-5512.example.com/x", "discord://", "discord://planted-5512"),
    *(
        "tgram://planted-5512",
        "file:///planted-5512",
        "://planted-5512",
        "json://",
        "ntfy",
        "json://planted-5512:port/",
    ),
]


@pytest.mark.parametrize(("service", "address"), ADDRESSES.items())
def test_addresses_of_services(service: str, address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each is read, and the library's own words on it reach no log."""
    caplog.set_level(logging.DEBUG)
    assert Messenger(address).service == service
    assert [record for record in caplog.records if record.name == "apprise"] == []


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_nothing_can_be_sent_to(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """One line that says what is expected, without a part of what stands there."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(MessengerError, match=r"^is no address that .* expected one such as ntfys://") as failure:
        Messenger(address)
    assert "planted" not in str(failure.value) + caplog.text


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says what is missing; who makes a messenger of settings adds how to install it."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MessengerError, match=r"^needs the package apprise, which is not installed$"):
        Messenger(ADDRESSES["JSON"])
    settings = Settings.model_validate({"x_bearer_token": "t", "api_key": "k", "notify_url": ADDRESSES["JSON"]})
    with pytest.raises(MessengerError, match=r"which is not installed: .*apprise"):
        messenger(settings)


def test_a_short_password_is_taken_out_too() -> None:
    """Whatever it looks like, as it is written and decoded; the user's name is no secret."""
    redact = Redactor(address_secrets("json://alice:s%20cret@127.0.0.1/hooks"))
    assert redact("alice, s%20cret, s cret") == "alice, [redacted], [redacted]"


def test_a_message_over_http() -> None:
    """Title, text and kind; what a chat would read as a mention or a link of somebody's making is plain."""
    with hook() as served:
        Messenger(served.address).send(Message(title="alarm", text="X says: @everyone <!channel>\n\x1b[31mcome"))
        Messenger(served.address).send(Message(title="over", text="good", good=True))
    assert [(body["title"], body["message"], body["type"]) for body in served.posted] == [
        ("alarm", "X says: (at)everyone (!channel) [31mcome", "failure"),
        ("over", "good", "success"),
    ]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500])
def test_a_message_that_is_refused(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """The reason names the status and no part of the address; nothing is logged by the library."""
    caplog.set_level(logging.DEBUG)
    with hook() as served:
        served.status = status
        with pytest.raises(NotSentError, match=f"error={status}") as failure:
            Messenger(served.address).send(Message(title="alarm", text="text"))
    assert len(served.posted) == 1
    assert TOKEN not in str(failure.value) + caplog.text


def test_nobody_there() -> None:
    """A refused connection is said without the host, which may be a token."""
    messenger = Messenger(f"json://127.0.0.1:{free_port()}/{TOKEN}")
    with pytest.raises(NotSentError, match=r"[Cc]onnection") as failure:
        messenger.send(Message(title="alarm", text="text"))
    assert TOKEN not in str(failure.value)


def test_a_host_that_uses_the_library_itself_is_still_heard(caplog: pytest.LogCaptureFixture) -> None:
    """Only what the sending thread makes it say is kept back."""
    logger = logging.getLogger("apprise")
    with hook() as served:
        served.hold = threading.Event()
        sending = threading.Thread(target=Messenger(served.address).send, args=(Message(title="a", text="b"),))
        sending.start()
        wait_for(lambda: served.posted, "a message")
        logger.warning("of the host's own")
        served.hold.set()
        sending.join()
    logger.warning("once more")
    assert caplog.messages == ["of the host's own", "once more"]
    assert logger.filters == []


@pytest.mark.parametrize("address", ADDRESSES.values())
def test_what_of_an_address_is_taken_out_of_texts(address: str) -> None:
    """The whole, and its tokens wherever they stand; words and names of hosts stay, for they stand everywhere."""
    redact = Redactor(address_secrets(address))
    said = f"{address} at hooks.example.com, ntfy.sh, 127.0.0.1: services, hooks"
    assert redact(said) == "[redacted] at hooks.example.com, ntfy.sh, 127.0.0.1: services, hooks"
    for token in (
        "planted-topic-5512",
        "JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "TIiajkdnlazkcOXrIdevi7FQ",
        "abcdefg_hijklmnop",
    ):
        if token in address:
            assert redact(f"POST /bot{token}/send") == "POST /bot[redacted]/send"


def test_the_library_goes_its_own_way_to_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """As documented: to this machine through the proxy, too, unless NO_PROXY names it; no SSL_CERT_FILE counts."""
    for name in ("http_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    with hook() as proxy, hook() as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address.partition('@')[2].partition('/')[0]}")
        Messenger(server.address).send(Message(title="first", text="-"))
        assert (proxy.titles(), server.titles()) == (["first"], [])
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        Messenger(server.address).send(Message(title="second", text="-"))
        assert (proxy.titles(), server.titles()) == (["first"], ["second"])
