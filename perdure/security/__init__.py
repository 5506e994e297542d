"""Who may do what: API keys, roles, principals. Used by the API."""
