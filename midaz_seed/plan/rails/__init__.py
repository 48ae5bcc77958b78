"""Payment rails: what a transaction's metadata and description say about the way that money takes."""
