"""The parts of a net: layers, losses, initial weights, optimizers; and checks of it."""
