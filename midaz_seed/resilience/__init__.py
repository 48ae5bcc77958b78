"""When a request may start and when it is repeated; no knowledge of Midaz, of the plan or of HTTP."""
