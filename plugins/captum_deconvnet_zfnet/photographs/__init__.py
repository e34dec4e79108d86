"""Photographs from Debian's packages: listed, fetched, and laid in one folder."""
