"""The environment variables of OpenTelemetry decide whether a run exports anything."""

import sys

import pytest

from midaz_seed.reporting.redaction import redact
from midaz_seed.telemetry.opentelemetry import open_telemetry

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_SERVICE_NAME": "x"},
        ENDPOINT | {"OTEL_SDK_DISABLED": "True"},
        ENDPOINT | {"OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_a_variable_or_disabled_nothing_happens(environment: dict[str, str]) -> None:
    warnings: list[str] = []
    assert open_telemetry("run", environment, warnings.append) is None
    assert warnings == []


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"),
        ({"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_TRACES_EXPORTER": "none"}, "OTEL_METRICS_EXPORTER=prometheus"),
    ],
)
def test_what_is_not_supported_is_one_sentence_and_no_error(extra: dict[str, str], named: str) -> None:
    warnings: list[str] = []
    assert open_telemetry("run", ENDPOINT | extra, warnings.append) is None
    assert all("only" in warning for warning in warnings)
    assert named in warnings[0]


def test_a_variable_without_the_extra_gives_one_warning_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    warnings: list[str] = []
    assert open_telemetry("run", ENDPOINT, warnings.append) is None
    assert len(warnings) == 1
    assert "pip install 'midaz-seed[opentelemetry]'" in warnings[0]


def test_a_bad_variable_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-5")
    warnings: list[str] = []
    export = open_telemetry("run", ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, warnings.append)
    assert export is None
    assert "OpenTelemetry is not used" in warnings[0]


def test_a_collector_that_does_not_answer_is_one_clause_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENDPOINT.items():
        monkeypatch.setenv(name, value)
    export = open_telemetry("run", ENDPOINT, pytest.fail)
    assert export is not None
    clause = export.close(0, "Done.")
    assert clause == "OpenTelemetry: the collector took nothing for 2 s; check the variables OTEL_EXPORTER_OTLP_*"


def test_headers_and_passwords_are_masked_from_then_on() -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-api-key=traces-k3y-1,authorization=Basic%20dXNlcjpwYXNz-xyz",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:collector-passw0rd@127.0.0.1:9",
        "OTEL_SDK_DISABLED": "true",
    }
    open_telemetry("run", environment, pytest.fail)
    for secret in ("traces-k3y-1", "dXNlcjpwYXNz-xyz", "collector-passw0rd"):
        assert secret not in redact(f"the collector said: {secret}!")
