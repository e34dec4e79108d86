"""One file a library: its nets, as data."""
