"""The settings: hosts.toml, the environment and the command line, read and checked."""
