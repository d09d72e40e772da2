"""Forward and backward passes, by what the numbers of a vector are."""
