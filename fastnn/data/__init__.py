"""Arrays, labels, arguments, the machine and files: what comes in and goes out."""
