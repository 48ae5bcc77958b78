"""What a sandbox holds, in memory and in SQLite, and its idempotency keys; no endpoint."""
