"""`perdure keys ...`: make, list, rotate and revoke API keys, through the API."""
