"""Releases: the commit, its settings on a server, the switch to it, and its record."""
