"""Every endpoint but those of transactions and operations: their bodies, rules, lists and balances."""
