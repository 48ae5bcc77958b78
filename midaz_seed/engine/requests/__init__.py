"""One request and its verdict: sending, retries, failures. What a ledger needs next is decided in `engine.ledger`."""
