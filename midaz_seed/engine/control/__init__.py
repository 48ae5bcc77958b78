"""Background tasks that steer or measure the load of a run. They start no work and never touch a ledger."""
