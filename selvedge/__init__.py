"""Selvedge: a FastAPI app from a git repository to a Debian or Ubuntu server, as a Fabric task runner."""

__version__ = "0.1.0"
