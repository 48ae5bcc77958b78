"""Check the invariants of ledgers that anyone filled, by reading alone."""
