"""Sessions over HTTP: a browser gives an API key once and has a cookie from then on."""
