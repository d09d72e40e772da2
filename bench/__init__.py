"""Benchmark of fastnn against the programs that a user might take instead.

Run it as `python -m bench`.
"""
