"""NO_PROXY: what an entry covers, what it does not, and that everything in it is either read or named."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor.edges.no_proxy import NoProxy


@pytest.mark.parametrize(
    ("entry", "covered", "others"),
    [
        ("*", ["http://a", "https://[::1]", "http://10.0.0.1:9"], []),
        ("corp", ["http://corp", "https://a.b.corp:9"], ["http://corp.example", "http://acorp"]),
        (".corp", ["http://corp", "http://a.corp"], ["http://acorp"]),
        ("*.corp", ["http://corp", "http://a.corp"], ["http://acorp"]),
        ("A.Corp.", ["http://a.corp", "http://b.A.CORP./x"], ["http://corp"]),
        ("corp:443", ["https://corp", "http://a.corp:443"], ["http://corp", "https://corp:444"]),
        ("_ldap.corp", ["http://_ldap.corp"], []),
        ("münchen.example", ["http://xn--mnchen-3ya.example"], ["http://munchen.example"]),
        ("10.0.0.0/8", ["http://10.1.2.3", "https://10.255.0.1:9"], ["http://11.0.0.1", "http://10.corp"]),
        ("10.1.2.3/8", ["http://10.9.9.9"], []),
        ("10.0.0.0/255.0.0.0", ["http://10.9.9.9"], ["http://11.9.9.9"]),
        ("10.1.2.3", ["http://10.1.2.3", "http://[::ffff:10.1.2.3]"], ["http://10.1.2.30", "http://1.10.1.2"]),
        ("10.1.2.3:80", ["http://10.1.2.3"], ["https://10.1.2.3"]),
        ("1.2.3", [], ["http://0.1.2.3"]),
        ("::1", ["http://[::1]", "http://[0:0:0:0:0:0:0:1]:9"], ["http://[::2]"]),
        ("[::1]", ["http://[::1]:9"], ["http://[::2]"]),
        ("[::1]:443", ["https://[::1]"], ["http://[::1]"]),
        ("fd00::/8", ["http://[fd12:3::4]"], ["http://[fe80::1]", "http://fd00.example"]),
        ("[fd00::]/8", ["http://[fd12:3::4]"], ["http://[fe80::1]"]),
    ],
)
@pytest.mark.parametrize("frame", ["{}", " {} ", "other.example, {},,x:99x", "other.example {}"])
def test_what_an_entry_covers(entry: str, covered: list[str], others: list[str], frame: str) -> None:
    """Alone and among others, between commas or spaces."""
    read = NoProxy.read(frame.format(entry))
    assert [url for url in covered if not read.covers(url)] == []
    assert [url for url in others if read.covers(url)] == []
    assert entry not in read.unread


ODD_PORTS = ("a:99x", "a:0", "a:65536", "a:", ":1", "a:b:c")
ODD_STARS = ("10.*", "**", "*a", "a*", "*.*.a")
ODD_BRACKETS = ("[", "[]", "[::1", "[a]", "::1]", "[10.0.0.1]")
ODD_NETWORKS = ("10.0.0.0/33", "fd00::/129", "a/8")
ODD_NAMES = ("..a", ".", "http://a", "all://a", "u@a", "-a", "a_-", "a..b", "ü" * 80, "\x00")


@pytest.mark.parametrize("entry", ODD_PORTS + ODD_STARS + ODD_BRACKETS + ODD_NETWORKS + ODD_NAMES)
def test_what_means_nothing_is_named_and_the_rest_counts(entry: str) -> None:
    """As it is written; it covers nothing."""
    read = NoProxy.read(f"first.example,{entry},10.0.0.0/8")
    assert read.unread == (entry,)
    assert [read.covers(url) for url in ("http://first.example", "http://10.1.1.1", "http://a")] == [True, True, False]


ADDRESSES = st.ip_addresses()
NAMES = st.lists(st.text("ab1-_", min_size=1, max_size=3), min_size=1, max_size=3).map(".".join)


def _bracketed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


@given(address=ADDRESSES, other=ADDRESSES, bits=st.integers(0, 32), bracketed=st.booleans())
def test_a_network_covers_its_addresses(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    other: ipaddress.IPv4Address | ipaddress.IPv6Address,
    bits: int,
    *,
    bracketed: bool,
) -> None:
    """Those whose first bits are the same, also where IPv6 writes an IPv4 address, and no others."""
    read = NoProxy.read(f"{_bracketed(address) if bracketed else address}/{bits}")
    rest = address.max_prefixlen - bits
    mapped = other.ipv4_mapped if isinstance(other, ipaddress.IPv6Address) else None
    forms = [form for form in (other, mapped) if form is not None and form.version == address.version]
    same = any(int(address) >> rest == int(form) >> rest for form in forms)
    assert read.unread == ()
    assert read.covers(f"https://{_bracketed(address)}:8443")
    assert read.covers(f"https://{_bracketed(other)}") is same


@given(st.lists(st.text(max_size=12) | NAMES | ADDRESSES.map(str) | st.sampled_from(["*", "a:1", "[::1]:2"])))
def test_nothing_raises_and_nothing_is_lost(entries: list[str]) -> None:
    """Whatever stands there is read or named, and every URL gets an answer."""
    value = ",".join(entries)
    read = NoProxy.read(value)
    assert all(entry in value for entry in read.unread)
    for url in ("http://a.b1", "https://[::1]:2", "http://10.0.0.1"):
        assert read.covers(url) in {True, False}
    assert all(NoProxy.read(entry).unread for entry in read.unread)
