"""Forward once, recorded; backward many times, projected."""
