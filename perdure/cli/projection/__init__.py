"""`perdure projection ...`: whether the tables are as the histories have them, through the API."""
