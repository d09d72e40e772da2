"""What runs a net: the compiled loops, or its layers one after the other."""
