# fail2ban, which bans addresses for a while.

# bans_reload: load the jails again. A reload keeps the bans; a restart does not.
bans_reload() {
  fail2ban-client --test >"$undo/check" 2>&1 ||
    step_fail "fail2ban rejects its configuration: $(grep -m 1 ERROR "$undo/check" | sed 's/.*ERROR *//'). Correct the file that it names in /etc/fail2ban."
  if ! fail2ban-client reload >"$undo/check" 2>&1; then
    cat "$undo/check"
    exit 1
  fi
}
