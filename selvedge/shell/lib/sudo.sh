# Who may become root.

# sudo_password_fact USER: the status of the user's password; "elsewhere" if another source than /etc/shadow has it.
sudo_password_fact() {
  if grep -q "^$1:" /etc/shadow; then
    passwd --status "$1"
  elif getent passwd "$1" >/dev/null; then
    echo elsewhere
  fi
}
