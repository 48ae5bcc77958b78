"""`--metrics`: an endpoint that Prometheus scrapes while a run works.

A thread of its own answers: each scrape reads the run's counters, and a request of the run costs nothing for it.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from midaz_seed.engine.context import RunContext
from midaz_seed.errors import UsageError
from midaz_seed.reporting.events import Event, RunFinished
from midaz_seed.reporting.outputs.metric_families import BUCKETS_S, Buckets, Family, Kind, Sample, samples
from midaz_seed.telemetry.figures import LiveFigures

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LOOPBACK = "127.0.0.1"
POLL_S = 0.05
"""Seconds after which the server notices that it has to end."""
HINT = "write it as HOST:PORT, such as 127.0.0.1:9464; a port alone is one of 127.0.0.1, and 0 takes a free one"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the endpoint listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Return the address of `--metrics`: HOST:PORT, [IPV6]:PORT, or a PORT of the loopback interface.

    Raises:
        UsageError: it is none.
    """
    host, _, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    is_number = port.isascii() and port.isdecimal() and len(port) <= len("65535")
    if not is_number or int(port) > 65_535 or (":" in host and not text.strip().startswith("[")):
        raise UsageError(f"{text!r} is no address for the metrics", where="--metrics", hint=HINT)
    return Address(host or LOOPBACK, int(port))


class MetricsEndpoint:
    """Publishes the metrics of a run; an observer of it."""

    def __init__(self, address: Address) -> None:
        self.address = address
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
def metrics_endpoint(address: Address) -> Iterator[MetricsEndpoint]:
    """Serve metrics for the duration of the block.

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
    endpoint = MetricsEndpoint(address)
    registry.register(endpoint)
    with _listen(address) as server:
        server.set_app(make_wsgi_app(registry))
        endpoint.address = Address(address.host, server.server_port)
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

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int]) -> None:
        self.address_family = family
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the library's look-up of this machine's name, which can take seconds."""
        TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = 10.0
    """Seconds after which a connection that sends or takes nothing is closed."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """Log nothing: stderr has the progress of the run."""


def _listen(address: Address) -> _Server:
    """Bind the address."""
    try:
        family, _, _, _, found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _Server(family, (str(found[0]), int(found[1])))
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"the metrics endpoint cannot listen on {address}: {getattr(error, 'strerror', None) or error}",
            where="--metrics",
            hint="give an address of this machine and a port that is not in use; 0 takes a free port",
        ) from error


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
