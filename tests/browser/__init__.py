"""The dashboard in a real browser, against a real stack; found by roles and labels, as a screen reader finds it."""
