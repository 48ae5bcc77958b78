"""Generators of deposits and transfers, with their request bodies; entities are one level up."""
