"""Decisions about many jobs, one after the other."""
