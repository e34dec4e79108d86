"""The commands that this plugin adds, one a file."""
