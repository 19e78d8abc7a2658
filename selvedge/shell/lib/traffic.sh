# GoAccess's report of nginx's log. GoAccess reads what visitors have sent, so it runs as a user of its own that exists for this run
# only, without a network and without a file that it may write. Its log comes by standard input. Writes nothing.

# traffic_lines DAYS TIMED FILE: print the requests of the log and of its rotated files, in one form; their number on standard error.
# 4: there is no log.
# Values: program
traffic_lines() {
  if [ ! -f "$3" ]; then
    printf 'missing %s\n' "$3" >&2
    return 4
  fi
  python3 -IS -c "$program" "$@"
}

# traffic_packed DAYS TIMED FILE: the same, compressed, for the server that makes the report.
# Values: program
traffic_packed() {
  [ -f "$3" ] || traffic_lines "$@"
  traffic_lines "$@" | gzip -c
}

# traffic_report KIND MORE DAYS TIMED FILE ARGUMENT…: print the report, html or json. MORE: yes if standard input has compressed
# requests of other servers. FILE: "" without a log here. ARGUMENT…: for GoAccess. 3: it is not installed.
# Values: program
traffic_report() {
  local kind more days timed file
  kind=$1 more=$2 days=$3 timed=$4 file=$5
  shift 5
  command -v goaccess >/dev/null 2>&1 || return 3
  [ -f "$file" ] || [ "$more" = yes ] || traffic_lines "$days" "$timed" "$file"
  if [ "$kind" = json ]; then set -- "$@" --output=json; fi
  {
    if [ "$more" = yes ]; then gzip -dc; fi
    [ ! -f "$file" ] || traffic_lines "$days" "$timed" "$file" </dev/null
  } | traffic_run goaccess --no-global-config --no-progress "$@" -
}

# traffic_run COMMAND…: run a program in a box. It gets the standard input and output of this shell.
traffic_run() {
  systemd-run --quiet --wait --collect --pipe --no-ask-password --setenv=LC_ALL=C.UTF-8 \
    -p DynamicUser=yes -p PrivateNetwork=yes -p ProtectHome=yes -p PrivateDevices=yes -p ProtectKernelTunables=yes \
    -p ProtectControlGroups=yes -p CapabilityBoundingSet= -p RestrictAddressFamilies=AF_UNIX -p MemoryDenyWriteExecute=yes \
    -p SystemCallFilter=@system-service -p UMask=0077 -p MemoryMax=1G -p RuntimeMaxSec=900 -- "$@"
}
