"""HTTP: parse, negotiate, respond. One module a standard."""
