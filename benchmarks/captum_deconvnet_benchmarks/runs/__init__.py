"""Runs: models x explainers x metrics x images, one file a unit of work, one table at the end."""
