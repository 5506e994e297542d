"""Whether this process lives and can serve, and what it is; asked by probes and people, without a key."""
