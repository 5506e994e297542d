"""The HTTP facade: authenticate, admit, start and decide in Temporal, read the store. `python -m api` runs it."""
