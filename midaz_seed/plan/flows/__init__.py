"""Flows: what moves money in a ledger, each entry of a scenario as a generator of drafts. Pure."""
