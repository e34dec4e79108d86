"""The recorder: watches one forward pass and writes the tape."""
