"""External storage: payloads too large for Temporal are kept as files, and histories hold references to them."""
