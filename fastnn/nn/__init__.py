"""Descriptions of nets: layers, losses, initial weights, optimizers."""
