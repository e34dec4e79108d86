"""The report of a run: statistics of its rows, plots, and one page."""
