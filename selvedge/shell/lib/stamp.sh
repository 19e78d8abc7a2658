# Stamps: a hash of the configuration that a service has last loaded. It is written after the reload has succeeded, so a run
# that dies before the reload reloads next time.

stamp_folder=/var/lib/selvedge/loaded

# stamp_read NAME: print the hash; nothing if there is none.
stamp_read() { probe_line "$stamp_folder/$1"; }

# stamp_write NAME HASH
stamp_write() {
  (umask 077 && mkdir -p "$stamp_folder")
  printf '%s\n' "$2" >"$stamp_folder/$1"
}

# stamp_older NAME FILE: whether the file was written after the stamp, or there is no stamp.
stamp_older() { [ "$2" -nt "$stamp_folder/$1" ]; }

stamp_exists() { [ -e "$stamp_folder/$1" ]; }

stamp_remove() { rm -f -- "$stamp_folder/$1"; }
