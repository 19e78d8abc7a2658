"""nginx: the program, sites side by side, the folders that it serves, certificates and HTTPS."""
