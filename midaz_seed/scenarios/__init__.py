"""Scenarios: what a plan consists of, as files. Reading, checking and the ones that are built in."""
