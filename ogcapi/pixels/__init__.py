"""Arrays in, arrays or bytes out; no files and no HTTP."""
