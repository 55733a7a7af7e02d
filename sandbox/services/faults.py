"""Which request goes wrong, and how: scripts and rates. It never touches a request itself."""

from __future__ import annotations

import random
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.services.fault_names import FAULTS, SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FAULTS", "NO_FAULT", "SERVICES", "Fault", "FaultPlan", "check_rates", "known_faults"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one request.

    Attributes:
        name: A name of FAULTS; empty for a request that is answered properly.
        params: What the fault may be told, such as seconds or retry_after.
        only: Text that the request's body must hold for a scripted fault to fit; empty for any request.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    only: str = ""

    def number(self, key: str, default: float) -> float:
        """A numeric parameter, or the default."""
        return float(self.params.get(key, default))


NO_FAULT = Fault("")


def known_faults(target: str) -> set[str]:
    """The faults that a route ("api.submit"), or some route of a service ("api"), can show.

    Raises:
        ValueError: There is no such route or service.
    """
    names = [set(faults) for route, faults in FAULTS.items() if target in (route, route.partition(".")[0])]
    if not names:
        raise ValueError(f"unknown route {target!r}; known: {', '.join((*FAULTS, *SERVICES))}")
    return set().union(*names)


def check_rates(rates: Mapping[str, Mapping[str, float]]) -> None:
    """Check routes, fault names and probabilities.

    Raises:
        ValueError: A name is unknown, or the probabilities of a route are negative or exceed 1 together.
    """
    for target, faults in rates.items():
        for name, rate in faults.items():
            _check_name(target, name)
            if not 0 <= rate <= 1:
                raise ValueError(f"rate of {name!r} on {target!r} is {rate}; expected 0..1")
    for route in FAULTS:
        total = sum(rate for _, rate in _rates_of(rates, route))
        if total > 1 + 1e-9:
            raise ValueError(f"the rates on {route!r} add up to {total}; expected at most 1")


class FaultPlan:
    """Decides per request: a route's script first, then its service's script, then the rates.

    The n-th draw of a route depends on the seed, the route and n alone, so requests to other routes never
    disturb it. Safe to use from any thread.
    """

    def __init__(self, *, seed: int, rates: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._scripts: dict[str, deque[Fault]] = defaultdict(deque)
        self._rates: Mapping[str, Mapping[str, float]] = {}
        self._random: dict[str, random.Random] = {}
        self.replace(rates=rates or {})

    def replace(self, *, rates: Mapping[str, Mapping[str, float]], seed: int | None = None) -> None:
        """Set new rates, forget all scripts and start the draws anew.

        Raises:
            ValueError: See check_rates.
        """
        check_rates(rates)
        with self._lock:
            self._seed = self._seed if seed is None else seed
            self._rates = {target: dict(faults) for target, faults in rates.items()}
            self._scripts.clear()
            # Not for security: a seeded sequence is the purpose.
            self._random = {route: random.Random(f"{self._seed}:{route}") for route in FAULTS}  # noqa: S311

    def script(
        self, target: str, fault: str, *, times: int = 1, only: str = "", params: Mapping[str, Any] | None = None
    ) -> None:
        """Append: the next requests to a route, or service, show this fault; "ok" lets them pass.

        With `only`, the next requests whose body holds that text, such as a post's id: other requests pass by
        to what is scripted behind. Requests that come at the same time can be told apart in this way.

        Raises:
            ValueError: The route or the fault is unknown, or times is below 1.
        """
        if fault != "ok":
            _check_name(target, fault)
        else:
            known_faults(target)
        if times < 1:
            raise ValueError(f"times is {times}; expected at least 1")
        entry = Fault("" if fault == "ok" else fault, dict(params or {}), only)
        with self._lock:
            self._scripts[target].extend([entry] * times)

    def clear(self) -> None:
        """Forget scripts and rates: everything is answered properly from now on."""
        self.replace(rates={})

    def decide(self, route: str, body: bytes = b"") -> Fault:
        """The fault of the next request to a route; one without a name for none."""
        with self._lock:
            draw = self._random[route].random()
            for target in (route, route.partition(".")[0]):
                queue = self._scripts[target]
                fault = next((one for one in queue if _applies(one, route, body)), None)
                if fault is not None:
                    queue.remove(fault)
                    return fault
            return _drawn(draw, _rates_of(self._rates, route))

    def settings(self) -> dict[str, Any]:
        """Rates and what is left of the scripts, as JSON."""
        with self._lock:
            scripts = {
                target: [fault.name or "ok" for fault in queue] for target, queue in self._scripts.items() if queue
            }
            return {"seed": self._seed, "rates": {k: dict(v) for k, v in self._rates.items()}, "scripts": scripts}


def _applies(fault: Fault, route: str, body: bytes) -> bool:
    return (not fault.name or fault.name in FAULTS[route]) and fault.only.encode() in body


def _check_name(target: str, fault: str) -> None:
    known = known_faults(target)
    if fault not in known:
        raise ValueError(f"unknown fault {fault!r} for {target!r}; known: {', '.join(sorted(known))}")


def _rates_of(rates: Mapping[str, Mapping[str, float]], route: str) -> list[tuple[str, float]]:
    service = route.partition(".")[0]
    merged = {**rates.get(service, {}), **rates.get(route, {})}
    return sorted((name, rate) for name, rate in merged.items() if name in FAULTS[route])


def _drawn(draw: float, rates: Iterable[tuple[str, float]]) -> Fault:
    for name, rate in rates:
        if draw < rate:
            return Fault(name)
        draw -= rate
    return NO_FAULT
