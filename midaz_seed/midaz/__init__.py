"""The HTTP API of Midaz: routes, requests, tokens, and what an answer proves; no retries and no state of a run."""
