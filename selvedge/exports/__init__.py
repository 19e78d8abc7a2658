"""Files for other platforms, made from hosts.toml and the app's repository, and written to it: one module an export."""
