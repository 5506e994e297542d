"""The audit over HTTP: what was done or refused at the API, and how that gets into Postgres."""
