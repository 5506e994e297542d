"""API keys over HTTP: who one is, and for admins the making, rotating and revoking of keys."""
