"""`--metrics`: an endpoint that Prometheus scrapes while a run works.

A thread of its own answers: each scrape reads the run's counters, and a request of the run costs nothing for it.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import UsageError
from midaz_seed.listening import listen
from midaz_seed.reporting.events import Event, RunFinished
from midaz_seed.reporting.outputs.metric_families import BUCKETS_S, Buckets, Family, Kind, Sample, samples
from midaz_seed.telemetry.figures import LiveFigures

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PORT = 9464
"""The port of an exporter by convention, where none is given."""
POLL_S = 0.05
"""Seconds after which the server notices that it has to end."""


class MetricsEndpoint:
    """Publishes the metrics of a run; an observer of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        """Where it listens."""
        self._figures = LiveFigures()

    def emit(self, event: Event) -> None:
        """Publish the exit code once the run has ended."""
        if isinstance(event, RunFinished):
            self._figures.end(event.exit_code)

    async def watch(self, context: RunContext) -> None:
        """Publish the figures of this run from now on."""
        self._figures.begin(context)

    def collect(self) -> "Iterator[Metric]":
        """Give the metrics: the interface of prometheus_client's collectors. Called in the threads of the server."""
        figures = self._figures.current()
        if figures is not None:
            for family, found in samples(figures):
                yield _metric(family, found)


@contextmanager
def metrics_endpoint(given: str) -> Iterator[MetricsEndpoint]:
    """Serve metrics for the duration of the block.

    Args:
        given: where, as the user wrote it: `midaz_seed.listening.listen`.

    Raises:
        UsageError: the extra `metrics` is not installed, or the address cannot be used.
    """
    try:
        from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
    except ImportError:
        raise UsageError(
            "--metrics needs the package prometheus-client, which is not installed",
            hint="install it with: pip install 'midaz-seed[metrics]'",
        ) from None
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    listening = listen(given, "--metrics", default_port=PORT)
    endpoint = MetricsEndpoint(f"{listening.url}metrics")
    registry.register(endpoint)
    with _Server(listening.socket) as server:
        server.set_app(make_wsgi_app(registry))
        thread = Thread(target=server.serve_forever, args=(POLL_S,), name="metrics", daemon=True)
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each scrape: one that reads slowly delays no other, and none keeps the process alive."""

    daemon_threads = True

    def __init__(self, listening: socket.socket) -> None:
        self.address_family = listening.family
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        host, self.server_port = listening.getsockname()[:2]
        self.server_name = str(host)  # the library would look up this machine's name, which can take seconds
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = 10.0
    """Seconds after which a connection that sends or takes nothing is closed."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """Log nothing: stderr has the progress of the run."""


def _metric(family: Family, found: Iterable[Sample]) -> "Metric":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    kinds: dict[Kind, Any] = {
        Kind.COUNTER: CounterMetricFamily,
        Kind.GAUGE: GaugeMetricFamily,
        Kind.HISTOGRAM: HistogramMetricFamily,
    }
    metric: Any = kinds[family.kind](family.name, family.help, labels=family.labels)
    for labels, value in found:
        if isinstance(value, Buckets):
            limits = (*map(str, BUCKETS_S), "+Inf")
            metric.add_metric(labels, list(zip(limits, (*value.counts, value.count), strict=True)), value.sum_s)
        else:
            metric.add_metric(labels, value)
    made: Metric = metric
    return made
