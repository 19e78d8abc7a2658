# The certificate that nginx serves on port 443.

# https_serves CHAIN DOMAIN: nginx serves this certificate; else the step fails.
https_serves() {
  [ -z "$(https_served_instead "$1" "$2")" ] || step_fail "nginx was reloaded, but does not serve the certificate of $2 on port 443. Check in /etc/nginx/sites-enabled whether another site has that name, or listens on the server's own address."
}

# https_fact CHAIN STAMP DOMAIN: if the certificate is newer than the stamp of nginx's last reload, print the output of
# https_served_instead after "Served=".
https_fact() {
  if stamp_older "$2" "$1"; then printf 'Served=%s\n' "$(https_served_instead "$1" "$3")"; fi
}

# https_served_instead CHAIN DOMAIN: nothing if nginx serves this certificate; else the end date of the one that it serves, or "none".
https_served_instead() {
  local served
  served=$(timeout 5 openssl s_client -connect 127.0.0.1:443 -servername "$2" </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256 -enddate 2>/dev/null) || :
  case $served in
    *"$(openssl x509 -in "$1" -noout -fingerprint -sha256)"*) ;;
    *notAfter=*) printf '%s\n' "${served##*notAfter=}" ;;
    *) echo none ;;
  esac
}
