"""What comes in and goes out: arrays, labels, arguments, files and the machine."""
