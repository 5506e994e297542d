"""The shared vocabulary: spec, states, errors, journal, ledger, names. Stdlib and pydantic only."""
