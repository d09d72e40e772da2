"""How functions are compiled, and where machine code is kept."""
