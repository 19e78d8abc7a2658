# Debian packages that the distribution may not have: those of server.packages, and modules of nginx.

# packages_install PACKAGE…: install packages that hosts.toml names, which the distribution may not have.
packages_install() {
  local name others
  apt_lists_current || apt_fetch || step_say "could not refresh the package lists; using outdated ones"
  for name; do
    if apt-cache show --no-all-versions "$name" >/dev/null 2>&1; then continue; fi
    # dpkg would never list the name of a virtual package as installed.
    others=$(apt-cache showpkg "$name" 2>/dev/null | sed -n '/^Reverse Provides:/,$s/^\([a-z0-9][^ ]*\) .*/\1/p' | sort -u | head -n 5 | paste -s -d ' ')
    if [ -n "$others" ]; then
      step_fail "This server's distribution has no package $name, but these packages provide it: $others. Name one of them in server.packages."
    fi
    step_fail "This server's distribution has no package $name (server.packages)."
  done
  apt_install "$@"
}

# packages_nginx SETTING PACKAGE…: install modules of nginx. They fit only the nginx of the same distribution.
packages_nginx() {
  local setting name
  setting=$1
  shift
  apt_lists_current || apt_fetch || step_say "could not refresh the package lists; using outdated ones"
  for name; do
    apt-cache show --no-all-versions "$name" >/dev/null 2>&1 ||
      step_fail "This server's distribution has no package $name. Delete $setting from [nginx] in hosts.toml."
  done
  # shellcheck disable=SC2016
  step_try sh -c 'apt-get -s -qq --no-remove --no-install-recommends install "$@" >/dev/null' sh "$@" ||
    step_fail "The packages $* do not fit the nginx of this server, which may be from another source: $reason. Delete $setting from [nginx] in hosts.toml."
  apt_install "$@"
}
