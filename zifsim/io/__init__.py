"""Reading and writing: the only rooms that know file formats."""
