# What an image has, asked of a Python in it: app servers, and the start script of its base image, which Selvedge does not use. The file
# images/COMMIT.has keeps the answers. Reads $app and $base.

# A program that prints facts about the image in which it runs: `lacks` the modules among its arguments that are missing; `servers`, the
# app servers that it has; `worker`, gunicorn's worker of older versions of uvicorn; `config`, if gunicorn has settings there; `module`, the
# app that the start script of tiangolo/uvicorn-gunicorn serves; `prestart`, a script that runs before it, and the shell that it needs.
survey_program='
import importlib.util, os, re, sys
def has(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
def say(word, *values):
    text = " ".join(values)
    if re.fullmatch("[A-Za-z0-9_.:()/ -]+", text):
        print(word, text)
say("lacks", *(name for name in sys.argv[1:] if not has(name)))
say("servers", *(name for name in ("gunicorn", "uvicorn", "hypercorn") if has(name)))
if not has("uvicorn_worker") and has("uvicorn.workers"):
    say("worker", "uvicorn.workers.UvicornWorker")
if os.environ.get("GUNICORN_CMD_ARGS") or os.path.exists("gunicorn.conf.py"):
    say("config", "yes")
name = os.environ.get("MODULE_NAME", "")
if not name and os.path.exists("/start.sh") and os.path.exists("/gunicorn_conf.py"):
    name = "app.main" if os.path.exists("/app/app/main.py") else "main"
module = os.environ.get("APP_MODULE") or (name and name + ":" + os.environ.get("VARIABLE_NAME", "app"))
if module:
    say("module", module)
for path in (os.environ.get("PRE_START_PATH", ""), "/app/prestart.sh", "prestart.sh", "scripts/prestart.sh"):
    if path and os.path.isfile(path):
        with open(path, "rb") as file:
            say("prestart", "bash" if b"bash" in file.readline(200) else "sh", path)
        break
'

survey_text() { printf '%s' "$survey_program"; }

# survey_fact WORD COMMIT: print a fact about the image of a commit; nothing if it is unknown.
survey_fact() { sed -n "s/^$1 //p" "$base/images/$2.has" 2>/dev/null | head -n 1; }

# survey_lacks FILE: print a sentence if the image lacks modules of the app server, with what to change.
survey_lacks() {
  local missing servers worker other
  missing=$(sed -n 's/^lacks //p' "$1")
  [ -n "$missing" ] || return 0
  servers=$(sed -n 's/^servers //p' "$1")
  worker=$(sed -n 's/^worker //p' "$1")
  case " $missing " in
    *" $server "*) other=${servers%% *} ;;
    *) other= ;;
  esac
  printf 'The image lacks %s, and app.server is %s. ' "$(printf '%s' "$missing" | sed 's/uvicorn_worker/uvicorn-worker/; s/ / and /g')" "$server"
  printf 'Add the packages to the requirements that %s installs' "$dockerfile"
  if [ -n "$other" ]; then
    printf ', or set server = "%s" under [app], which the image has' "$other"
  elif [ -n "$worker" ] && [ "$missing" = uvicorn_worker ]; then
    printf ', or set worker_class = "%s" under [app], which the image has' "$worker"
  fi
}

# survey_notes COMMIT: print what the start script of the image does that the release does not do, each line "TEXT|REMEDY".
# Values: base module migrate
survey_notes() {
  local found
  found=$(survey_fact module "$1")
  if [ -n "$found" ] && [ "${found%"()"}" != "${module%"()"}" ]; then
    printf "the image's start script serves %s, and Selvedge serves %s|Set module = \"%s\" under [app], if that is the app.\n" "$found" "$module" "$found"
  fi
  found=$(survey_fact prestart "$1")
  if [ -n "$found" ] && [ -z "$migrate" ]; then
    printf "the image has %s, which Selvedge does not run|Set migrate = \"%s\" under [app], to run it once per deploy before the switch.\n" "${found#* }" "$found"
  fi
}

# survey_newest: print the commit of the newest image.
survey_newest() {
  local path
  # shellcheck disable=SC2012 # no name has a line break
  path=$(ls -1t "$base"/images/*.has 2>/dev/null | head -n 1)
  path=${path##*/}
  printf '%s' "${path%.has}"
}
