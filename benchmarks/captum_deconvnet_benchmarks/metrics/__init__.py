"""The metrics of the harness: one file each, and ``table.py`` with a row for each."""
