"""Black-box conformance suite: what an OGC API server declares, it must show."""
