"""Pages for a browser: each is one HTML file that loads nothing, so it can be kept, mailed or attached to a CI job."""
