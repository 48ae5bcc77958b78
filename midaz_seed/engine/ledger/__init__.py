"""The phases of one ledger: transactions, settlement, doubts, verification. Requests are in `engine.requests`."""
