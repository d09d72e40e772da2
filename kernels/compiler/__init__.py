"""Compile functions, and store machine code on disk."""
