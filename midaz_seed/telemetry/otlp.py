"""Export the metrics and the trace of a run with OTLP. Import it only where the variables OTEL_* ask for that."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from midaz_seed.engine.context import RunContext
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Event, PhaseFinished, PhaseStarted, RunFinished, RunStarted, Settled
from midaz_seed.reporting.outputs.metric_families import BUCKETS_S, FAMILIES, PREFIX, Buckets, Family, Kind
from midaz_seed.reporting.redaction import redact
from midaz_seed.telemetry import CLOSE_S
from midaz_seed.telemetry.event_lines import field_names, name_of
from midaz_seed.telemetry.figures import LiveFigures

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import Metric, MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

NAME = "midaz-seed"
_INNER_PHASES = frozenset(Phase) - {Phase.ORGANIZATIONS, Phase.LEDGERS}
"""Phases of a ledger, whose end is an event too."""


class OtlpExport:
    """Exports the metrics and one trace of a run; an observer of it.

    The libraries send in threads of their own, and what they cannot send is lost: a run never waits for a collector
    before its end, and then for `CLOSE_S`.
    """

    def __init__(self, command: str, signals: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start the exporters, which read the variables OTEL_* themselves.

        Args:
            command: `run`, `retry` or `verify`.
            signals: `metrics`, `traces` or both.
            environ: the environment, for a trace that this run is a part of (TRACEPARENT).
        """
        self._problems = _Problems()
        self._problems.attach()
        self._figures = LiveFigures()
        resource = _resource()
        self._meters = _meter_provider(resource, self._figures) if "metrics" in signals else None
        self._trace = _Trace(command, resource, environ) if "traces" in signals else None

    def emit(self, event: Event) -> None:
        """Add an event to the trace."""
        if self._trace is not None:
            self._trace.emit(event)

    async def watch(self, context: RunContext) -> None:
        """Export the figures of this run from now on."""
        self._figures.begin(context)

    def close(self, exit_code: int, verdict: str, wait_s: float = CLOSE_S) -> str:
        """Send what is left and stop.

        Args:
            exit_code: that of the process.
            verdict: the result, or the error, in a sentence.
            wait_s: seconds to wait at most.

        Returns:
            Why something was not exported, as a clause; "" when everything was.
        """
        self._figures.end(exit_code)
        parts: list[Callable[[], object]] = []
        exporters: list[SpanExporter | MetricExporter] = []
        if self._trace is not None:
            self._trace.end(exit_code, verdict)
            parts.append(self._trace.provider.shutdown)
            exporters.append(self._trace.exporter)
        if self._meters is not None:
            provider, exporter = self._meters
            parts.append(provider.shutdown)
            exporters.append(exporter)
        threads = [threading.Thread(target=part, daemon=True) for part in parts]
        for thread in threads:
            thread.start()
        until_s = time.monotonic() + wait_s
        for thread in threads:
            thread.join(max(until_s - time.monotonic(), 0.0))
        self._problems.detach()
        if any(thread.is_alive() for thread in threads):
            self._problems.add(f"the collector took nothing for {wait_s:g} s; check the variables OTEL_EXPORTER_OTLP_*")
            for each in exporters:
                each.shutdown()  # it tries no more, so that its thread ends
        return f"OpenTelemetry: {self._problems.first}" if self._problems.first else ""


class _Problems(logging.Handler):
    """Keeps the first problem that the library logs, and prints none: it repeats them for every export."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""
        self._logger = logging.getLogger("opentelemetry")

    def attach(self) -> None:
        self._logger.addHandler(self)
        self._logger.propagate = False

    def detach(self) -> None:
        """Stop listening. The library stays silent: its threads may still try."""
        self._logger.removeHandler(self)
        self._logger.addHandler(logging.NullHandler())

    def emit(self, record: logging.LogRecord) -> None:
        if not str(record.msg).startswith("Transient error"):  # it is sent again
            self.add(record.getMessage())

    def add(self, problem: str) -> None:
        self.first = self.first or redact(" ".join(problem.split()))


def _resource() -> "Resource":
    """Return the resource of the variables; this program's name where they have none."""
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource

    given = Resource.create()
    if str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        given = given.merge(Resource({SERVICE_NAME: NAME}))
    return Resource({SERVICE_VERSION: version(NAME)}).merge(given)


# metrics


def otel_name(family: Family) -> str:
    """Return the name of a metric in OpenTelemetry: without unit and type, which a collector adds for Prometheus."""
    name = family.name.removeprefix(PREFIX).removesuffix("_total").removesuffix("_seconds")
    return f"midaz_seed.{name}"


def _meter_provider(resource: "Resource", figures: LiveFigures) -> "tuple[MeterProvider, MetricExporter]":
    """Return a provider whose instruments are read when it exports, and its exporter."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = _metric_exporter(figures)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], resource, shutdown_on_exit=False)
    meter = provider.get_meter(NAME, version(NAME))
    for family in FAMILIES:
        if family.kind is Kind.COUNTER:
            meter.create_observable_counter(otel_name(family), [_reading(family, figures)], family.unit, family.help)
        elif family.kind is Kind.GAUGE:
            meter.create_observable_gauge(otel_name(family), [_reading(family, figures)], family.unit, family.help)
    return provider, exporter


def _reading(family: Family, figures: LiveFigures) -> "Callable[[CallbackOptions], Iterator[Observation]]":
    from opentelemetry.metrics import Observation

    def read(_: "CallbackOptions") -> "Iterator[Observation]":
        present = figures.current()
        for labels, value in family.read(present) if present is not None else ():
            assert not isinstance(value, Buckets)
            yield Observation(value, dict(zip(family.labels, labels, strict=True)))

    return read


def _metric_exporter(figures: LiveFigures) -> "MetricExporter":
    """Return an exporter that adds the latencies: the library has no histogram that is read, only one that is fed, and
    feeding it would cost every request something."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

    class Exporter(OTLPMetricExporter):
        def export(
            self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
        ) -> MetricExportResult:
            return super().export(_with_latencies(metrics_data, figures), timeout_millis, **kwargs)

    return Exporter()


def _with_latencies(data: Any, figures: LiveFigures) -> Any:
    present = figures.current()
    if present is None or not data.resource_metrics:
        return data
    first = data.resource_metrics[0]
    added = [
        _histogram(family, family.read(present), round(present.started_at_s * 1e9))
        for family in FAMILIES
        if family.kind is Kind.HISTOGRAM
    ]
    scope = dataclasses.replace(first.scope_metrics[0], metrics=[*first.scope_metrics[0].metrics, *added])
    first = dataclasses.replace(first, scope_metrics=[scope, *first.scope_metrics[1:]])
    return dataclasses.replace(data, resource_metrics=[first, *data.resource_metrics[1:]])


def _histogram(family: Family, found: Any, started_ns: int) -> "Metric":
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, HistogramDataPoint, Metric

    points = []
    for labels, buckets in found:
        cumulative = (0, *buckets.counts, buckets.count)
        unknown: Any = None  # the protocol allows to leave minimum and maximum out
        points.append(
            HistogramDataPoint(
                attributes=dict(zip(family.labels, labels, strict=True)),
                start_time_unix_nano=started_ns,
                time_unix_nano=time.time_ns(),
                count=buckets.count,
                sum=buckets.sum_s,
                bucket_counts=[after - before for before, after in pairwise(cumulative)],
                explicit_bounds=BUCKETS_S,
                min=unknown,
                max=unknown,
            )
        )
    return Metric(
        name=otel_name(family),
        description=family.help,
        unit=family.unit,
        data=Histogram(data_points=points, aggregation_temporality=AggregationTemporality.CUMULATIVE),
    )


# traces


class _Trace:
    """One span for the run, and one for each phase of a ledger. Requests have none: it would cost each of them."""

    def __init__(self, command: str, resource: "Resource", environ: Mapping[str, str]) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.provider: TracerProvider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.exporter: SpanExporter = OTLPSpanExporter()
        self.provider.add_span_processor(BatchSpanProcessor(self.exporter))
        self._tracer = self.provider.get_tracer(NAME, version(NAME))
        around = {name.lower(): value for name, value in environ.items() if name in ("TRACEPARENT", "TRACESTATE")}
        parent = TraceContextTextMapPropagator().extract(around)
        self._run = self._tracer.start_span(f"{NAME} {command}", parent)
        self._phases: dict[tuple[Phase, str], Span] = {}

    def emit(self, event: Event) -> None:
        from opentelemetry.trace import Status, StatusCode, set_span_in_context

        match event:
            case RunStarted():
                self._run.set_attributes(_attributes(event))
            case PhaseStarted(phase=phase, ledger=ledger) if phase in _INNER_PHASES:
                within = set_span_in_context(self._run)
                span = self._tracer.start_span(phase.value, within, attributes=_attributes(event))
                self._phases[phase, ledger] = span
            case PhaseFinished(phase=phase, ledger=ledger):
                if (ended := self._phases.pop((phase, ledger), None)) is not None:
                    ended.set_attributes(_attributes(event))
                    if event.failed:
                        ended.set_status(Status(StatusCode.ERROR, f"{event.failed} failed"))
                    ended.end()
            case PhaseStarted() | Settled() | RunFinished():
                pass  # the spans show them
            case _:
                self._run.add_event(name_of(type(event)), _attributes(event))

    def end(self, exit_code: int, verdict: str) -> None:
        """End the spans; those of phases that were cut off have no counts."""
        from opentelemetry.trace import Status, StatusCode

        for span in self._phases.values():
            span.set_status(Status(StatusCode.ERROR, "cut off"))
            span.end()
        self._run.set_attributes({"midaz_seed.exit_code": exit_code, "midaz_seed.verdict": redact(verdict)})
        self._run.set_status(Status(StatusCode.ERROR, redact(verdict)) if exit_code else Status(StatusCode.OK))
        self._run.end()


def _attributes(event: Event) -> dict[str, str | int | float]:
    """Return the plain fields of an event as attributes, with secrets masked."""
    values = {name: getattr(event, name) for name in field_names(type(event))}
    if isinstance(event, RunStarted):
        values["run_id"] = event.run_id
    return {
        f"midaz_seed.{name}": redact(str(value)) if isinstance(value, str) else value
        for name, value in values.items()
        if isinstance(value, str | int | float)
    }
