"""Kill runs and servers at random moments under every fault, and count every movement by its tag."""
