"""What reads bytes from elsewhere, under a fuzzer: `make test` has a minute of it, `make fuzz` an hour.

A target is a test with `tests.support.fuzzing.fuzz`.
"""
