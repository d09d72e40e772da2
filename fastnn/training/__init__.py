"""Training of one net."""
