"""The endpoints of transactions and operations; balances are in `entities`."""
