"""Backward rules: one file a family of operations, and the table."""
