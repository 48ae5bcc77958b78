"""Carry out a plan on a server: create, settle, verify, report. Files of a run are in `runs`, trial requests in
`probe`.
"""
