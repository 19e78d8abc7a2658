# The certificate that nginx serves.

# https_sites FOLDER: the enabled HTTPS sites that include the paths of apps in this folder ([nginx] path), those with the exact
# name first: nginx prefers them.
https_sites() {
  local file found
  found=$(grep -lsF -- "include $1/*.conf;" /etc/nginx/sites-enabled/*) || return 0
  for file in $found; do
    if grep -qE '^[^#]*(listen.*(443|[[:space:]]ssl)|selvedge-listen-tls)' "$file"; then printf '%s %s\n' "$(grep -c 'server_name ~^' "$file")" "$file"; fi
  done | sort -s -n -k 1,1 | cut -d ' ' -f 2-
}

# https_of_name FOLDER OWN: "other CHAIN KEY" of the first other HTTPS site that includes the paths in this folder.
https_of_name() {
  local file
  file=$(https_sites "$1" | grep -vxF -- "$2" | head -n 1)
  [ -z "$file" ] || printf 'other %s %s\n' "$(https_value ssl_certificate "$file")" "$(https_value ssl_certificate_key "$file")"
}

# https_value DIRECTIVE FILE: its first value in the file.
https_value() { sed -n "s/^[[:space:]]*$1[[:space:]][[:space:]]*\\([^;]*\\);.*/\\1/p" "$2" | head -n 1; }

# https_chain CHAIN [FOLDER]: print the certificate that nginx has for an app: for one with a path, that of the site whose paths
# are in this folder; else CHAIN.
https_chain() {
  local file
  file=
  if [ -n "${2:-}" ]; then file=$(https_sites "$2" | head -n 1); fi
  if [ -n "$file" ]; then https_value ssl_certificate "$file"; else printf '%s\n' "$1"; fi
}

# https_serves CHAIN DOMAIN PORT: nginx serves this certificate; else the step fails.
https_serves() {
  [ -z "$(https_served_instead "$1" "$2" "$3")" ] || step_fail "nginx was reloaded, but does not serve the certificate of $2 on port $3. Check in /etc/nginx/sites-enabled whether another site has that name, or listens on the server's own address."
}

# https_fact CHAIN STAMP DOMAIN PORT: if the certificate is newer than the stamp of nginx's last reload, print the output of
# https_served_instead after "Served=".
https_fact() {
  if stamp_older "$2" "$1"; then printf 'Served=%s\n' "$(https_served_instead "$1" "$3" "$4")"; fi
}

# https_served_instead CHAIN DOMAIN PORT: nothing if nginx serves this certificate; else the end date of the one that it serves, or "none".
https_served_instead() {
  local served
  served=$(timeout 5 openssl s_client -connect "127.0.0.1:$3" -servername "$2" </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256 -enddate 2>/dev/null) || :
  case $served in
    *"$(openssl x509 -in "$1" -noout -fingerprint -sha256)"*) ;;
    *notAfter=*) printf '%s\n' "${served##*notAfter=}" ;;
    *) echo none ;;
  esac
}
