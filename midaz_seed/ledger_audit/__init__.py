"""Check the invariants of ledgers without a plan, by reading alone."""
