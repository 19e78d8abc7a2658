# Certificates by certbot: reading one, requesting one after a check of DNS and port 80, rehearsing a renewal.
# Shared: certbot_problems

# certbot_renewal CHAIN UNIT: print "renewal=failed" if the last renewal by this unit failed after the certificate was issued.
certbot_renewal() {
  local ended result
  result=$(systemctl show --value -p Result "$2" 2>/dev/null) || return 0
  case $result in '' | success) return 0 ;; esac
  ended=$(TZ=UTC LC_ALL=C systemctl show --value -p ExecMainExitTimestamp "$2" 2>/dev/null)
  ended=$(date -d "${ended:-unknown}" +%s 2>/dev/null) || ended=0
  # The file is a link to the newest certificate.
  if [ "$ended" -eq 0 ] || [ "$(stat -L -c %Y "$1")" -le "$ended" ]; then printf 'renewal=%s\n' failed; fi
}

# certbot_fact NAME UNIT: the certificate's dates and names, the settings and the result of its renewal by this unit, and the
# server's time.
certbot_fact() {
  if [ -s "/etc/letsencrypt/live/$1/fullchain.pem" ] && [ -s "/etc/letsencrypt/live/$1/privkey.pem" ]; then
    date '+now=%s'
    certbot_renewal "/etc/letsencrypt/live/$1/fullchain.pem" "$2"
    openssl x509 -in "/etc/letsencrypt/live/$1/fullchain.pem" -noout -startdate -enddate -ext subjectAltName || true
    grep -E '^(server|authenticator|webroot_path|renew_hook|dns_[a-z0-9_]+_(credentials|propagation_seconds)) = ' "/etc/letsencrypt/renewal/$1.conf" || true
  fi
}

# certbot_issue ARGUMENT…: request a certificate with these arguments of certbot, after a check of the names in $checked. domain: a
# name of the certificate, for messages. The file account.ini has the key of an account at the authority.
# Values: program server webroot checked domain
certbot_issue() {
  local waited log account
  # shellcheck disable=SC2086 # a host name has no space
  [ -z "$checked" ] || certbot_check certificate $checked
  certbot_trust
  account=${undo:?}/account.ini
  if [ -e "$account" ]; then
    set -- --config "$account" "$@"
    ! certbot_registered || step_say "certbot uses the account that this server already has at $server: eab_kid is for a new one only"
  fi
  step_say "requesting the certificate from $server"
  waited=0
  while log=$(acme_log_begin) && ! "$program" certonly --non-interactive --agree-tos --key-type ecdsa --server "$server" \
    --renew-with-new-domains --force-renewal "$@" >"$undo/certbot" 2>&1; do
    if [ "$waited" -lt 120 ] && grep -q 'Another instance of Certbot' "$undo/certbot"; then
      step_say "waiting for another certbot on the server to end"
      sleep 5
      waited=$((waited + 5))
      continue
    fi
    rm -f -- "$account"
    cat "$undo/certbot"
    acme_refused "$undo/certbot" "$log"
  done
  rm -f -- "$account"
  cat "$undo/certbot"
}

# certbot_registered: whether this server has an account at the authority.
# Values: server
certbot_registered() {
  local file
  for file in /etc/letsencrypt/accounts/"${server#*://}"/*/regr.json; do [ ! -e "$file" ] || return 0; done
  return 1
}

# certbot_rehearse_site NAME PROGRAM SERVER FOLDER: certbot_rehearse, for an app with a path: with the certificate of the site whose
# paths are in this folder, if the app has none itself.
certbot_rehearse_site() {
  local name
  name=$1
  if [ ! -e "/etc/letsencrypt/renewal/$1.conf" ]; then name=$(https_chain "" "$4") name=${name%/*} name=${name##*/}; fi
  certbot_rehearse "$name" "$2" "$3"
}

# certbot_rehearse NAME PROGRAM [SERVER]: a renewal that keeps no certificate and reloads nothing. It asks Let's Encrypt's
# staging environment, or the authority at SERVER itself.
certbot_rehearse() {
  if [ ! -x "$2" ] || [ ! -e "/etc/letsencrypt/renewal/$1.conf" ]; then
    echo "There is no certificate from certbot yet."
    return 1
  fi
  certbot_trust
  "$2" renew --dry-run --no-random-sleep-on-renew --cert-name "$1" ${3:+--server "$3"}
}

# certbot_trust: make certbot trust the private authorities ([tls] acme_ca) besides the system's.
certbot_trust() {
  local authority
  for authority in /etc/selvedge/*/acme-ca.pem; do
    [ -e "$authority" ] || return 0
  done
  [ -d /run/selvedge ] || mkdir -m 0700 /run/selvedge
  cat /etc/ssl/certs/ca-certificates.crt /etc/selvedge/*/acme-ca.pem >/run/selvedge/acme-ca.pem
  REQUESTS_CA_BUNDLE=/run/selvedge/acme-ca.pem
  export REQUESTS_CA_BUNDLE
}

# certbot_used NAME: whether an enabled site uses this certificate.
certbot_used() { grep -qsF -- "/etc/letsencrypt/live/$1/" /etc/nginx/sites-enabled/*; }

# certbot_left WEBROOT: the certificates of removed apps that no site uses.
certbot_left() {
  local file name
  for file in /etc/letsencrypt/renewal/*.conf; do
    name=${file##*/} name=${name%.conf}
    if grep -qs -e "^webroot_path = $1" -e '^authenticator = dns-' "$file" && grep -qs '^renew_hook = nginx -t -q' "$file" &&
      ! [ -e "/etc/nginx/sites-available/$name" ] && ! [ -e "/srv/$name/repo.git" ] && ! certbot_used "$name"; then
      printf '%s\n' "$name"
    fi
  done
}

# certbot_delete PROGRAM NAME…: delete certificates.
certbot_delete() {
  local program name
  program=$1
  shift
  for name; do
    "$program" delete --non-interactive --cert-name "$name" >"${undo:?}/certbot" 2>&1 || { cat "$undo/certbot"; step_fail "certbot could not delete the certificate $name."; }
  done
}

# certbot_lead_here DOMAIN…: names that the site will get lead to this server, or to a proxy in front of it; else the step fails.
# Values: webroot
certbot_lead_here() { certbot_check name "$@"; }

# certbot_check WHAT DOMAIN…: each name must lead to this server, and port 80 must answer with our token. This comes before the
# request, because an authority limits the number of failed ones. WHAT is `certificate`, or `name` before nginx serves the
# names: then an address of the server, or of a proxy, is enough.
certbot_check() {
  local what folder token addresses domain
  command -v curl >/dev/null 2>&1 || step_fail "curl is not installed on the server. Run \`fab install\` first."
  what=$1
  shift
  folder=$webroot/.well-known/acme-challenge
  token=selvedge-$(od -A n -N 8 -t x1 /dev/urandom | tr -d ' \n')
  mkdir -p -- "$folder"
  printf '%s' "$token" >"$folder/$token"
  addresses=$(ip -o address show | awk '{ sub("/.*", "", $4); print $4 }')
  certbot_problems=
  for domain in "$@"; do certbot_check_domain "$domain" "$token" "$addresses"; done
  rm -f -- "$folder/$token"
  [ -n "$certbot_problems" ] || return 0
  if [ "$what" = name ]; then step_fail "The site keeps its present names.$certbot_problems"; fi
  step_fail "No certificate was requested.$certbot_problems"
}

# certbot_check_domain DOMAIN TOKEN SERVER_ADDRESSES
certbot_check_domain() {
  local found address
  # Without --no-addrconfig (glibc 2.36) a server that has no IPv6 itself does not see a wrong AAAA record.
  found=$(getent --no-addrconfig ahosts "$1" 2>/dev/null || getent ahosts "$1" || true)
  found=$(printf '%s\n' "$found" | awk 'NF { print $1 }' | sort -u)
  if [ -z "$found" ]; then
    certbot_problems="$certbot_problems $1 has no address in DNS: add an A record with this server's public address."
  fi
  for address in $found; do certbot_check_address "$@" "$address"; done
}

# certbot_check_address DOMAIN TOKEN SERVER_ADDRESSES ADDRESS: as an authority, follow redirects to HTTPS, too.
certbot_check_address() {
  local at record answer outcome proxy
  case $4 in *:*) at="[$4]" record=AAAA ;; *) at=$4 record=A ;; esac
  answer=$(curl --silent --show-error --max-time 10 --noproxy '*' --resolve "$1:80:$at" --resolve "$1:443:$at" --location --insecure \
    --max-redirs 5 --dump-header "$undo/headers" \
    --write-out '\nHTTP status %{http_code}' "http://$1/.well-known/acme-challenge/$2" 2>&1 | head -c 2000 || true)
  if [ "$(printf '%s\n' "$answer" | head -n 1)" = "$2" ]; then return 0; fi
  outcome=$(printf '%s\n' "$answer" | grep -E '^curl:|^HTTP status' | head -n 1)
  proxy=$(certbot_proxy)
  if printf '%s\n' "$3" | grep -qxF -- "$4"; then
    [ "$what" = name ] ||
      certbot_problems="$certbot_problems nginx on this server does not serve http://$1/.well-known/acme-challenge/ at $4 ($outcome): run \`fab nginx\`, and check the other sites in /etc/nginx/sites-enabled."
  elif [ -n "$proxy" ]; then
    [ "$what" = name ] ||
      certbot_problems="$certbot_problems $1 resolves to $4, where a proxy answers ($proxy; $outcome), and it does not pass on the answer of this server. If the proxy is yours, you have three options: let the name lead straight to this server until it has the certificate (at Cloudflare the grey cloud, \"DNS only\"); or leave HTTPS to the proxy, with upstream = true under [tls] and trusted_proxies under [nginx]; or bring a certificate, with certificate and certificate_key under [tls]. If it is not yours, correct the $record record in DNS."
  elif certbot_behind_nat "$4" "$3"; then
    step_say "cannot check from the server whether $1 ($4) resolves to it, because its own addresses are private (NAT)"
  else
    certbot_problems="$certbot_problems $1 resolves to $4, not to this server ($(printf '%s\n' "$3" | grep -vE '^(127\.|::1$|fe80:)' | paste -s -d , -)): correct its $record record in DNS, and wait until the old record has expired."
  fi
}

# certbot_proxy: print how the answer in $undo/headers shows that a proxy or CDN gave it; nothing for any other server.
certbot_proxy() {
  tr -d '\r' <"$undo/headers" 2>/dev/null |
    grep -m 1 -iE '^(server: *(cloudflare|cloudfront|akamai.*|bunnycdn.*|fastly.*|varnish.*|keycdn.*|sucuri.*|imperva.*|ddos-guard.*)|cf-ray:.*|via:.*|x-served-by:.*|x-cache:.*|x-amz-cf-id:.*|x-azure-ref:.*|x-iinfo:.*)$' |
    cut -c 1-80 || :
}

# certbot_behind_nat ADDRESS SERVER_ADDRESSES: a public IPv4 address, and this server has none itself.
certbot_behind_nat() {
  local own
  case $1 in *:*) return 1 ;; esac
  if certbot_private "$1"; then return 1; fi
  for own in $2; do
    case $own in *:*) continue ;; esac
    certbot_private "$own" || return 1
  done
}

# certbot_private ADDRESS: an IPv4 address of RFC 1918, 6598, 3927 or 1122.
certbot_private() {
  case $1 in
    10.* | 192.168.* | 127.* | 169.254.* | 172.1[6-9].* | 172.2[0-9].* | 172.3[01].*) return 0 ;;
    100.6[4-9].* | 100.[7-9][0-9].* | 100.1[01][0-9].* | 100.12[0-7].*) return 0 ;;
  esac
  return 1
}

# certbot_snap: install certbot from the snap store, as its own instructions say.
certbot_snap() {
  apt_install snapd
  timeout 120 snap wait system seed.loaded || step_fail "snapd did not start within 2 minutes on this server."
  snap install core
  snap refresh core
  snap install --classic certbot
  [ -e /usr/bin/certbot ] || ln -s /snap/bin/certbot /usr/bin/certbot
}
