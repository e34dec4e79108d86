"""Checks that stop a doomed run, and say what dooms it."""
