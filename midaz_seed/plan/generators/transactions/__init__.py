"""Transactions: deposits into every account, then transfers between accounts."""
