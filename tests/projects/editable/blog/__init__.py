TEXT = "release 0"
