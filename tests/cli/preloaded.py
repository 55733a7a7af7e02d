"""Imported by the process that the miners of ``tests.cli.miners`` are forked of: what each would else load itself."""

from __future__ import annotations

from importlib import import_module

from actor.edges.messages import Messenger

__all__: list[str] = []

for _name in (
    "tests.cli.miners",
    "user_miner.commands.run",
    "actor.edges.api_http",
    "actor.edges.llm_http",
    "actor.edges.x_http",
    "actor.metrics.server",
    "anyio._backends._asyncio",
    "httpcore",
    "httpcore2",
    "openai.lib.streaming.chat",
    "openai.resources.chat.completions",
    "pytest",
):
    import_module(_name)
Messenger("json://localhost/")  # the library loads its two hundred services now
