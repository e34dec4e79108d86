"""Aliases: which value a tensor holds, through views and in-place changes."""
