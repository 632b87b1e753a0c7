"""Whether rows have drifted away from those that a model was accepted on: one answer for a whole table."""
