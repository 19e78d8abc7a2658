# Python on the server, from the distribution, deadsnakes, uv or pyenv, and tools in their own virtual environments.
# Shared: python_prefix

python_root=/opt/selvedge
python_certificates=/etc/ssl/certs/ca-certificates.crt
python_pyenv_url=https://github.com/pyenv/pyenv.git

# python_fact LINK MINOR: the target of the link to a prefix, if the prefix has this Python with its venv module.
python_fact() {
  if [ -x "$1/bin/python$2" ] && [ -e "$1/lib/python$2/ensurepip/__init__.py" ]; then readlink "$1"; fi
}

# python_tool_fact NAME: the requirement that the tool was installed from.
python_tool_fact() {
  if [ -x "$python_root/$1/bin/$1" ]; then probe_line "$python_root/$1/.requirement"; fi
}

# python_tool_install NAME REQUIREMENT…: the requirements are written last, so an interrupted installation is made again.
# Values: pypi_mirror
python_tool_install() {
  local name
  name=$1
  shift
  python3 -c 'import ensurepip' 2>/dev/null || apt_install python3 python3-venv
  step_try python3 -m venv --clear "$python_root/$name" || step_fail "python3 could not make a virtual environment in $python_root/$name: $reason."
  step_try python_env ${pypi_mirror:+PIP_INDEX_URL="$pypi_mirror" PIP_TRUSTED_HOST="$(python_trusted)"} \
    "$python_root/$name/bin/python" -m pip --no-cache-dir --disable-pip-version-check --quiet install "$@" ||
    step_fail "pip could not install $* on the server${pypi_mirror:+ from $pypi_mirror}: $reason."
  printf '%s\n' "$*" >"$python_root/$name/.requirement"
}

# python_env [NAME=VALUE…] COMMAND…: programs that bring their own list of certificate authorities get the system's.
python_env() {
  if [ -e "$python_certificates" ]; then set -- SSL_CERT_FILE="$python_certificates" PIP_CERT="$python_certificates" "$@"; fi
  env "$@"
}

# python_trusted: print the host of a mirror that has no certificate, which pip does not use otherwise.
python_trusted() {
  local host
  case $pypi_mirror in http://*) host=${pypi_mirror#http://} && printf '%s' "${host%%/*}" ;; esac
}

# python_is EXECUTABLE VERSION: the executable has this version, or this minor version.
python_is() {
  case "$(probe_python_version "$1")." in
    "$2".*) return 0 ;;
    *) return 1 ;;
  esac
}

# python_install VERSION SOURCE UV_REQUIREMENT: each source sets $python_prefix.
# Values: pypi_mirror python_mirror
python_install() {
  local wanted minor
  wanted=$1
  minor=$(printf '%s\n' "$1" | cut -d . -f 1-2)
  python_prefix=
  case $2 in
    auto) python_auto "$3" ;;
    system)
      python_system || step_fail "This server's distribution has no package of Python $1 (its python3 is $(probe_python_version /usr/bin/python3)). In hosts.toml, set app.python to that version, or app.python_from to \"auto\", \"uv\" or \"pyenv\"."
      ;;
    deadsnakes) python_deadsnakes || step_fail "deadsnakes has no Python $1 for this release of Ubuntu. Set app.python_from to \"auto\" or \"uv\" in hosts.toml." ;;
    uv) python_uv "$3" ;;
    pyenv) python_pyenv ;;
  esac
  python_is "$python_prefix/bin/python$minor" "$1" ||
    step_fail "hosts.toml asks for Python $1, but $python_prefix/bin/python$minor is Python $(probe_python_version "$python_prefix/bin/python$minor")."
  mkdir -p "$python_root/python"
  ln -sfn -- "$python_prefix" "$python_root/python/.new"
  mv -fT -- "$python_root/python/.new" "$python_root/python/$1"
}

python_auto() {
  if python_system; then return 0; fi
  if grep -q '^ID=ubuntu$' /etc/os-release && python_deadsnakes; then return 0; fi
  python_uv "$1"
}

# Debian splits ensurepip off into the package pythonX.Y-venv.
python_system() {
  apt_lists_current || apt_fetch || step_say "could not refresh the package lists; using outdated ones"
  apt-cache show "python$minor-venv" >/dev/null 2>&1 || return 1
  case $(apt-cache policy "python$minor" | sed -n 's/^ *Candidate: *//p') in
    "$wanted" | "$wanted"[!0-9]*) ;;
    *) return 1 ;;
  esac
  apt_install "python$minor" "python$minor-venv" || step_fail "apt could not install python$minor."
  python_prefix=/usr
}

python_deadsnakes() {
  grep -q '^ID=ubuntu$' /etc/os-release || step_fail "deadsnakes has packages for Ubuntu only. Set app.python_from to \"auto\" or \"uv\" in hosts.toml."
  apt_install software-properties-common || step_fail "apt could not install software-properties-common."
  # It checks the fingerprint of the archive's key, and writes the sources file for this release.
  step_try add-apt-repository --yes --no-update ppa:deadsnakes/ppa ||
    step_fail "Could not add the package archive ppa:deadsnakes/ppa: $reason. Check that the server can reach it, or set app.python_from to \"uv\" in hosts.toml."
  apt_update
  python_system
}

python_uv() {
  local found remedy
  remedy="Choose another app.python, or set app.python_from, in hosts.toml"
  if [ -n "$python_mirror" ]; then remedy="If $python_mirror does not have this build, set another python under [mirrors] in hosts.toml, or \"\" for none. Or choose another app.python"; fi
  [ "$(python_tool_fact uv)" = "$1" ] || python_tool_install uv "$1"
  step_try python_env UV_PYTHON_INSTALL_DIR="$python_root/pythons/uv" UV_NO_PROGRESS=1 \
    ${python_mirror:+UV_PYTHON_INSTALL_MIRROR="$python_mirror"} \
    "$python_root/uv/bin/uv" python install --no-bin "$wanted" ||
    step_fail "uv could not install Python $wanted: $reason. $remedy."
  found=$(UV_PYTHON_INSTALL_DIR=$python_root/pythons/uv "$python_root/uv/bin/uv" python find --managed-python "$wanted") ||
    step_fail "uv cannot find the Python $wanted that it installed."
  # uv makes its lock file writable for everyone.
  [ ! -e "$python_root/pythons/uv/.lock" ] || chmod 600 "$python_root/pythons/uv/.lock"
  found=$(readlink -f -- "$found")
  python_prefix=${found%/bin/*}
}

python_pyenv() {
  local exact
  # pyenv's own list for Debian, without Tk.
  apt_install git build-essential libssl-dev zlib1g-dev libbz2-dev libreadline-dev libsqlite3-dev libncurses-dev \
    xz-utils libxml2-dev libxmlsec1-dev libffi-dev liblzma-dev curl ca-certificates
  if [ -d "$python_root/pyenv/.git" ]; then
    git -C "$python_root/pyenv" pull --quiet --ff-only || step_say "could not update pyenv; using the installed version"
  else
    rm -rf -- "$python_root/pyenv"
    step_try env GIT_TERMINAL_PROMPT=0 git clone --quiet --depth 1 "$python_pyenv_url" "$python_root/pyenv" ||
      step_fail "git could not fetch pyenv from $python_pyenv_url: $reason. Check that the server can reach it, or set app.python_from to \"uv\" in hosts.toml."
  fi
  step_say "pyenv builds Python $wanted from source, which takes several minutes"
  exact=$("$python_root/pyenv/bin/pyenv" latest --known "$wanted") || step_fail "pyenv does not know Python $wanted. Choose another app.python in hosts.toml."
  python_prefix=$python_root/pythons/pyenv/$exact
  python_is "$python_prefix/bin/python$minor" "$exact" ||
    step_try "$python_root/pyenv/plugins/python-build/bin/python-build" "$exact" "$python_prefix" ||
    step_fail "pyenv could not build Python $exact: $reason. Choose another app.python, or set app.python_from, in hosts.toml."
}
