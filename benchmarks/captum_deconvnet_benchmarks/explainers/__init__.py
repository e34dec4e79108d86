"""The explainers that come with the harness, one family a file."""
