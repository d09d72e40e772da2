"""What the loops are built from: vectors, pointers, elementary functions."""
