# The mirror in apt's source files (resources/apt_mirror.py).

# aptmirror_fact NOTE URL: print the source files in base64 with their access, the system, and the origins of the fetched lists.
# Without URL only the files that have the NOTE.
aptmirror_fact() {
  local path real
  {
    # With the NOTE "", all files.
    if [ -z "$2" ]; then set -- "$1"; else set -- "" "$2"; fi
    grep -lsF -e "$1" /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources || :
  } | while IFS= read -r path; do
    real=$(readlink -f -- "$path")
    # Other names are not read by apt.
    case $real in *[!A-Za-z0-9_./-]*) continue ;; esac
    printf 'file %s %s %s\n' "$real" "$(stat -c '%a %U %G' -- "$real")" "$(base64 -w 0 -- "$real")"
  done
  [ -n "$2" ] || return 0
  printf 'system %s %s %s\n' "$(sed -n 's/^ID=//p' /etc/os-release)" "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" \
    "$(dpkg --print-architecture)"
  grep -sH -m 1 '^Origin: ' /var/lib/apt/lists/*Release | sed 's/^/origin /'
}

# aptmirror_trust URL: apt needs the certificates of authorities for https.
aptmirror_trust() {
  case $1 in https://*) ;; *) return 0 ;; esac
  [ -e /etc/ssl/certs/ca-certificates.crt ] || apt_install ca-certificates
}

# aptmirror_put PATH MODE OWNER GROUP SIZE: file_put, and keep a copy, since the file may be someone's work.
aptmirror_put() {
  file_backup "$1" || step_fail "Could not keep a copy of $1 in /var/backups/selvedge. It was not changed."
  file_put "$@"
}
