"""/metrics, for Prometheus. The only home of prometheus_client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from tornado.web import RequestHandler

from tornado_chat.metrics import PluginMetrics


@dataclass(frozen=True, slots=True)
class AppReading:
    """What there is to say of one app's plugins, by plugin."""

    failures: Mapping[str, int]
    suspensions: Mapping[str, int]
    slow: Mapping[str, int]
    dropped: int
    plugins: Mapping[str, PluginMetrics]


@dataclass(frozen=True, slots=True)
class Bound:
    """How much of something is in use, of how much there may be, and how often more was asked for and refused."""

    used: int
    limit: int
    refused: int


@dataclass(frozen=True, slots=True)
class DatabaseReading:
    """Whether messages can be stored, how often that ended, and how many operations were refused at once meanwhile."""

    up: bool
    outages: int
    refused: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is to say of the server at one moment."""

    connections: int
    tasks: int
    bounds: Mapping[str, Bound]
    database: DatabaseReading
    closes: Mapping[str, int]
    refusals: Mapping[str, int]
    reloads: Mapping[str, int]
    apps: Mapping[int, AppReading]


class _ServerCollector(Collector):
    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        reading = self._read()
        yield GaugeMetricFamily("tornado_chat_connections", "Sockets that are connected.", reading.connections)
        yield GaugeMetricFamily("tornado_chat_tasks", "Tasks of the event loop.", reading.tasks)
        yield from _of_bounds(reading.bounds)
        database = reading.database
        yield GaugeMetricFamily("tornado_chat_database_up", "Whether messages can be stored.", int(database.up))
        yield CounterMetricFamily("tornado_chat_database_outages", "Times the database went away.", database.outages)
        yield CounterMetricFamily(
            "tornado_chat_database_refused", "Operations refused while it was away.", database.refused
        )
        for name, what, label, counts in (
            ("closes", "Connections that were closed, by reason.", "reason", reading.closes),
            ("refusals", "Requests that were refused, by reason.", "reason", reading.refusals),
            ("reloads", "Reloads of the configuration, by result.", "result", reading.reloads),
        ):
            family = CounterMetricFamily(f"tornado_chat_{name}", what, labels=[label])
            for value, count in counts.items():
                family.add_metric([value], count)
            yield family
        yield from _of_plugins(reading.apps)


def _of_bounds(bounds: Mapping[str, Bound]) -> Iterator[Metric]:
    used = GaugeMetricFamily("tornado_chat_bound_used", "How much of a bound is in use.", labels=["bound"])
    limit = GaugeMetricFamily("tornado_chat_bound_limit", "How much there may be.", labels=["bound"])
    shed = CounterMetricFamily(
        "tornado_chat_shed", "How often there was too much, and it was refused.", labels=["bound"]
    )
    for name, bound in bounds.items():
        used.add_metric([name], bound.used)
        limit.add_metric([name], bound.limit)
        shed.add_metric([name], bound.refused)
    yield from (used, limit, shed)


def _of_plugins(apps: Mapping[int, AppReading]) -> Iterator[Metric]:
    labels = ["app", "plugin"]
    failures = CounterMetricFamily("tornado_chat_plugin_failures", "Failures of a plugin.", labels=labels)
    suspensions = CounterMetricFamily("tornado_chat_plugin_suspensions", "Suspensions of a plugin.", labels=labels)
    slow = CounterMetricFamily("tornado_chat_plugin_slow", "Times a plugin blocked the event loop.", labels=labels)
    dropped = CounterMetricFamily("tornado_chat_plugin_dropped", "Happenings no listener was told.", labels=["app"])
    own = CounterMetricFamily("tornado_chat_plugin_count", "What a plugin counts.", labels=[*labels, "name"])
    timed = SummaryMetricFamily("tornado_chat_plugin_seconds", "What a plugin times.", labels=[*labels, "name"])
    for app_id, reading in apps.items():
        app = str(app_id)
        for family, counts in ((failures, reading.failures), (suspensions, reading.suspensions), (slow, reading.slow)):
            for plugin, count in counts.items():
                family.add_metric([app, plugin], count)
        dropped.add_metric([app], reading.dropped)
        for plugin, metrics in reading.plugins.items():
            for name, value in metrics.counters.items():
                own.add_metric([app, plugin, name], value)
            for name, (times, seconds) in metrics.timers.items():
                timed.add_metric([app, plugin, name], count_value=int(times), sum_value=seconds)
    yield from (failures, suspensions, slow, dropped, own, timed)


class MetricsHandler(RequestHandler):
    """What is counted and timed, in the text format of Prometheus."""

    def initialize(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(generate_latest(self._registry))


def registry_of(read: Callable[[], Reading]) -> CollectorRegistry:
    """Return a registry of its own, so that two servers can run in one process."""
    registry = CollectorRegistry()
    registry.register(_ServerCollector(read))
    return registry


def metrics_handlers(read: Callable[[], Reading]) -> list[tuple[str, type, dict[str, object]]]:
    return [(r"/metrics", MetricsHandler, {"registry": registry_of(read)})]
