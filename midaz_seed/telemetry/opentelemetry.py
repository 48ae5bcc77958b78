"""Metrics and traces for OpenTelemetry, where its standard environment variables ask for them.

The variables: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/. The libraries are imported only then.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from urllib.parse import unquote

from midaz_seed.reporting.redaction import redact, remember, remember_url
from midaz_seed.telemetry.otlp import OtlpExport

PREFIX = "OTEL_EXPORTER_OTLP_"
SIGNALS = ("metrics", "traces")
PROTOCOL = "http/protobuf"
PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def open_telemetry(command: str, environ: Mapping[str, str], warn: Callable[[str], None]) -> OtlpExport | None:
    """Return the export of metrics and traces; None where no variable asks for it, or it cannot work.

    Args:
        command: `run`, `retry` or `verify`.
        environ: the environment.
        warn: called with one sentence where a variable asks for what is not possible. The run continues without it.
    """
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value}
    _remember_secrets(given)
    if not given or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    wanted = [signal for signal in SIGNALS if _is_wanted(signal, environ, warn)]
    if not wanted:
        return None
    if not all(map(_is_installed, PACKAGES)):
        warn(
            f"{min(given)} is set, but OpenTelemetry is not installed: nothing is exported; install it with: "
            "pip install 'midaz-seed[opentelemetry]'"
        )
        return None
    try:
        return OtlpExport(command, wanted, environ)
    except Exception as error:  # noqa: BLE001 - the library raises what it likes for a bad variable
        warn(f"OpenTelemetry is not used: {redact(str(error)) or type(error).__name__}; check the variables OTEL_*")
        return None


def _is_wanted(signal: str, environ: Mapping[str, str], warn: Callable[[str], None]) -> bool:
    """Return whether metrics or traces are exported with OTLP over HTTP."""
    exporter = f"OTEL_{signal.upper()}_EXPORTER"
    exporters = {part.strip() for part in (environ.get(exporter) or "otlp").split(",")}
    if "otlp" not in exporters:
        if exporters != {"none"}:
            warn(f"{exporter}={environ[exporter]}: midaz-seed exports {signal} with otlp only, so not at all now")
        return False
    variable = f"{PREFIX}{signal.upper()}_PROTOCOL"
    variable = variable if environ.get(variable) else f"{PREFIX}PROTOCOL"
    protocol = environ.get(variable) or PROTOCOL
    if protocol != PROTOCOL:
        warn(f"{variable}={protocol}: midaz-seed exports {signal} with {PROTOCOL} only (port 4318), so not at all now")
    return protocol == PROTOCOL


def _remember_secrets(given: Mapping[str, str]) -> None:
    """Mask the values of headers, such as tokens, and passwords in URLs, wherever they could be printed."""
    for name, value in given.items():
        if name.endswith("HEADERS"):
            for pair in value.split(","):
                header = unquote(pair.partition("=")[2]).strip()
                remember([header, header.partition(" ")[2]])
        elif name.endswith("ENDPOINT"):
            remember_url(value)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of the package around it
        return False
