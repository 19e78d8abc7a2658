"""A project that uses the installed package: its fabfile, and its own tasks and templates."""

from selvedge.project.collection import collection

__all__ = ["collection"]
