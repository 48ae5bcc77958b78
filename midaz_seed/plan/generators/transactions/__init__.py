"""Movements of money: deposits into every account, then transfers between accounts."""
