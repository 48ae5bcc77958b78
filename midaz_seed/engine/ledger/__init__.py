"""The phases of one ledger: transactions, settlement, doubts, verification. Single requests are in `engine.requests`."""
