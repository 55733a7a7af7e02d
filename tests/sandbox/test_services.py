"""The services themselves: the same over HTTP and in memory, without a clock or a socket of their own."""

from __future__ import annotations

import ast
from pathlib import Path

import httpx
import pytest

from sandbox import FAULTS, Fault, Sandbox
from sandbox import services as package
from sandbox.services import RATES
from sandbox.services.api import Api
from sandbox.services.chain import Windows
from sandbox.services.ledger import ApiLedger

# What becomes of a request on its way, whatever the service: a simulation's network does it, or a sandbox's gate.
ON_THE_WAY = {"refused", "lost", "lost_answer", "broken_answer", "slow", "asleep", "raise", "twice", "crawl"}
# What the weather alone asks of a service.
WEATHER_ALONE = {"500_acted", "old_block", "few", "unedited", "no_format"}
OF_TRANSPORT = {
    "flood_1xx",
    "flood_chunks",
    "hang",
    "slow",
    "drop",
    "drip",
    "cut",
    "lost_answer",
    "html",
    "html_503",
    "blank",
    "not_json",
}


def test_a_service_reads_no_clock_and_opens_no_socket() -> None:
    """Of the modules that tell the time, reach out or wait, a service takes nothing but the writing of dates."""
    taken = set()
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                taken |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                taken |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Attribute):
                assert node.attr not in {"utcnow", "today", "monotonic"}, path
    assert {name for name in taken if name.partition(".")[0] in {"time", "socket", "asyncio", "ssl", "urllib"}} == {
        "time.gmtime",
        "time.strftime",
    }


@pytest.mark.parametrize("fault", sorted({"", *FAULTS["api.status"]} - OF_TRANSPORT - {"undated"}))
def test_a_service_says_over_http_what_it_says_in_memory(box: Sandbox, http: httpx.Client, fault: str) -> None:
    """The same question at the same block, with the same fault, has the same answer to the last byte."""
    api = Api(Windows(blocks_per_window=100, quota=5), ApiLedger(), verify=None)
    if fault:
        box.script("api.status", fault)
    box.block = 1_042
    there = http.get(f"{box.api_base}/v2/status")
    here = api.status(Fault(fault), block=1_042, wall_s=box.config.wall())
    assert (there.status_code, there.headers.get("x-ratelimit-reset-block")) == (
        here.status,
        here.headers.get("x-ratelimit-reset-block"),
    )
    if fault != "time_block":  # the second may have passed
        assert there.content == here.body


@pytest.mark.parametrize("place", ["api.status", "api.submit", "x.search", "llm.chat"])
def test_a_fault_has_one_name(place: str) -> None:
    """What the weather does to a service is in the catalogue of what can be scripted, under the same name."""
    assert RATES[place].keys() - ON_THE_WAY - WEATHER_ALONE <= FAULTS[place].keys()
