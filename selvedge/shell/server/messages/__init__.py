"""The program on a server that sends messages: of failed timers and backups, of certificates, and those of other programs."""
