"""`perdure dead-letters ...`: decisions about parked jobs, through the API."""
