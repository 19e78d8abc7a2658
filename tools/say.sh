# How the scripts of make speak: a headline for what begins, a sentence for what is wrong.

say() { printf '\n==> %s\n' "$*"; }

fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}
