"""`perdure jobs ...`: submit, read, watch and decide over jobs, through the API."""
