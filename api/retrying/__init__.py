"""Jobs that fail but live: what is retried now, and decisions about the next attempt."""
