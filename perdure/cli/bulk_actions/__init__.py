"""`perdure bulk-actions ...`: decisions about many parked jobs at once, through the API."""
