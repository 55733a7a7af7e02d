"""A whole sandbox: three stand-ins on loopback ports, their clocks, faults and ledgers. It prints nothing.

It never imports the miner, so that it cannot share a misreading of a protocol with it.
"""

from __future__ import annotations

import queue
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from sandbox.http.clock import BlockClock, PostClock
from sandbox.http.config import SandboxConfig
from sandbox.http.routes import Routes
from sandbox.http.server import LoopThread, Service
from sandbox.services.faults import SERVICES, FaultPlan
from sandbox.services.ledger import Ledgers
from sandbox.services.x_corpus import Corpus, CorpusPost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType, TracebackType

    from sandbox.http.config import SandboxConfig

__all__ = ["Sandbox", "environment_text", "serve"]

_NORMAL_BLOCK_S = 12.0
_BY_HAND_BLOCK_S = 0.001  # blocks may come as fast as somebody moves them


class Sandbox:
    """Use as a context manager, or call start() and stop().

    Ports are reserved from construction on, so addresses are known, and refuse connections, before start().

    Attributes:
        ledger: What was asked, answered and billed, per service: .x, .llm, .api.
        faults: The plan of faults; script() and clear_faults() are short for its methods.
        blocks: The chain's clock.
        post_clock: The clock that X's posts come by.
        corpus: The posts and users that X knows.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config = config or SandboxConfig()
        self.ledger = Ledgers()
        seed = config.seed if config.fault_seed is None else config.fault_seed
        self.faults = FaultPlan(seed=seed, rates=config.rates)
        self.blocks = BlockClock(
            start_block=config.start_block,
            blocks_per_window=config.blocks_per_window,
            seconds_per_block=config.seconds_per_block,
            quota=config.max_submissions,
        )
        self.post_clock = PostClock(wall=config.wall, epoch=config.epoch, manual=config.manual)
        self.corpus = Corpus(
            seed=config.seed,
            epoch=self.post_clock.epoch,
            now=self.post_clock.now,
            size=config.corpus_size,
            posts_per_minute=config.posts_per_minute,
        )
        self._loop: LoopThread | None = None
        self._routes = Routes(
            config, blocks=self.blocks, posts=self.post_clock, corpus=self.corpus, ledgers=self.ledger
        )
        self._services = self._listening()

    @property
    def x_base(self) -> str:
        """Base URL of the X API, with its /2."""
        return f"{self._services['x'].url}/2"

    @property
    def llm_base(self) -> str:
        """Base URL of the chat endpoint, with its /v1."""
        return f"{self._services['llm'].url}/v1"

    @property
    def api_base(self) -> str:
        """Base URL of the coordination API."""
        return self._services["api"].url

    @property
    def x_token(self) -> str:
        """The bearer token that X accepts."""
        return self.config.x_token

    @property
    def llm_key(self) -> str:
        """The key that the chat endpoint accepts."""
        return self.config.llm_key

    @property
    def block(self) -> int:
        """The current block; assign to jump."""
        return self.blocks.block

    @block.setter
    def block(self, value: int) -> None:
        self.blocks.jump(value)

    @property
    def window(self) -> int:
        """The current window."""
        return self.blocks.window(self.blocks.block)

    def start(self) -> Self:
        """Serve all services but those configured as down.

        Raises:
            RuntimeError: It was started before.
        """
        if self._loop is not None:
            raise RuntimeError("this sandbox is running, or was stopped; make a new one")
        self._loop = LoopThread()
        self._loop.start()
        try:
            for name in SERVICES:
                if name not in self.config.down:
                    self.up(name)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything, cut open connections and give the ports back; doing so twice does no harm."""
        if self._loop is not None and not self._loop.closed:
            for name in SERVICES:
                self.down(name)
            self._loop.stop()
        for service in self._services.values():
            service.release()

    def up(self, name: str) -> None:
        """Let a service ("x", "llm", "api") accept connections, on the port it always had."""
        self._running().call(self._service(name).start())

    def down(self, name: str) -> None:
        """Cut a service's connections and refuse new ones until up(); its state is kept."""
        self._running().call(self._service(name).stop())

    def is_up(self, name: str) -> bool:
        """Whether a service accepts connections."""
        return self._service(name).up

    def script(self, target: str, fault: str, *, times: int = 1, only: str = "", **params: Any) -> None:
        """The next requests to a route ("api.submit") or service ("api") show a fault; "ok" lets them pass.

        With `only`, the next requests whose body holds that text, such as a post's id. Params tell the fault
        more, such as seconds=3 for hang or retry_after=7 for 429.

        Raises:
            ValueError: The route or the fault is unknown.
        """
        self.faults.script(target, fault, times=times, only=only, params=params)

    def clear_faults(self) -> None:
        """Answer properly from now on, whatever was scripted or configured."""
        self.faults.clear()

    def advance(self, blocks: int = 1) -> int:
        """Go forward by blocks; the new block is returned."""
        self.blocks.advance(blocks)
        return self.blocks.block

    def next_window(self) -> int:
        """Go to the first block of the next window; the new window is returned."""
        size = self.blocks.blocks_per_window
        self.blocks.jump((self.blocks.block // size + 1) * size)
        return self.window

    def advance_posts(self, seconds: float) -> None:
        """Let time pass for X: posts appear as they would in so many seconds."""
        self.post_clock.advance(seconds)

    def add_post(self, text: str, **more: Any) -> CorpusPost:
        """Add a post with exactly this text; see Corpus.add for what else can be said."""
        return self.corpus.add(text, **more)

    def own(self, post_id: str) -> None:
        """Let another miner own a post: submitting it is a conflict from now on."""
        self._routes.api.own(post_id)

    def env(self) -> dict[str, str]:
        """The environment that points a miner at this sandbox."""
        variables = {
            "X_BEARER_TOKEN": self.x_token,
            "X_API_BASE": self.x_base,
            "MINER_API_URL": self.api_base,
            "MODEL": self.config.served_models[0],
            "API_KEY": self.llm_key,
            "LLM_BASE": self.llm_base,
            "BLOCKS_PER_WINDOW": str(self.config.blocks_per_window),
            "MAX_SUBMISSIONS_PER_WINDOW": str(self.config.max_submissions),
        }
        speed = self.config.seconds_per_block
        if speed is None:
            variables["BLOCK_SECONDS"] = f"{_BY_HAND_BLOCK_S:g}"
        elif speed < _NORMAL_BLOCK_S:
            variables |= {"BLOCK_SECONDS": f"{speed:g}", "POLL_INTERVAL_SECONDS": f"{speed:g}"}
        return variables

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _listening(self) -> dict[str, Service]:
        config = self.config
        ports = {"x": config.x_port, "llm": config.llm_port, "api": config.api_port}
        services: dict[str, Service] = {}
        try:
            for name, gate in self._routes.gates(self.faults).items():
                services[name] = Service(gate, host=config.host, port=ports[name])
        except OSError:
            for service in services.values():
                service.release()
            raise
        return services

    def _service(self, name: str) -> Service:
        if name not in self._services:
            raise ValueError(f"unknown service {name!r}; known: {', '.join(SERVICES)}")
        return self._services[name]

    def _running(self) -> LoopThread:
        if self._loop is None or self._loop.closed:
            raise RuntimeError("this sandbox is not running; call start() or use it in a with statement")
        return self._loop


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_S = 0.2


def serve(config: SandboxConfig | None = None, *, ready: Callable[[Sandbox], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then stop and return.

    Args:
        config: What to serve; the defaults when None.
        ready: Called once with the running sandbox, for instance to print its environment.

    Raises:
        RuntimeError: Called outside the main thread, where signals cannot be received.
        OSError: A port is taken.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("serve() waits for signals and runs in the main thread only; elsewhere use Sandbox")
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the shape of a signal handler
        asked.put(number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        with Sandbox(config) as sandbox:
            if ready is not None:
                ready(sandbox)
            _wait_for(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_for(asked: queue.SimpleQueue[int]) -> None:
    """Wait for a signal. One that comes right before a wait without an end would not end it."""
    while True:
        with suppress(queue.Empty):
            asked.get(timeout=_LOOK_S)
            return


def environment_text(env: Mapping[str, str]) -> str:
    """NAME=value lines, as an env file or a shell takes them."""
    return "".join(f"{name}={value}\n" for name, value in env.items())
