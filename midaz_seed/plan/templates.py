"""Words of names that every scenario shares."""

LEDGERS = ("Principal", "Secundário", "Operacional", "Negociação", "Custódia", "Investimentos")
ACCOUNT_TYPES = ("deposit", "savings", "loans", "marketplace", "creditCard")
"""The types of the older demo generator; `account_types_per_ledger` registers the first ones."""


def numbered(words: tuple[str, ...], index: int) -> str:
    """Return a unique name for an index: a word of the list, with a number appended after the first pass."""
    lap, position = divmod(index, len(words))
    return words[position] if lap == 0 else f"{words[position]} {lap + 1}"
