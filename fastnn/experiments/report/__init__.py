"""Running experiments, and reporting their results."""
