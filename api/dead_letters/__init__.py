"""Decisions about parked jobs over HTTP: retry, skip, discard."""
