# Redis of the distribution, or Valkey. Each app has one of its own, by the unit selvedge-redis@APP.

# Written before Selvedge installs it, until the server on port 6379 that the package starts is off.
redis_mark=/var/lib/selvedge/redis-installed

# redis_program: print the path of the program: the one in the unit, because another program may not read its data; else one that
# is installed; nothing without one.
redis_program() {
  local known each
  known=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' /etc/systemd/system/selvedge-redis@.service 2>/dev/null) || known=
  for each in "$known" /usr/bin/redis-server /usr/bin/valkey-server; do
    if [ -n "$each" ] && [ -x "$each" ]; then
      printf '%s\n' "$each"
      return 0
    fi
  done
}

# redis_fact: the program or an empty line, then "mark" if the package's own server is to be turned off.
redis_fact() {
  printf '%s\n' "$(redis_program)"
  if [ -e "$redis_mark" ]; then echo mark; fi
}

redis_install() {
  local package
  mkdir -p /var/lib/selvedge
  : >"$redis_mark"
  apt_lists_current || apt_fetch || step_say "could not refresh the package lists; using outdated ones"
  package=redis-server
  if apt-cache show --no-all-versions valkey-server >/dev/null 2>&1; then package=valkey-server; fi
  apt_install "$package"
  redis_off
}

# redis_off: turn off the server that the package has started.
redis_off() {
  local unit
  for unit in redis-server.service valkey-server.service; do
    if [ -n "$(systemctl show --value -p FragmentPath "$unit" 2>/dev/null)" ]; then systemctl -q disable --now "$unit"; fi
  done
  rm -f -- "$redis_mark"
}

# redis_unit PATH PROGRAM: write the unit on standard input, with the installed program in place of PROGRAM.
redis_unit() {
  sed "s,$2,$(redis_program),g" | file_put "$1" 0644 root root
}
