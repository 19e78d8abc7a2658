"""Programs that run on the server: its Python or sh runs them. This machine imports `project` only."""
