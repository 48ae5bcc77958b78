"""One run on a server that fails now and then, followed by everything that can follow it."""

import asyncio
import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from midaz_seed.engine.context import RunContext
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import ErrorSeen, Event, PhaseFinished, RunFinished
from midaz_seed.reporting.outputs.prometheus import render_prometheus
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async, verify_async
from midaz_seed.telemetry.event_lines import field_names, name_of
from midaz_seed.telemetry.events_file import EventsFile
from midaz_seed.telemetry.opentelemetry import open_telemetry
from midaz_seed.telemetry.otlp import OtlpExport
from midaz_seed.telemetry.prometheus import MetricsEndpoint, metrics_endpoint
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for

ROOT = Path(__file__).parents[3]
TOKEN = "collector-t0ken-1"
PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class _Collector(BaseHTTPRequestHandler):
    """A collector of OpenTelemetry that keeps what it gets."""

    got: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.got.append((self.path, headers, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Observed:
    """What the observers of the run published."""

    report: Report
    path: Path
    """The file of the events."""
    lost: list[str]
    events: list[Event]
    during: str
    """The metrics, scraped after the deposits of the first ledger."""
    end: str
    end_openmetrics: str
    verification: str
    """The metrics of a verification of the same data, at its end."""
    otlp: list[tuple[str, dict[str, str], bytes]]

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@dataclass
class _Followers:
    """Follows the run with all observers, and scrapes at chosen events."""

    endpoint: MetricsEndpoint
    file: EventsFile
    export: OtlpExport
    events: list[Event] = field(default_factory=list)
    during: str = ""
    end: str = ""
    end_openmetrics: str = ""

    def emit(self, event: Event) -> None:
        self.events.append(event)
        for part in (self.file, self.endpoint, self.export):
            part.emit(event)
        if isinstance(event, PhaseFinished) and event.phase is Phase.DEPOSITS and not self.during:
            self.during = scrape(self.endpoint)
        if isinstance(event, RunFinished):
            self.end = scrape(self.endpoint)
            self.end_openmetrics = scrape(self.endpoint, "application/openmetrics-text; version=1.0.0")

    async def watch(self, context: RunContext) -> None:
        await self.endpoint.watch(context)
        await self.export.watch(context)
        await self.file.watch(context)


def scrape(endpoint: MetricsEndpoint, accept: str = "text/plain") -> str:
    request = urllib.request.Request(endpoint.url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    got: list[tuple[str, dict[str, str], bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Collector", (_Collector,), {"got": got}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{TOKEN}",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
        "TRACEPARENT": f"00-{PARENT}-00f067aa0ba902b7-01",
    }
    path = tmp_path_factory.mktemp("observed") / "events.ndjson"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield asyncio.run(observe(path, environment, got))
    server.shutdown()
    server.server_close()
    thread.join()


async def observe(path: Path, environment: dict[str, str], got: list[tuple[str, dict[str, str], bytes]]) -> Observed:
    warnings: list[str] = []
    export = open_telemetry("run", environment, warnings.append)
    assert export is not None, warnings
    faults = {"rules": [{"every": 10, "status": {"code": 503, "when": "before"}}]}
    with metrics_endpoint("0") as endpoint:
        assert scrape(endpoint).startswith("# HELP process_"), "before the run the endpoint has its own process alone"
        followers = _Followers(endpoint, EventsFile(path, "run", progress_every_s=0.02), export)
        async with sandbox(faults) as server:
            settings = settings_for(server.url)
            report = await seed_async(settings, emit=followers.emit, watch=followers.watch)
            lost = [
                followers.file.close(report.exit_code, report.verdict, report.next_step),
                export.close(report.exit_code, report.verdict),
            ]
            with metrics_endpoint("0") as second:
                await verify_async(settings, emit=second.emit, watch=second.watch)
                verification = scrape(second)
    return Observed(
        report,
        path,
        lost,
        followers.events,
        followers.during,
        followers.end,
        followers.end_openmetrics,
        verification,
        got,
    )


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("midaz_seed_")
    }


def total(text: str, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    found = samples(text).items()
    return sum(value for (each, theirs), value in found if each == name and labels.items() <= dict(theirs).items())


def test_every_event_is_a_line_that_the_published_schema_describes(observed: Observed) -> None:
    schema = json.loads((ROOT / "docs/events.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    assert observed.lost == ["", ""]
    names = [line["event"] for line in observed.lines]
    assert names[0] == "header"
    assert names[-1] == "run_finished"
    expected = [name_of(type(event)) for event in observed.events]
    assert [name for name in names if name not in ("header", "progress")] == expected
    assert {ErrorSeen, PhaseFinished} <= {type(event) for event in observed.events}
    for line in observed.lines:
        assert [error.message for error in validator.iter_errors(line)] == []
        assert set(line) <= set(schema["$defs"][line["event"]]["properties"]), "a field that the schema lacks"


def test_lines_are_in_order_and_carry_the_run(observed: Observed) -> None:
    times = [line["at_s"] for line in observed.lines]
    assert times == sorted(times)
    started = [line["event"] for line in observed.lines].index("run_started")
    assert {line["run_id"] for line in observed.lines[started:]} == {observed.report.run_id}
    progress = [line for line in observed.lines if line["event"] == "progress"]
    assert len(progress) > 1
    assert progress[-1]["done"] == progress[-1]["planned"] == sum(phase.planned for phase in observed.report.phases)
    assert progress[-1]["requests"] == observed.report.requests
    assert progress[-1]["movements"] == observed.report.movements == 24
    last = observed.lines[-1]
    assert (last["exit_code"], last["verdict"]) == (observed.report.exit_code, observed.report.verdict)


def test_no_value_of_an_event_is_lost_on_the_way_to_its_line(observed: Observed) -> None:
    (line,) = (line for line in observed.lines if line["event"] == "phase_finished" and line["phase"] == "deposits")
    (event,) = (each for each in observed.events if isinstance(each, PhaseFinished) and each.phase is Phase.DEPOSITS)
    for name in field_names(PhaseFinished):
        assert line[name] == pytest.approx(getattr(event, name), abs=1e-6)


def test_a_scrape_during_the_run_shows_a_part_and_one_at_its_end_the_figures_of_the_report(observed: Observed) -> None:
    report = observed.report
    assert total(observed.during, "midaz_seed_movements_total", phase="deposits") == 6
    assert total(observed.during, "midaz_seed_movements_total", phase="transfers") == 0
    assert "midaz_seed_exit_code" not in observed.during
    assert total(observed.end, "midaz_seed_movements_total") == report.movements
    assert total(observed.end, "midaz_seed_requests_total") == report.requests
    assert total(observed.end, "midaz_seed_retries_total") == sum(phase.retries for phase in report.phases) > 0
    assert total(observed.end, "midaz_seed_done_items") == total(observed.end, "midaz_seed_plan_items")
    errors = Counter({"server": 0})
    for group in report.errors:
        errors[group.error] += group.count
    assert total(observed.end, "midaz_seed_errors_total", **{"class": "server"}) == errors["server"] > 0
    assert total(observed.end, "midaz_seed_errors_total") == sum(errors.values())
    assert total(observed.end, "midaz_seed_exit_code") == report.exit_code
    assert total(observed.end, "midaz_seed_requests_in_flight") == 0
    assert total(observed.end, "midaz_seed_info", run_id=report.run_id, plan_digest=report.plan_digest) == 1
    assert total(observed.end, "midaz_seed_ledgers", state="done") == 1


def test_the_buckets_of_the_latencies_are_cumulative_and_complete(observed: Observed) -> None:
    found = samples(observed.end)
    for phase in observed.report.latency_histograms:
        buckets = sorted(
            (float(dict(labels)["le"]), value)
            for (name, labels), value in found.items()
            if name == "midaz_seed_request_duration_seconds_bucket" and ("phase", phase.phase) in labels
        )
        counts = [value for _, value in buckets]
        assert counts == sorted(counts)
        label = frozenset({("phase", phase.phase)})
        assert counts[-1] == found["midaz_seed_request_duration_seconds_count", label] == sum(phase.counts[1::2])
        assert found["midaz_seed_request_duration_seconds_sum", label] == pytest.approx(phase.total_us / 1e6)


def test_the_text_of_a_report_has_the_same_metrics_as_the_endpoint_at_the_end(observed: Observed) -> None:
    live, written = samples(observed.end), samples(render_prometheus(observed.report))
    only_live = {"midaz_seed_requests_in_flight", "midaz_seed_breaker_open"}
    assert {name for name, _ in live} - {name for name, _ in written} == only_live
    moving = {"midaz_seed_elapsed_seconds", "midaz_seed_start_time_seconds", "midaz_seed_event_loop_lag_p99_seconds"}
    for key, value in written.items():
        if key[0] not in moving:
            assert live[key] == pytest.approx(value, abs=1e-6), key


def test_the_endpoint_has_openmetrics_for_a_prometheus_that_asks_for_it(observed: Observed) -> None:
    families = {family.name: family for family in parse_openmetrics(observed.end_openmetrics)}
    assert families["midaz_seed_requests"].type == "counter"
    assert families["midaz_seed_request_duration_seconds"].type == "histogram"


def test_a_verification_has_metrics_too(observed: Observed) -> None:
    assert total(observed.verification, "midaz_seed_verified_ledgers") == 1
    assert total(observed.verification, "midaz_seed_differences") == 0
    assert total(observed.verification, "midaz_seed_requests_total", phase="verify") > 0
    assert total(observed.verification, "midaz_seed_exit_code") == 0


def _exported(observed: Observed, path: str, kind: Any) -> list[Any]:
    messages = []
    for where, headers, body in observed.otlp:
        assert headers["authorization"] == f"Bearer {TOKEN}"
        if where == path:
            message = kind()
            message.ParseFromString(body)
            messages.append(message)
    assert messages, path
    return messages


def _attributes(of: Any) -> dict[str, str]:
    return {each.key: each.value.string_value or str(each.value.int_value) for each in of.attributes}


def test_opentelemetry_gets_the_metrics_of_the_end(observed: Observed) -> None:
    last = _exported(observed, "/v1/metrics", ExportMetricsServiceRequest)[-1].resource_metrics[0]
    resource = _attributes(last.resource)
    assert (resource["service.name"], resource["deployment.environment"]) == ("midaz-seed", "test")
    metrics = {metric.name: metric for metric in last.scope_metrics[0].metrics}
    requests = metrics["midaz_seed.requests"]
    assert requests.unit == "{request}"
    assert requests.sum.is_monotonic
    assert sum(point.as_int for point in requests.sum.data_points) == observed.report.requests
    latencies = metrics["midaz_seed.request_duration"].histogram.data_points
    assert sum(point.count for point in latencies) == sum(sum(point.bucket_counts) for point in latencies)
    assert sum(point.count for point in latencies) == total(observed.end, "midaz_seed_request_duration_seconds_count")
    assert metrics["midaz_seed.exit_code"].gauge.data_points[0].as_int == observed.report.exit_code


def test_opentelemetry_gets_one_trace_with_a_span_for_each_phase_of_a_ledger(observed: Observed) -> None:
    messages = _exported(observed, "/v1/traces", ExportTraceServiceRequest)
    spans = [span for message in messages for span in message.resource_spans[0].scope_spans[0].spans]
    (run,) = (span for span in spans if span.name == "midaz-seed run")
    phases = {span.name: span for span in spans if span is not run}
    assert {span.trace_id.hex() for span in spans} == {PARENT}, "the trace of the environment"
    assert {span.parent_span_id for span in phases.values()} == {run.span_id}
    assert {"accounts", "deposits", "settlement", "transfers", "verify"} <= set(phases)
    assert _attributes(phases["transfers"])["midaz_seed.created"] == "18"
    assert _attributes(run)["midaz_seed.run_id"] == observed.report.run_id
    assert "error_seen" in {event.name for event in run.events}
    assert len(spans) < 30, "requests have no spans"
