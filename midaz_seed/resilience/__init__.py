"""Retries, circuit breaker, rate limit, open-model schedule and concurrency search."""
