"""What a Python generator needs: a function in the entry point group `midaz_seed.generators` makes movements.

See docs/scenarios.md, Python generators.
"""

from midaz_seed.plan.flows.generated import GeneratedTransaction, Generator, GeneratorDay

__all__ = ["GeneratedTransaction", "Generator", "GeneratorDay"]
