"""What a release is: its commit, its configuration, its record, its switch."""
