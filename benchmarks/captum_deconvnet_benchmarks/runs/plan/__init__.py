"""What a run is to do: its spec, its units of work, and their addresses."""
