# Docker on the server.

# Written before Selvedge installs Docker. One that was here before keeps the addresses at which its containers publish ports.
dockerengine_mark=/var/lib/selvedge/docker-installed

dockerengine_path=/usr/bin/docker

# dockerengine_fact: print the client's path if it is installed, even if another program has put it elsewhere.
dockerengine_fact() {
  local path
  for path in "$dockerengine_path" /snap/bin/docker "$(command -v docker)"; do
    if [ -x "$path" ]; then
      echo "$path"
      return
    fi
  done
}

# dockerengine_settings: print a line with "swarm" and "stranger", as far as they apply, then the file with the engine's settings.
dockerengine_settings() {
  if [ -s /var/lib/docker/swarm/docker-state.json ]; then printf 'swarm '; fi
  if command -v docker >/dev/null && [ ! -e "$dockerengine_mark" ]; then printf stranger; fi
  echo
  cat /etc/docker/daemon.json 2>/dev/null || :
}

# dockerengine_put SIZE: overwrite the file with the engine's settings from descriptor 3. Its mode and owner stay, because it may have
# secrets, and so does a copy that only root can reach.
dockerengine_put() {
  local file
  file=/etc/docker/daemon.json
  file_backup "$file" || step_fail "Could not keep a copy of $file in /var/backups/selvedge. It was not changed."
  # shellcheck disable=SC2046 # Three words without blanks.
  head -c "$1" <&3 | file_put "$file" $(stat -Lc '%a %u %g' "$file") "$1"
}

# dockerengine_install: the distribution's engine. From Debian 13 on, its client and the builder are packages of their own.
dockerengine_install() {
  local package
  mkdir -p "${dockerengine_mark%/*}"
  : >"$dockerengine_mark"
  apt_lists_current || apt_fetch || step_say "could not refresh the package lists; using outdated ones"
  set -- docker.io
  for package in docker-cli docker-buildx; do
    if apt-cache show --no-all-versions "$package" >/dev/null 2>&1; then set -- "$@" "$package"; fi
  done
  apt_install "$@"
}

# dockerengine_load: have the engine load its settings. Only with the first of them, live-restore, do containers survive its restart, so
# an engine that has not taken it is not restarted. A command line with the same setting makes it refuse the file.
dockerengine_load() {
  local tries
  systemctl daemon-reload
  service_run reload docker
  tries=0
  until docker_ask GET /info | grep -q '"LiveRestoreEnabled":true'; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || step_fail "Docker has not taken live-restore from /etc/docker/daemon.json, and without it a restart would stop all containers of this server. Look for a setting that is given twice: \`systemctl cat docker\`, and in the log: \`sudo journalctl -u docker -n 20\`"
    sleep 0.2
  done
  service_run restart docker
}
