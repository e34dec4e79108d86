"""What things cost: the scripts behind the tables of time and memory, one file a table."""
