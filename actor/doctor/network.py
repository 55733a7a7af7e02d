"""The way to each server: directly or through a proxy, and whose certificates are trusted. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping

from actor.doctor.check import Check, failure, ok, split_advice, warning
from actor.edges.certificates import certificate_faults, certificate_sources
from actor.edges.network import environment_faults, environment_remarks, way_to
from actor.edges.urls import place

__all__ = ["network_checks"]


def network_checks(urls: Mapping[str, str]) -> list[Check]:
    """What the environment says of proxies and certificates for these servers, by the names of their settings."""
    faults = [failure("network", *split_advice(line)) for line in environment_faults(urls.values())]
    remarks = [warning("network", *split_advice(line)) for line in environment_remarks(urls.values())]
    return [*faults, *remarks] if faults else [*remarks, ok("network", _ways(urls))]


def _ways(urls: Mapping[str, str]) -> str:
    by_way: dict[str, list[str]] = {}
    for name, url in sorted(urls.items()):
        proxy = way_to(url).proxy
        by_way.setdefault("directly" if proxy is None else f"through {place(proxy.url)}", []).append(name)
    reached = "; ".join(f"{', '.join(names)} {way}" for way, names in by_way.items())
    return reached if certificate_faults() else f"{reached}; certificates of {certificate_sources()}"
