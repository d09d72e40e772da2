"""The five published experiments."""
