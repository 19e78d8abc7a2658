# What to do about the error of an app that does not start. Reads $base, $new and $module.

# hint_for TEXT…: print ". " and what to do, if one of the texts names a module or a shared library that is missing.
hint_for() {
  local text found
  for text; do
    found=$(hint_in "$text")
    if [ -n "$found" ]; then
      printf '%s' "$found"
      return 0
    fi
  done
}

hint_in() {
  local name
  name=$(printf '%s\n' "$1" | sed -n "s/.*No module named '\([A-Za-z0-9_]*\).*/\1/p" | tail -n 1)
  if [ -n "$name" ]; then
    hint_module "$name"
    return 0
  fi
  name=$(printf ' %s\n' "$1" | sed -n "s/.*[^A-Za-z0-9_+.-]\([A-Za-z0-9_+.-]*\.so[.0-9]*\): cannot open shared object file.*/\1/p; s/.*cannot load library '\([A-Za-z0-9_+.-]*\)'.*/\1/p" | tail -n 1)
  if [ -n "$name" ]; then hint_library "$name"; fi
}

# hint_module MODULE: the environment lists the modules of the project's extras and groups. An image has a working folder of its own.
hint_module() {
  local setting name
  if docker_owns "$new"; then
    hint_image "$1"
    return 0
  fi
  setting=$(name=$1 awk -F '\t' 'tolower($1) == tolower(ENVIRON["name"]) { print $2; exit }' "$base/releases/${new%-*}/.venv/selvedge-modules" 2>/dev/null) || setting=
  if [ -n "$setting" ]; then
    printf '. A part of the project that is not installed brings it: set %s in hosts.toml' "$setting"
  fi
}

# hint_image MODULE: the module of the app itself is not where Python looks for it in the image.
hint_image() {
  local found
  [ "$1" = "${module%%[.:]*}" ] || return 0
  found=$(survey_fact module "${new%-*}")
  if [ -n "$found" ] && [ "$found" != "$module" ]; then
    printf '. The start script of the image serves another app: set module = "%s" under [app] in hosts.toml' "$found"
  else
    printf ". Python finds no %s in the image's working folder: copy the code to the WORKDIR of the Dockerfile, let all users read it, and check .dockerignore" "$1"
  fi
}

# hint_library LIBRARY: the Debian package, by the rule for the names of library packages (Debian Policy, 8.1).
hint_library() {
  local package
  package=$(hint_package "$1")
  if docker_owns "$new"; then
    printf '. The image lacks a library of the system: install %s in the Dockerfile' "${package:-the package that has $1}"
  elif [ -n "$package" ]; then
    printf '. The server lacks a library of the system: set server.packages = ["%s"] in hosts.toml' "$package"
  else
    printf '%s' ". The server lacks a library of the system: set server.packages in hosts.toml to the Debian package that has $1. Find it on the server: \`sudo apt-get install apt-file && sudo apt-file update && apt-file search $1\`"
  fi
}

# hint_package LIBRARY: print the first package of these names that the distribution has.
hint_package() {
  local stem version name candidate
  case $1 in
    *.so*) stem=${1%%.so*} version=${1##*.so} ;;
    *) stem=$1 version= ;;
  esac
  version=${version#.}
  name=$(printf '%s' "$stem" | tr 'A-Z_' 'a-z-')
  case $name in *[0-9]) candidate=$name-$version ;; *) candidate=$name$version ;; esac
  case $name in
    libgobject-2.0* | libgthread-2.0* | libgio-2.0* | libgmodule-2.0* | libglib-2.0*) candidate=libglib2.0-0 ;;
    libmysqlclient*) candidate=libmysqlclient21 ;;
    libmagic) candidate=libmagic1 ;;
  esac
  for candidate in "${candidate}t64" "${candidate%-}" "$(printf '%s' "$candidate" | cut -d . -f 1)" "$name"; do
    if apt-cache show --no-all-versions "$candidate" >/dev/null 2>&1; then
      printf '%s' "$candidate"
      return 0
    fi
  done
}
