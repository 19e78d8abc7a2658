"""The code of the app on the server: its source, checkout, Python, virtual environment and hooks."""
