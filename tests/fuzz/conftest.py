# Programs without tests, which would be imported to look for doctests.
collect_ignore = ["__main__.py", "cases.py", "guard.py", "own.py", "tampering.py"]
