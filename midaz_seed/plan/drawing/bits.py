"""The only source of chance in a plan."""

from collections.abc import Callable

Bits = Callable[[int], int]
"""`random.Random.getrandbits`: the number of bits -> a whole number of that many random bits. Unlike other methods of
`random` it gives the same values in every version of Python.
"""
