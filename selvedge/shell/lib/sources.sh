# Package sources: which ones the last `apt-get update` could not fetch, why, and in which file they are. Reads $undo/apt, the
# output of that update.

# sources_failed: print "own|SOURCE|PLACE|REASON" for each source that failed; "other" in place of "own" for the sources of third
# parties. SOURCE is apt's "URL SUITE", PLACE is "FILE, line N".
# shellcheck disable=SC2016
sources_failed() {
  # apt lists only fetched sources with their Origin, and all of them without.
  apt-get indextargets --no-release-info --format '$(SITE) $(RELEASE)|$(SOURCESENTRY)' 2>/dev/null |
    sources_plain | sort -u >"$undo/sources"
  apt-get indextargets --format '$(SITE) $(RELEASE)|$(ORIGIN)' 2>/dev/null | sources_plain | sort -u >"$undo/origins"
  sources_plain <"$undo/apt" >"$undo/said"
  awk -F '|' -v codename="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" "$sources_program" \
    "$undo/sources" "$undo/origins" "$undo/said"
}

# sources_plain: standard input without the users and passwords in URLs.
sources_plain() { sed 's,://[^/@ ]*@,://,g'; }

# The sources of the distribution itself are those with its Origin, except backports, which is optional; before the first fetch,
# those of its suites with an archive's usual path.
sources_program='
function is_own(key,    suite) {
  suite = key
  sub(/.* /, "", suite)
  if (key ~ /^cdrom:/ || suite ~ /-(backports|proposed)/) return 0
  if (key in origin) return origin[key] ~ /^(Debian|Ubuntu|Raspbian)$/
  if (suite ~ "^(" codename "|stable|oldstable)[-/](security|updates)") return 1
  return key ~ /\/(debian|ubuntu|ubuntu-ports|raspbian)\/? [^ ]*$/ && key !~ /\/\/ppa\./ && suite ~ "^(" codename "|stable)$"
}
function names(line, key,    at, next_sign, site, suite) {
  at = index(line, key)
  next_sign = substr(line, at + length(key), 1)
  if (at && next_sign ~ /^[ \/,'\'']?$/) return 1
  site = suite = key
  sub(/ [^ ]*$/, "", site)
  sub(/.* /, "", suite)
  return index(line, site "/dists/" suite "/") || index(line, site "/" suite "/")
}
function note(line, reason,    key) {
  sub(/^ */, "", reason)
  sub(/[. ]*$/, "", reason)
  for (key in place) if (!(key in failed) && names(line, key)) failed[key] = reason
}
FILENAME ~ /\/sources$/ { place[$1] = $2; next }
FILENAME ~ /\/origins$/ { origin[$1] = $2; next }
pending != "" { note(pending, /^  / ? $0 : pending); pending = "" }
/^Err:/ { pending = $0 }
/^(E|Error): / { sub(/^[A-Za-z]*: /, ""); note($0, $0) }
END {
  if (pending != "") note(pending, pending)
  for (key in failed) {
    file = entry = place[key]
    sub(/:[0-9]*$/, "", file)
    sub(/.*:/, "", entry)
    print (is_own(key) ? "own" : "other") "|" key "|" file ", " (file ~ /\.sources$/ ? "entry " : "line ") entry "|" failed[key]
  }
}'

# sources_reason: the first error of apt that is not a consequence of another one.
sources_reason() {
  sed -n 's/^\(E\|Error\): \(.*[^.]\)\.*$/\2/p' "$undo/apt" | sources_plain |
    grep -v -e '^The list of sources could not be read' -e '^Some index files failed' | head -n 1 | grep . ||
    printf 'a package source does not answer, or its signature is not valid'
}

# sources_remedy REASON: what to do about it.
sources_remedy() {
  case $1 in
    Malformed* | "Unable to parse"* | "Type "*" is not known"* | *"could not be found"* | "Conflicting values"*)
      echo "apt reads no list while one of its files is wrong. Correct or delete that entry on the server." ;;
    *"not valid yet"* | *"is expired"*) echo "Check the server's clock: \`timedatectl\`. If it is right, the mirror is out of date: choose another one." ;;
    *"ould not resolve"* | *"emporary failure resolving"*) echo "Check the server's name resolution: \`resolvectl status\` or /etc/resolv.conf." ;;
    *EXPKEYSIG* | *NO_PUBKEY* | *"not signed"* | *signature*) echo "Install the source's current key, or delete the source." ;;
    *"changed its "*value*) echo "If you expected that, accept it on the server: \`sudo apt-get update --allow-releaseinfo-change\`." ;;
    *[Cc]ertificate* | *"SSL connection"* | *"TLS connection"*) echo "Check the server's clock (\`timedatectl\`), and that its packages know the certificate's authority: \`sudo apt-get install --only-upgrade ca-certificates\`. A company's own authority belongs in /usr/local/share/ca-certificates." ;;
    *" 401 "* | *" 403 "* | *Unauthorized* | *Forbidden*) echo "The source refuses this server: check its login in /etc/apt/auth.conf.d, or delete the source." ;;
    *"roxy Authentication"*) echo "The proxy wants a login: check Acquire::http::Proxy, which \`apt-config dump\` shows." ;;
    *"Hash Sum mismatch"* | *"unexpected size"*) echo "The mirror is being updated, or a proxy keeps old files: try again later, or choose another mirror." ;;
    *apt-cdrom* | *"File not found"* | *"Failed to fetch"* | "Method "*) echo "Correct that entry, or delete it." ;;
    *"No space left"*) echo "Free some space on the server: \`df -h\`." ;;
    *404* | *"does not have a Release file"*) echo "The source has no such suite any longer: correct it, or delete it." ;;
    *) echo "Check that the server can reach it: its network, its firewall and its proxy." ;;
  esac
}

# sources_place REASON: " (FILE…)" with the files that have the URL of the reason, if it names no file itself.
sources_place() {
  local url
  case $1 in *" /etc/apt/"*) return 0 ;; esac
  url=$(printf '%s\n' "$1" | grep -o '[a-z+]*://[^ ]*' | head -n 1)
  [ -z "$url" ] || grep -lF -- "${url%/}" /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | paste -sd , | sed 's/,/, /g; s/.*/ (&)/'
}
