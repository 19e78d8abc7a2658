"""What runs on the server, by the server's own Python. Nothing here is imported on this side."""
