"""Models made by other tools: read as plain data, checked, and turned into the one model document."""
