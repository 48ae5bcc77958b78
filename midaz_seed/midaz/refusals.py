"""The codes with which a server refuses the transactions that it must refuse (midaz-behaviour: refusals). Pure.

Every supported version uses the same code for a reason; the status differs (0024 and 0073 are 400 before v4, then 422),
so only the code is compared. Recorded from v3.3, v3.8 and v4.
"""

_CODES = {
    "insufficient-funds": "0018",
    "frozen-sender": "0024",
    "unknown-destination": "0019",
    "wrong-asset": "0034",
    "unequal-sides": "0073",
    "future": "0121",
}


def refusal_code(kind: str) -> str:
    """Return the code with which a server refuses a transaction.

    Args:
        kind: why it must be refused (`scenarios.model.RefusalKind`).
    """
    return _CODES[kind]
