"""Values: what every other layer speaks of. No files, no HTTP."""
