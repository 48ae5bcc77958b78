"""The data plane: bytes out, bytes in."""
