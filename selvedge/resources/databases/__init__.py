"""PostgreSQL and Redis for the apps of a server ([services])."""
