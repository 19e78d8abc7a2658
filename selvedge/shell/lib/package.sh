# The packages of a checkout in its environment: the app's own, and folders that its requirements name (see venv.sh).

# package_install: install the app's own package, if it has one and the requirements have not installed it.
package_install() {
  if ! venv_is_package || venv_record installed "$fresh" "$work" "$root"; then return 0; fi
  if venv_try "${installer}_add" --no-deps .; then return 0; fi
  if ! venv_is_list && ! export_is_lock; then
    step_fail "Could not build the app's own package: $(venv_reason). If the app is not a package, add \`package = false\` under [tool.uv] in its pyproject.toml."
  fi
  # The requirements alone may be enough, since the app's folder is on the module path.
  step_say "could not build the app's own package, so it is not installed: $(venv_reason)"
  : >"$work/unbuilt"
}

# package_git: make the copy a repository if a package of it may take its version from git.
package_git() {
  local found
  found=$(find "$work/source" -name node_modules -prune -o \( -name pyproject.toml -o -name setup.py -o -name setup.cfg \) -exec \
    grep -l -i -E 'scm|vcs|versioningit|dunamai|dynamic-versioning|versioneer|pbr|git[^a-z]' -- '{}' + | head -n 1) || :
  [ -n "$found" ] && [ -d "$repo" ] || return 0
  mirror_history "$repo" "$commit" "$work/source" || return 1
  chmod -R a+rX -- "$work/source/.git"
}

# package_renew BASE: make the environment from the environment BASE, if only packages of the checkout differ. 1: they also need
# other packages, or there is no BASE.
package_renew() {
  local base
  [ -n "$1" ] || return 1
  base=$venvs/$1
  package_wheels || return 1
  venv_record fits "$base" "$work" "$root" || return 1
  if ! ls "$work"/dist/*/*.whl >/dev/null 2>&1; then
    step_say "using the virtual environment of an earlier release: Python $version, $lock"
    return 0
  fi
  step_say "copying the virtual environment of an earlier release, and installing only the app's own packages again"
  if ! package_copy; then step_fail "Could not copy the virtual environment $base. Check the free space on the server: \`df -h /srv\`."; fi
  venv_try package_add || step_fail "Could not install the app's own packages: $(venv_reason)"
  venv_try venv_record renewed "$base" "$fresh" "$work" "$release" "$commit" || step_fail "The environment is not complete without the checkout: $(tail -n 1 "$undo/installer")"
}

# package_wheels: build a wheel of each folder of the checkout that $base has a package of, in the folders 1, 2 … of $work/dist.
package_wheels() {
  local number part
  venv_record parts "$base" >"$undo/parts" || return 1
  number=0
  while IFS= read -r part; do
    number=$((number + 1))
    venv_try "${installer}_wheel" "$work/source/$part" "$work/dist/$number" </dev/null || rm -rf -- "$work/dist/$number"
  done <"$undo/parts"
}

package_add() { "${installer}_replace" "$work"/dist/*/*.whl; }

# package_copy: copy $base to $fresh with hard links. Its files belong to root, so that the app's user can replace them in the copy,
# but not change them.
package_copy() {
  chown -h -- root:root "$fresh" &&
    cp -al -- "$base/." "$fresh/" &&
    rm -f -- "$fresh/.selvedge" "$fresh/selvedge-inputs.json" "$fresh/.lock" &&
    package_names &&
    find "$fresh" -type d -exec chown -- "$user" '{}' +
}

# package_names: put the copy's own path in place of that of $base in its text files, such as scripts. sed writes new files. The
# folders still belong to root here, so that no one puts links in their place.
package_names() {
  local name
  grep -l -r -I -F -- "$base" "$fresh" | while IFS= read -r name; do
    [ -L "$name" ] || sed -i "s|$base|$fresh|g" -- "$name"
  done
}
