"""Mosaics and rasters of any planet as OGC APIs."""

__version__ = "0.1.0"
