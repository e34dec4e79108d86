"""Closed forms: what every metric must give where the answer is known beforehand."""
