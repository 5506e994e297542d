"""`/v1/projection`: how the tables stand to the histories; checks and rebuilds of them."""
