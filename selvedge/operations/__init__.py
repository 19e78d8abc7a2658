"""What is done with servers besides making them: looked at, trusted, stopped, logged in to."""
