"""The guarded HTTP client of HTTP steps, webhooks and notifications: it reaches no private address (SSRF)."""
