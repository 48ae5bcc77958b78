"""What differs between the Midaz versions that the sandbox can speak, as data.

A handler never asks for a version: it asks the dialect for the knob. A further version is a further `Dialect` value.
The facts come from recorded exchanges with a real v3.8.0.
"""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dialect:
    """One server version's manners."""

    version: str
    """What `GET /version` says."""
    error_shape: Literal["title", "problem"] = "title"
    """`title`: {code, title, message}, with `fields` for 0009, 0047 and 0053. `problem`: RFC 9457, `errors` for
    those."""
    error_content_type: str = "application/json"
    status_by_code: dict[str, int] = field(default_factory=dict)
    """HTTP statuses of error codes where they differ from the table in `refusals`."""
    external_direction: Literal["credit", "debit"] = "debit"
    """The direction of an external account's balance: `debit` grows when money enters the ledger."""
    replay_header_on_errors: bool = True
    """Whether errors raised after the idempotency key was claimed carry `X-Idempotency-Replayed: false`."""
    offset_list_empty: Literal["null", "[]"] = "null"
    """How a list paged by number says that it is empty."""
    cursor_list_empty: dict[str, Literal["null", "[]"]] = field(default_factory=dict)
    """The same for each list paged by cursor."""
    prev_page_keeps_query_order: bool = True
    """Going back to the first page by cursor gives its items in reverse and no way forward again."""
    default_balance_delay_ms: int = 0
    """How long after the account its default balance appears."""
    date_window_months: int = 3
    """Transactions and operations older than this are missing from lists without dates."""
    permissions_stale_s: int = 3600
    """How long a balance that was just used keeps its former permissions after they were changed."""
    page_limit_default: int = 10
    page_limit_max: int = 100
    idempotency_ttl_s: int = 300
    body_bytes_max: int = 4 * 1024 * 1024
    metadata_keys_max: int = 100
    nesting_depth_max: int = 11
    """Objects within objects, the body counted."""


V3_8 = Dialect(
    version="v3.8.0",
    cursor_list_empty={
        "account-types": "null",
        "balances": "[]",
        "transactions": "[]",
        "operations": "[]",
        "operation-routes": "null",
        "transaction-routes": "null",
        "asset-rates": "[]",
    },
)
