"""What reads bytes from elsewhere, under a fuzzer: `make test` has seconds of it, `make thorough` a minute, `make fuzz` an
hour.

A target is a test with `tests.support.fuzzing.fuzz`.
"""
