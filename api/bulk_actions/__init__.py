"""Decisions about many parked jobs at once (contract 9)."""
