"""HTTP transports: send a request, receive the answer. No knowledge of Midaz."""
