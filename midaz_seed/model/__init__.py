"""Money, tax ids, request bodies, balances, outcomes and histograms as values; no clock, no network, no plan."""
