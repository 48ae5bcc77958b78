"""Midaz's HTTP API: routes, endpoints, authorization, and the meaning of answers."""
