"""The model read from files and services."""
