"""Parts that several steps share, or that would make a step too long."""
