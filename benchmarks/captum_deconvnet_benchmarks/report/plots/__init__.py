"""Plots of a report, one file each: numbers in, a matplotlib figure out."""
