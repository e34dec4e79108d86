"""The protocol of the harness: subjects, explainers, metrics, and the hooks that bring them."""
