"""Vectors, pointers and elementary functions, from which the loops are built."""
