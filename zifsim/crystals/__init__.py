"""Chemistry: linkers, disorder, ordered cells."""
