# Messages of the scripts that make runs: headlines and errors.

say() { printf '\n==> %s\n' "$*"; }

fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}
