# A copy of a release, so that it can start next to itself. Reads $app and $base.

# copy_instance OLD NEW: copy an instance's folder under another name.
copy_instance() {
  local file
  rm -rf -- "$base/instances/$2"
  mkdir -m 0750 -- "$base/instances/$2"
  cp -a -- "$base/instances/$1/." "$base/instances/$2/"
  rm -f -- "$base/instances/$2/state"
  for file in run $(appserver_files) $(manager_files); do
    if [ -f "$base/instances/$2/$file" ]; then sed -i "s/$1/$2/g" "$base/instances/$2/$file"; fi
  done
  for file in "$base/instances/$2/processes"/*/*; do
    if [ -f "$file" ]; then sed -i "s/$1/$2/g" "$file"; fi
  done
  chown -- "root:$app" "$base/instances/$2"
}
