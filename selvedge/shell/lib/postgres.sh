# PostgreSQL of the distribution: its clusters, and the role and the database of an app.
# Shared: version name port

# Written before Selvedge installs PostgreSQL. A PostgreSQL that was here before keeps its own settings.
postgres_mark=/var/lib/selvedge/postgres-installed

# Which rights the app's role has, who may connect to its database, and what waits for a restart. All roles may ask.
# shellcheck disable=SC2016
postgres_questions="
select 'role', rolcanlogin, rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or exists (
  select from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid and g.rolname like 'pg\\_%')
  from pg_roles r where rolname = :'app';
select 'database', has_database_privilege('public', oid, 'connect'), pg_get_userbyid(datdba) from pg_database where datname = :'app';
select 'restart', name from pg_settings where pending_restart and name in ('listen_addresses', 'shared_buffers');
"

# postgres_clusters: "VERSION NAME PORT" of each. pg_lsclusters would need a tenth of a second.
postgres_clusters() {
  local file folder
  for file in /etc/postgresql/*/*/postgresql.conf; do
    [ -e "$file" ] || continue
    folder=${file%/postgresql.conf}
    port=$(sed -n "s/^[[:space:]]*port[[:space:]]*=\{0,1\}[[:space:]]*'\{0,1\}\([0-9]*\).*/\1/p" "$file" | tail -n 1)
    name=${folder##*/} folder=${folder%/*}
    printf '%s %s %s\n' "${folder##*/}" "$name" "${port:-5432}"
  done
}

# postgres_cluster: set $version and $name to those of the cluster that the apps use.
postgres_cluster() {
  local found
  found=$(postgres_clusters | grep ' 5432$' | head -n 1)
  [ -n "$found" ] || step_fail "PostgreSQL has no cluster with the port 5432 on this server. Its clusters: \`pg_lsclusters\`."
  version=${found%% *} name=${found#* } name=${name% *}
}

# postgres_unit: print the unit of that cluster, or of all clusters if there is none.
postgres_unit() {
  postgres_clusters | awk '$3 == 5432 { print "postgresql@" $1 "-" $2; found = 1; exit } END { if (!found) print "postgresql" }'
}

postgres_folder() { printf '/etc/postgresql/%s/%s' "$version" "$name"; }

# postgres_psql USER DATABASE [ARGUMENT…]: run the SQL on standard input as this user. The wrapper /usr/bin/psql is a Perl program,
# which starts slowly.
postgres_psql() {
  local account database program each
  account=$1 database=$2
  shift 2
  program=psql
  for each in /usr/lib/postgresql/*/bin/psql; do
    if [ -x "$each" ]; then program=$each; fi
  done
  user_run "$account" env -i LC_ALL=C.UTF-8 PGCONNECT_TIMEOUT=5 "$program" -X -w -v ON_ERROR_STOP=1 -h /run/postgresql -d "$database" "$@"
}

# postgres_answer USER DATABASE [ARGUMENT…]: the same, for a program that reads the answer.
postgres_answer() { postgres_psql "$@" -q -A -t -F ' '; }

# postgres_run: run $command, SQL or psql's own commands, in the app's database as its user. Its exit status comes after the mark.
# Values: app command
postgres_run() {
  local status
  status=0
  printf '%s\n' "$command" | postgres_psql "$app" "$app" || status=$?
  printf '\n%s %s\n' "$mark" "$status"
}

# postgres_fact: what the server has of PostgreSQL, and of the app in it.
# Values: app
postgres_fact() {
  local each
  printf 'memory %s\n' "$(probe_memory)"
  for each in /usr/lib/postgresql/*/bin/postgres; do
    if [ -x "$each" ]; then
      each=${each%/bin/postgres}
      printf 'server %s\n' "${each##*/}"
    fi
  done
  postgres_clusters | sed 's/^/cluster /'
  if [ -e "$postgres_mark" ]; then echo ours; fi
  if [ -e /etc/postgresql ]; then postgres_state; fi
  printf -- '\n--- file\n'
  for each in /etc/postgresql/*/*/conf.d/50-selvedge.conf; do
    if [ -e "$each" ]; then cat -- "$each"; fi
  done
}

# postgres_state: "login" and the answers, if the app's user can log in to the app's database; else those that the superuser gets.
# Values: app
postgres_state() {
  local said
  if said=$(printf '%s' "$postgres_questions" | postgres_answer "$app" "$app" -v app="$app" 2>/dev/null); then
    printf 'login\n%s\n' "$said"
  elif said=$(printf '%s' "$postgres_questions" | postgres_answer postgres postgres -v app="$app" 2>&1); then
    printf '%s\n' "$said"
  else
    printf 'silent %s\n' "$(printf '%s\n' "$said" | tail -n 1)"
  fi
}

# postgres_has: print "PostgreSQL's database and role NAME" if the app has one of them.
# Values: app
postgres_has() {
  [ -e /etc/postgresql ] || return 0
  postgres_answer postgres postgres -v app="$app" 2>/dev/null <<'EOF' || :
select 'PostgreSQL''s database and role ' || :'app' where exists (select from pg_roles where rolname = :'app' and not rolsuper);
EOF
}

# postgres_others: print "other NAME" for each database of the app's role that postgres_drop does not delete. PostgreSQL would not
# delete the role.
# Values: app
postgres_others() {
  [ -e /etc/postgresql ] || return 0
  postgres_answer postgres postgres -v app="$app" 2>/dev/null <<'EOF' || :
select 'other ' || translate(datname, E'\n\r', '  ') from pg_database
  where pg_get_userbyid(datdba) = :'app' and datname <> :'app' and datname !~ '_(restored|rehearsed|replaced)$' order by 1;
EOF
}

# postgres_drop: delete the app's database and role, and the databases of its backups beside it. A database of another owner stays.
# Values: app
postgres_drop() {
  [ -n "$(postgres_has)" ] || return 0
  postgres_answer postgres postgres -v app="$app" <<'EOF' || step_fail "PostgreSQL could not delete the database and the role $app. Its own words are above."
select format('drop database %I with (force)', datname) from pg_database where pg_get_userbyid(datdba) = :'app'
  and (datname = :'app' or datname ~ '_(restored|rehearsed|replaced)$') \gexec
select format('drop role %I', :'app') \gexec
EOF
}

postgres_install() {
  mkdir -p /var/lib/selvedge
  : >"$postgres_mark"
  apt_install postgresql
}

# postgres_ask SQL: print the superuser's answer.
postgres_ask() { printf '%s\n' "$1" | postgres_answer postgres postgres; }

# postgres_start: start the cluster, and wait until it answers. After a crash it first replays its log.
postgres_start() {
  local waited
  postgres_cluster
  service_run start "postgresql@$version-$name.service"
  waited=0
  until postgres_ask 'select 1' >"$undo/postgres" 2>&1; do
    waited=$((waited + 1))
    [ "$waited" -lt 300 ] || step_fail "PostgreSQL $version/$name does not answer: $(tail -n 1 "$undo/postgres"). See its log on the server: \`sudo tail /var/log/postgresql/postgresql-$version-$name.log\`."
    [ "$waited" -ne 10 ] || step_wait "waiting for PostgreSQL to answer"
    sleep 0.2
  done
}

# postgres_settings: write the settings on standard input, and make PostgreSQL use them.
postgres_settings() {
  postgres_cluster
  file_put "$(postgres_folder)/conf.d/50-selvedge.conf" 0644 root root
  postgres_load
}

# postgres_load: have the cluster read its settings. It restarts only if one of Selvedge's needs that.
postgres_load() {
  local before waited unit
  postgres_start
  unit=postgresql@$version-$name.service
  before=$(postgres_ask 'select pg_conf_load_time()')
  service_run reload "$unit"
  waited=0
  while [ "$waited" -lt 50 ] && [ "$(postgres_ask 'select pg_conf_load_time()')" = "$before" ]; do
    waited=$((waited + 1))
    sleep 0.1
  done
  printf '%s' "$postgres_questions" | postgres_answer postgres postgres -v app=postgres | grep -q '^restart ' || return 0
  step_say "restarting PostgreSQL, because a setting needs it"
  # As a condition, so that this shell goes on if it fails.
  if (service_run restart "$unit" && postgres_start); then return 0; fi
  file_restore
  (postgres_start) || :
  step_fail "PostgreSQL $version/$name does not start with Selvedge's settings, so they were removed again. See its log on the server: \`sudo tail /var/log/postgresql/postgresql-$version-$name.log\`."
}

# postgres_create: make the app's role and database where they are missing, and close the database to other roles. Sorting by code
# points (C.UTF-8) is the same on every server and after each upgrade of the C library.
# Values: app
postgres_create() {
  postgres_start
  postgres_answer postgres postgres -v app="$app" <<'EOF' || step_fail "PostgreSQL could not create the role and the database $app. Its own words are above."
select format('create role %I login', :'app') where not exists (select from pg_roles where rolname = :'app') \gexec
select format('create database %I owner %I encoding ''UTF8'' locale ''C.UTF-8'' template template0', :'app', :'app')
  where not exists (select from pg_database where datname = :'app') \gexec
alter role :"app" login;
revoke all on database :"app" from public;
EOF
  echo 'select 1' | postgres_answer "$app" "$app" >"$undo/postgres" 2>&1 ||
    step_fail "PostgreSQL does not let the user $app log in to its database: $(tail -n 1 "$undo/postgres"). Its file $(postgres_folder)/pg_hba.conf needs the distribution's line \`local all all peer\`."
}
