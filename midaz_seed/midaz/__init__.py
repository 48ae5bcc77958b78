"""What is particular to Midaz's HTTP API: routes, the meaning of answers, one method per endpoint."""
