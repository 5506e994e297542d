"""Parameter models of the built-in steps, one module each: what admission checks and the steps get."""
