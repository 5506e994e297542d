"""Jobs over HTTP: submit, read, list, cancel, retry."""
