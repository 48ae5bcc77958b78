"""Events, logs, progress and the report of a run."""
