"""Programs that run on the server: its Python or sh runs them. Nothing on this machine imports them."""
