"""A job spec accepted, or every problem with it named; used by the API (and by nothing that runs jobs)."""
