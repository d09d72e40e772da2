"""Activations, losses and optimizers, each defined once."""
