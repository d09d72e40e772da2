"""Training of many nets side by side, and what comes of it."""
