"""An explicit-state model of how movements happen exactly once, explored exhaustively: `make model`."""
