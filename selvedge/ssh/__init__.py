"""Connections to servers: login, host keys, public keys, sudo."""
