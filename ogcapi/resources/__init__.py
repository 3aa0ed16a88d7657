"""The model as the standards' documents; no HTTP, no input or output."""
