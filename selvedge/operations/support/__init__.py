"""Functions that several commands use."""
