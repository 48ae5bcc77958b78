"""Draw amounts, choices and texts from random bits, by integer tables: the same values on every platform. Pure."""
