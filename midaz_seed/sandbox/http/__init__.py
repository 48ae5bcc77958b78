"""Requests and answers on a socket: the ASGI application, the router and the protocol; no rule of a ledger."""
