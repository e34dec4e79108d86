"""The benchmark harness and the scripts behind every number in the documentation."""
