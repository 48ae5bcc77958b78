"""Money, balances, request bodies, tax ids, outcomes and histograms. Pure: no clock, no network."""
