"""What reads bytes from elsewhere, under a fuzzer: seconds of it in `make test`, a minute in
`make thorough`, an hour in `make fuzz`.

A target is a test with `tests.support.fuzzing.fuzz`.
"""
