"""Organizations, ledgers and what is below them, except transactions: create, find, deduplicate, remove."""
