"""The same work, done by fastnn and by what a user would write instead. Run it as `python -m bench`."""
