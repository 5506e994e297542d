"""`perdure audit ...`: what was done or refused at the API itself."""
