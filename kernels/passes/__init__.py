"""Forward and backward passes: the numbers of a vector are units, samples or nets."""
