# The configuration and the start of services.
# shellcheck disable=SC2154

# service_run VERB UNIT…: `systemctl VERB UNIT…`; VERB may be "enable --now". If it fails, the sentence has the service's own words
# from the journal: systemctl only says where to look for them.
service_run() {
  local verb since unit reason
  verb=$1
  shift
  since=$(date '+%Y-%m-%d %H:%M:%S')
  # shellcheck disable=SC2086
  if step_try systemctl $verb "$@"; then return 0; fi
  for unit; do
    # A unit without a state of its own, or one that runs, did not fail.
    case $(systemctl show --value --property=ActiveState "$unit" 2>/dev/null) in active | reloading) continue ;; esac
    service_explain "$verb" "$unit" "$since"
  done
  service_explain "$verb" "$1" "$since"
}

# service_explain VERB UNIT SINCE: fail with the reason from the journal, or with systemctl's own ($reason).
service_explain() {
  local name words
  name=${2%.service}
  service_journal "$2" "$3" >"$undo/journal"
  cat "$undo/journal"
  words=$(service_reason <"$undo/journal")
  : "${words:=$reason}"
  case $1 in
    restart | reload*) step_fail "$name could not load its configuration: $words. $(service_remedy "$name" "$words")" ;;
    *) step_fail "$name could not be started: $words. $(service_remedy "$name" "$words")" ;;
  esac
}

# service_journal UNIT SINCE: the last lines of the unit in the journal since then, without values that may be secrets.
service_journal() {
  journalctl -q -n 20 -o short-iso --no-hostname --no-pager --since "$2" -u "$1" 2>/dev/null | service_hide || :
}

# service_hide: standard input without the users and passwords of URLs and the values of variables with a secret's name. supervisor
# quotes the environment of a program whose section is wrong.
service_hide() {
  sed "s,://[^/@ ]*@,://•••@,g; s/Format string '.*' for '/A format string for '/; s/ Available names: .* in section/ in section/
    s/\([A-Za-z_]*\(PASS\|SECRET\|TOKEN\|KEY\|pass\|secret\|token\|_key\)[A-Za-z_]*\)[\"']\{0,1\}[=:] *[^ ,]*/\1=•••/g"
}

# service_reason: the last line of a journal that says why, without its time and program. systemd's own lines count if there is no
# other one.
service_reason() {
  awk '{ time = $1; sub(/^[^ ]+ /, ""); program = $1; sub(/^[^ ]+: /, "") }
    program ~ /^systemd(\[|:)/ { if (/Failed at step|Failed to locate|Unable to|No such file|start-limit|repeated too quickly/) own = $0; next }
    /[Ee]rror|emerg|rror:|ailed|annot|nvalid|denied|in use|not found/ { said = $0; next }
    { last = $0 }
    END { print said != "" ? said : (own != "" ? own : last) }' | sed 's/^[[:space:]]*//; s/[. ]*$//'
}

# service_remedy NAME REASON
service_remedy() {
  local port
  case $2 in
    *"in use"*)
      port=$(printf '%s\n' "$2" | sed -n 's/.*:\([0-9][0-9]*\) .*/\1/p')
      echo "Find the program that uses the port, and stop it: \`sudo ss -ltnp${port:+ \"sport = :$port\"}\`."
      ;;
    *masked*) echo "Run \`sudo systemctl unmask $1\` on the server." ;;
    *"No space left"*) echo "Free some space on the server: \`df -h\`." ;;
    *) echo "Correct that on the server; \`sudo journalctl -u $1 -n 50\` shows its whole log." ;;
  esac
}

# service_masked UNIT INSTEAD: fail because the unit is masked: someone does not want it, so it stays as it is. INSTEAD: the setting
# that does without it, "" if there is none.
service_masked() {
  local link who
  for link in "/etc/systemd/system/$1" "/run/systemd/system/$1"; do
    if [ -L "$link" ]; then who=$(stat -c ' by %U on %y' -- "$link" | cut -d . -f 1); fi
  done
  step_fail "$1 is masked: it was turned off with \`systemctl mask $1\`${who:-} on this server, so it cannot start. If it may run, run \`sudo systemctl unmask $1\` on the server.${2:+ If it must not, $2.}"
}

# service_check PROBLEM REMEDY COMMAND [PATH…]: fail with the error message of a command that rejects the configuration. Errors
# in the paths are only reported, because the step is about to write these files.
service_check() {
  local problem remedy reason path
  problem=$1 remedy=$2
  if eval "$3" >"$undo/check" 2>&1; then return 0; fi
  cat "$undo/check"
  reason=$(grep -m 1 -E 'emerg|rror' "$undo/check" || tail -n 1 "$undo/check")
  shift 3
  for path; do
    # nginx names a file as `in FILE:LINE`, or `open() "FILE" failed`.
    case $reason in
      *[\ \"]"$path"[:\"]*)
        step_say "this step replaces the file that is wrong: $reason"
        return 0
        ;;
    esac
  done
  step_fail "$problem: ${reason%.}. $remedy"
}
