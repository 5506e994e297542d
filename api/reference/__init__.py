"""The public description of the API: `/openapi.json`, and pages for people that need nothing from the internet."""
