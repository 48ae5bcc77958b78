"""Events, meters, logs, progress and the report as data and text; the engine fills them in."""
