"""Wire resistance: exact currents of an array whose lines are not ideal."""
