"""One request and its verdict: sending, retries, failures. Decisions about a ledger are in `engine.ledger`."""
