# fail2ban, which bans addresses for a while.

# bans_reload: load the jails again. A reload keeps the bans; a restart does not.
bans_reload() {
  bans_test
  fail2ban-client reload >"$undo/check" 2>&1 ||
    step_fail "fail2ban could not load its jails: $(bans_reason). \`sudo journalctl -u fail2ban -n 50\` on the server shows its log."
}

# bans_test: fail with fail2ban's own words if it rejects its configuration.
bans_test() {
  fail2ban-client --test >"$undo/check" 2>&1 ||
    step_fail "fail2ban rejects its configuration: $(bans_reason). Correct the file that it names in /etc/fail2ban."
}

# bans_reason: its last lines only say that it failed.
bans_reason() {
  cat "$undo/check" >&2
  { grep -m 1 ERROR "$undo/check" || tail -n 1 "$undo/check"; } | sed 's/.*ERROR[ :]*//; s/[. ]*$//'
}
