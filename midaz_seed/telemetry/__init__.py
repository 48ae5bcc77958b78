"""What a run publishes while it works: events as lines, a Prometheus endpoint, OpenTelemetry."""
