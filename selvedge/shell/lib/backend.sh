# A backend of a balancer ([balancer]): whether it takes new requests, and how the balancer sees it.

# backend_state UNIT MARK: print "drained" if the unit that refuses the balancers is on, and starts at boot; "half" if only one is true.
# " run" follows if a rollout has drained the backend, and not a user: the file MARK exists.
backend_state() {
  local active enabled by
  active=no enabled=no by=
  if systemctl is-active -q "$1"; then active=yes; fi
  if systemctl is-enabled -q "$1" 2>/dev/null; then enabled=yes; fi
  if [ -e "$2" ]; then by=' run'; fi
  case $active$enabled in yesyes) echo "drained$by" ;; nono) ;; *) echo "half$by" ;; esac
}

# backend_shared RULES: print "NAME on" for each other app of the server that is drained and has a balancer and port of the app with these
# RULES, "NAME off" for one that is not drained. A drain keeps a balancer away from the port, and so from all apps there.
backend_shared() {
  local file name state
  for file in /etc/nginx/selvedge/*.drained.nft; do
    if [ "$file" = "$1" ] || [ ! -e "$file" ] || [ ! -e "$1" ]; then continue; fi
    sed -n 's/.*\(saddr [^ ]* tcp dport [0-9]* \).*/\1/p' "$1" | grep -qF -f - -- "$file" || continue
    name=${file##*/} state=off
    name=${name%.drained.nft}
    if systemctl is-active -q "selvedge-drained.$name.service"; then state=on; fi
    echo "$name $state"
  done
}

# backend_fact UNIT MARK RULES
backend_fact() {
  printf 'state %s\n' "$(backend_state "$1" "$2")"
  backend_shared "$3" | sed 's/^/with /'
}

# backend_rules UNIT TABLE: print "on" and the rules in the kernel if the unit is on.
backend_rules() {
  systemctl is-active -q "$1" || return 0
  echo on
  nft list table inet "$2" 2>/dev/null || :
}

# backend_open PORT: the open connections to a port, one a line.
backend_open() { ss -Htn state established "sport = :$1" 2>/dev/null || :; }

# backend_drain UNIT PORT SECONDS MARK BY: refuse new connections of the balancers from now on, also after a reboot. Then wait until the
# open ones have ended, at most so many seconds. BY is "run" if a rollout drains the backend: the next one ends that, if this one cannot.
backend_drain() {
  local tries left
  if [ "$5" = run ]; then : >"$4"; else rm -f -- "$4"; fi
  systemctl daemon-reload
  # A unit that is on keeps its former rules until it starts again.
  service_run enable "$1"
  service_run restart "$1"
  tries=0
  while [ -n "$(backend_open "$2")" ] && [ "$tries" -lt $((5 * $3)) ]; do
    tries=$((tries + 1))
    sleep 0.2
  done
  left=$(backend_open "$2" | wc -l)
  [ "$left" -eq 0 ] || step_say "$left connections are still open, for example WebSockets: they stay until they end"
}

# backend_undrain UNIT MARK: let the balancers connect again.
backend_undrain() {
  systemctl daemon-reload
  if systemctl cat "$1" >/dev/null 2>&1; then service_run 'disable --now' "$1"; fi
  rm -f -- "$2"
}

# backend_remove UNIT LEAVE TABLE FILE…: let the balancers connect, and remove both units, whose FILEs these are. LEAVE would drain the
# server when it stops: not without its file.
backend_remove() {
  local unit leave table
  unit=$1 leave=$2 table=$3
  shift 3
  if systemctl is-active -q "$unit"; then service_run stop "$unit"; fi
  rm -f -- "$@"
  systemctl daemon-reload
  systemctl stop "$leave" 2>/dev/null || :
  nft delete table inet "$table" 2>/dev/null || :
}

# backend_left SITE NAME ADDRESS: as backend_answers, but 0 if the balancer's site, a file of nginx, does not pass requests there; as
# backend_answers if SITE is "".
# Values: health health_host health_timeout
backend_left() {
  if [ -z "$1" ] || grep -qsF "server $3 " "$1"; then backend_answers "$2" "$3"; else echo "backend $2 0"; fi
}

# backend_seen SITE [NAME ADDRESS]…: as backend_left, for each of these backends. All are asked at once, so that those that hang take no
# longer than one. Each line is a single write, so lines do not mix.
# Values: health health_host health_timeout
backend_seen() (
  local site
  site=$1
  shift
  while [ "$#" -gt 0 ]; do
    backend_left "$site" "$1" "$2" &
    shift 2
  done
  wait
)

# backend_alone SITE ADDRESS…: print "alone NAME" for each other balancer's site of the server that would have no backend without these
# addresses, but has one now. Any answer counts, because the health check of another app is unknown.
backend_alone() {
  local own file name host others address addresses used
  own=$1
  shift
  for file in /etc/nginx/sites-enabled/*.balancer; do
    if [ "$file" = "$own" ] || [ ! -e "$file" ]; then continue; fi
    name=${file##*/} others='' used=''
    host=$(sed -n 's/^ *server_name \([^ ;]*\).*/\1/p' "$file" | head -n 1)
    addresses=$(sed -n 's/^ *server \([^ ]*:[0-9]*\) .*/\1/p' "$file" | sort -u)
    for address in $addresses; do
      case " $* " in *" $address "*) used="$used $address" ;; *) others="$others $address" ;; esac
    done
    if [ -z "$used" ] || ! backend_any "$host" "$used" || backend_any "$host" "$others"; then continue; fi
    echo "alone ${name%.balancer}"
  done
}

# backend_any HOST ADDRESSES: whether one of them answers.
backend_any() {
  local address
  for address in $2; do
    if curl -s -o /dev/null --noproxy '*' --max-time 3 -H "Host: $1" -- "http://$address/" 2>/dev/null; then return 0; fi
  done
  return 1
}

# backend_answers NAME ADDRESS: print "backend NAME STATUS" with the status of the backend's answer to the health check, as the
# balancer asks for it: 0 without an answer.
# Values: health health_host health_timeout
backend_answers() {
  local code
  code=$(curl -s -o /dev/null --noproxy '*' --max-time "$health_timeout" -w '%{http_code}' -H "Host: $health_host" -- "http://$2$health" 2>/dev/null) || :
  printf 'backend %s %s\n' "$1" "$((1${code:-000} - 1000))"
}
