"""Pictures, tables and pages of the experiments."""
