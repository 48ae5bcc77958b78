"""What a run publishes while it works: events as lines, a Prometheus endpoint, OpenTelemetry."""

CLOSE_S = 2.0
"""Seconds that the end of a run waits for a reader of events, and for a collector, that take nothing."""
