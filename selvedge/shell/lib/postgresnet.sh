# PostgreSQL for other servers: on the server that has it, and on those that use it.
# Shared: version name

# The files that all apps of a server share. The same as in resources/databases/clients.py.
postgresnet_folder=/etc/selvedge/postgres
postgresnet_drop_in=/etc/systemd/system/postgresql@.service.d/selvedge-network.conf
# Certificates are replaced when they have less than 90 days left.
postgresnet_left=7776000

# postgresnet_begin, postgresnet_end: the lines around those of the app in pg_hba.conf. postgresnet_closed: the end of the line by
# which a restore rejects the app; the same as in server/backup/network.py.
# Values: app
postgresnet_begin() { printf '# selvedge: the servers that use the database %s' "$app"; }
# Values: app
postgresnet_end() { printf '# selvedge: end of %s' "$app"; }
# Values: app
postgresnet_closed() { printf '# selvedge: a restore of %s is not finished' "$app"; }

# postgresnet_block IN: print the app's lines of standard input, or, without IN, all other lines. Fails if the line after the app's
# lines is missing.
# Values: app
postgresnet_block() {
  awk -v begin="$(postgresnet_begin)" -v end="$(postgresnet_end)" -v closed="$(postgresnet_closed)" -v in_block="$1" '
    inside && index($0, "# selvedge: the servers that use the database ") == 1 { exit }
    $0 == begin { inside = 1; next }
    inside && $0 == end { inside = 0; next }
    { rejects = length($0) >= length(closed) && substr($0, length($0) - length(closed) + 1) == closed }
    (inside || rejects ? 1 : "") == in_block
    END { exit inside }'
}

# postgresnet_fact ADDRESS: what the server has for the servers that use its PostgreSQL at ADDRESS.
# Values: app base
postgresnet_fact() {
  local each
  printf '\n--- conf\n'
  for each in /etc/postgresql/*/*/conf.d/"60-selvedge-$app.conf"; do
    if [ -e "$each" ]; then cat -- "$each"; fi
  done
  printf '\n--- hba\n'
  for each in /etc/postgresql/*/*/pg_hba.conf; do
    if [ -e "$each" ]; then postgresnet_block 1 <"$each" || :; fi
  done
  printf '\n--- network\n'
  cat -- "$postgresnet_drop_in" 2>/dev/null || :
  printf '\n--- state\n'
  if postgresnet_certified "$1"; then echo certificate; fi
  if [ -e /etc/postgresql ] && [ ! -e "$postgres_mark" ]; then echo stranger; fi
  if restoring_whole; then echo closed; fi
  printf '\n--- password\n'
  postgresnet_has_password
}

# postgresnet_certified ADDRESS: whether there is a certificate for it that is valid for long enough.
postgresnet_certified() {
  [ -e "$postgresnet_folder/server.key" ] &&
    openssl x509 -in "$postgresnet_folder/server.pem" -noout -checkend "$postgresnet_left" >/dev/null 2>&1 &&
    openssl x509 -in "$postgresnet_folder/server.pem" -noout -checkip "$1" 2>/dev/null | grep -q 'does match'
}

# postgresnet_has_password: print iterations, salt and the hash of what PostgreSQL stores, if the app's role has a password.
# Values: app
postgresnet_has_password() {
  [ -e /etc/postgresql ] || return 0
  postgres_answer postgres postgres -v app="$app" 2>/dev/null <<'EOF' || :
select split_part(split_part(rolpassword, '$', 2), ':', 1), split_part(split_part(rolpassword, '$', 2), ':', 2),
  encode(sha256(convert_to(rolpassword, 'UTF8')), 'hex') from pg_authid where rolname = :'app' and rolpassword like 'SCRAM-SHA-256$%';
EOF
}

# postgresnet_certificate ADDRESS: make a certificate for it, unless there is one.
postgresnet_certificate() {
  [ -n "$(ip -o address show to "$1" 2>/dev/null)" ] || step_fail "This server has no address $1, at which PostgreSQL is to listen. Set private_address of this host in hosts.toml to one of: $(ip -o address show scope global | awk '{ sub("/.*", "", $4); print $4 }' | paste -s -d ' ')."
  if postgresnet_certified "$1"; then return 0; fi
  install -d -m 0750 -o root -g postgres -- "$postgresnet_folder"
  step_try openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7300 -subj "/CN=PostgreSQL of $(hostname)" \
    -addext "subjectAltName=IP:$1" -keyout "$undo/server.key" -out "$undo/server.pem" ||
    step_fail "Could not make a certificate for PostgreSQL: $reason."
  file_put "$postgresnet_folder/server.pem" 0644 root postgres <"$undo/server.pem"
  # A size, so that no backup of a key is kept.
  file_put "$postgresnet_folder/server.key" 0640 root postgres "$(wc -c <"$undo/server.key")" <"$undo/server.key"
}

# postgresnet_unit: write the drop-in on standard input.
postgresnet_unit() {
  cat >"$undo/drop-in"
  if cmp -s "$undo/drop-in" "$postgresnet_drop_in"; then return 0; fi
  file_put "$postgresnet_drop_in" 0644 root root <"$undo/drop-in"
  systemctl daemon-reload
}

# postgresnet_access: put the lines on standard input at the top of pg_hba.conf, in place of those of this app. Without any, delete them.
# Values: app base
postgresnet_access() {
  local hba
  postgres_cluster
  hba=$(postgres_folder)/pg_hba.conf
  cat >"$undo/hba"
  # A restore holds it, too, while it changes the file (server/backup/network.py).
  (umask 077 && mkdir -p /run/selvedge)
  exec 8>/run/selvedge/postgres.hba
  flock 8
  if [ -s "$undo/hba" ] && restoring_half; then
    step_fail "A restore has replaced only a part of the live data, so PostgreSQL must not let the other servers in. Run the same restore again: $(restoring_again)."
  fi
  postgresnet_block '' <"$hba" >"$undo/hba.rest" || step_fail "In $hba, the line \`$(postgresnet_end)\` is missing. Add it after the lines of $app, which begin with \`$(postgresnet_begin)\`. The file was not changed."
  {
    if [ -s "$undo/hba" ]; then
      postgresnet_begin && echo
      cat "$undo/hba"
      postgresnet_end && echo
    fi
    cat "$undo/hba.rest"
  } >"$undo/hba.new"
  file_put "$hba" 0640 postgres postgres <"$undo/hba.new"
  exec 8>&-
}

# postgresnet_password SIZE: run the SQL in the payload, which must not be in PostgreSQL's log.
postgresnet_password() {
  postgres_start
  {
    echo "set log_statement = 'none'; set log_min_duration_statement = -1; set log_min_error_statement = 'panic';"
    payload_read "$1"
  } | postgres_answer postgres postgres || step_fail "PostgreSQL could not set the password. Its own words are above."
}

# postgresnet_listen: write the settings on standard input, and make PostgreSQL use them.
# Values: app
postgresnet_listen() {
  postgres_cluster
  file_put "$(postgres_folder)/conf.d/60-selvedge-$app.conf" 0644 root root
  postgres_load
}

# postgresnet_off: let no other server in for this app. What the other apps share goes with the last of them.
# Values: app base
postgresnet_off() {
  local each
  postgres_cluster
  postgresnet_access </dev/null
  file_remove "$(postgres_folder)/conf.d/60-selvedge-$app.conf"
  postgres_load
  restoring_opened
  postgres_answer postgres postgres -v app="$app" <<'EOF' || step_fail "PostgreSQL could not delete the password of the role $app. Its own words are above."
select format('alter role %I password null', :'app') where exists (select from pg_roles where rolname = :'app') \gexec
EOF
  for each in "$(postgres_folder)"/conf.d/60-selvedge-*.conf; do
    if [ -e "$each" ]; then return 0; fi
  done
  file_remove "$postgresnet_drop_in" "$postgresnet_folder/server.pem" "$postgresnet_folder/server.key"
  rmdir -- "$postgresnet_folder" "${postgresnet_drop_in%/*}" 2>/dev/null || :
  systemctl daemon-reload
}

# postgresnet_close: the same, if other servers use the app's database.
# Values: app base
postgresnet_close() {
  local each
  for each in /etc/postgresql/*/*/conf.d/"60-selvedge-$app.conf"; do
    if [ -e "$each" ]; then postgresnet_off; fi
  done
}

# postgresnet_shown ADDRESS: print the certificate that PostgreSQL there shows, or nothing.
postgresnet_shown() {
  case $1 in *:*) set -- "[$1]" ;; esac
  timeout 5 openssl s_client -starttls postgres -connect "$1:5432" </dev/null 2>/dev/null | openssl x509 2>/dev/null
}

# postgresnet_certificates PATH ADDRESS: print the fingerprint of the certificate in the file, and of the one that is shown there.
postgresnet_certificates() {
  openssl x509 -in "$1" -noout -fingerprint -sha256 2>/dev/null || echo
  postgresnet_shown "$2" | openssl x509 -noout -fingerprint -sha256 2>/dev/null || echo
}

# postgresnet_login ADDRESS: print the connection string of a login that succeeds only if the server knows the password, too.
# Values: app
postgresnet_login() {
  printf "%s='%s' " host "$1" port 5432 user "$app" dbname "$app" sslmode verify-full sslrootcert "$undo/shown" channel_binding require
}

# postgresnet_trust PATH HOST ADDRESS SIZE: store the certificate that PostgreSQL shows at ADDRESS, after it has proved with the
# password that it is its own. The payload is the line of a password file (libpq, pgpass).
# Values: app
postgresnet_trust() {
  local since
  (umask 077 && payload_read "$4" >"$undo/pgpass")
  since=$(date +%s)
  until postgresnet_shown "$3" >"$undo/shown" && [ -s "$undo/shown" ]; do
    [ "$(date +%s)" -lt "$((since + 60))" ] || step_fail "PostgreSQL on $2 does not answer at $3, port 5432. Set it up first, and open its port: \`fab -H $2 setup\`."
    step_wait "waiting for PostgreSQL on $2"
    sleep 1
  done
  step_try env -i PATH="$PATH" LC_ALL=C.UTF-8 PGPASSFILE="$undo/pgpass" PGCONNECT_TIMEOUT=10 psql -X -w -q -o /dev/null -c 'select 1' \
    "$(postgresnet_login "$3")" || {
    case $reason in
      *' rejects connection '*) step_fail "PostgreSQL on $2 rejects the login of $app, because a restore there is not finished. \`fab -H $2 status\` shows how to finish it." ;;
    esac
    step_fail "PostgreSQL on $2 refused the login of $app: $(printf '%s' "$reason" | sed 's/^.*FATAL: *//'). If the password or the servers have changed, run \`fab -H $2 harden postgres\` first."
  }
  file_put "$1" 0644 root root <"$undo/shown"
}
