"""Who may log in to a server, and what protects it: users, keys, sudo, sshd, the firewall, fail2ban, kernel settings."""
