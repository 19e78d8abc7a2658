# Files and folders of a release that are links to the folder `shared` (app.shared_paths).

# shared_fact FOLDER SHARED PATH…: print the paths in FOLDER that are links to the same paths in SHARED.
shared_fact() {
  local folder shared path
  folder=$1 shared=$2
  shift 2
  for path; do
    if [ "$(readlink -- "$folder/$path")" = "$shared/$path" ]; then printf '%s\n' "$path"; fi
  done
}

# shared_link PATH KIND: make the link $folder/PATH to $shared/PATH. KIND: `file` or `folder`, for a path that neither has yet; a
# file is created by the app.
# Values: release folder shared user
shared_link() {
  local link parent reason
  [ -d "$folder" ] || step_fail "The folder ${folder#"$release"/} (app.root) is not in this commit. Correct app.root in hosts.toml."
  link=$folder/$1
  parent=${link%/*}
  # Also where the folder is missing, a part of the path may be a link in the repository.
  file_within "$release" "$(shared_existing "$parent")" ||
    step_fail "The path $1 (app.shared_paths) leads out of the repository by a symbolic link. Correct it in hosts.toml, or replace the link with a folder."
  step_try shared_create "$1" "$2" "$link" ||
    step_fail "Could not create $shared/$1 (app.shared_paths) as the user $user: $reason. Check on the server that $user owns $shared and what is in it."
  [ -d "$parent" ] || (umask 022 && mkdir -p -- "$parent")
  ln -sfnT -- "$shared/$1" "$parent/.selvedge.link"
  # The live release may have the same commit: its path is missing for an instant only.
  if [ -d "$link" ] && [ ! -L "$link" ]; then mv -T -- "$link" "$parent/.selvedge.old"; fi
  mv -fT -- "$parent/.selvedge.link" "$link"
  rm -rf -- "$parent/.selvedge.old"
  chown -h -- "root:$user" "$link" "$parent"
}

# shared_existing PATH: print the path, or its nearest parent that exists.
shared_existing() {
  local path
  path=$1
  while [ ! -e "$path" ] && [ ! -L "$path" ]; do path=${path%/*}; done
  printf '%s\n' "$path"
}

# shared_create PATH KIND SOURCE: create $shared/PATH unless it exists: a copy of SOURCE if that exists, else a folder, or only the
# folder of a file. The app's user does it, because the app can put links there, which root must not follow.
shared_create() {
  # shellcheck disable=SC2016
  user_run "$user" sh -c '
    set -eu
    umask 0027
    cd -- "$1"
    if [ -e "$2" ] || [ -L "$2" ]; then exit 0; fi
    case $2 in */*) mkdir -p -- "${2%/*}" ;; esac
    if [ -e "$4" ] && [ ! -L "$4" ]; then
      rm -rf -- "$2.new"
      cp -RP -- "$4" "$2.new"
      mv -T -- "$2.new" "$2"
    elif [ "$3" = folder ]; then
      mkdir -- "$2"
    fi
  ' sh "$shared" "$@"
}
