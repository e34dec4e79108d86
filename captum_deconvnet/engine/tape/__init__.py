"""The tape: the steps of one forward pass, and how each takes a signal back."""
