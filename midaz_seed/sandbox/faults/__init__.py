"""Fault plans and crashes on purpose; without them nothing here runs."""
