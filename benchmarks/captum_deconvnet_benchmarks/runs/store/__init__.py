"""Where a run's results are: files, rows, tables."""
