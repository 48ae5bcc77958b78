"""Benchmarks: the cases of a scenario and variants of the settings, as runs that are repeated and compared."""
