"""Alembic is asked as `app.migrate` calls it."""

from __future__ import annotations

import pytest

from selvedge.release.alembic import PROGRAM, alembic_command
from selvedge.shell.quoting import words

ASK = words("-c", PROGRAM, "read", "a,b")


@pytest.mark.parametrize(("migrate", "asked"), [
    ("alembic upgrade head", "python3 ASK"),
    ("alembic -c db/alembic.ini upgrade head", "python3 ASK -c db/alembic.ini"),
    ("alembic -n other -x 'a b=c d' --raiseerr upgrade +1", "python3 ASK -n other -x 'a b=c d' --raiseerr"),
    ("cd 'my db' && alembic upgrade heads", "cd 'my db' && python3 ASK"),
    ("URL=$OTHER X='a b' python3 -m alembic -c 'a b.ini' upgrade head", "URL=$OTHER X='a b' python3 ASK -c 'a b.ini'"),
    ("uv run --no-sync alembic upgrade head", "uv run --no-sync python3 ASK"),
    ("uv run python -m alembic upgrade head", "uv run python ASK"),
    ('"$VIRTUAL_ENV/bin/alembic" upgrade head', '"$VIRTUAL_ENV/bin/python3" ASK'),
    ("timeout 60 env A=1 .venv/bin/alembic \\\n  upgrade head", "timeout 60 env A=1 .venv/bin/python3 ASK"),
    # The commands around it have effects of their own.
    ("python before.py && alembic upgrade head && python seed.py", "python3 ASK"),
    ("set -e; cd x || exit 1\npython a.py > log 2>&1; alembic upgrade head", "set -e && cd x && python3 ASK"),
    ("export A=$(cat 'x y') B=1; . ./vars; C=`date`; alembic upgrade head; rm x",
     "export A=$(cat 'x y') B=1 && . ./vars && C=`date` && python3 ASK"),
    ("if [ -f x ]; then alembic upgrade head; fi", "python3 ASK"),
    ("(cd db && alembic upgrade head)", "(cd db && python3 ASK)"),
    ("A=1 bash -ec \"cd db && alembic upgrade head\"", "(export A=1 && cd db && python3 ASK)"),
    # The folder of a subshell ends with it.
    ("(cd a && alembic upgrade head) && (cd b; alembic -n b upgrade head)", "(cd a && python3 ASK) && (cd b && python3 ASK -n b)"),
    ("sh -c 'cd a; alembic upgrade head' && sh -c 'cd b; alembic upgrade head'", "(cd a && python3 ASK) && (cd b && python3 ASK)"),
    ("(cd web && npm run build); alembic upgrade head", "python3 ASK"),
    ("((cd a; (cd b; alembic upgrade head)))", "((cd a && (cd b && python3 ASK)))"),
    # Tried again until it works.
    ("for i in 1 2 3; do alembic upgrade head && break; sleep 1; done", "python3 ASK"),
    ("until alembic upgrade head; do sleep 2; done", "python3 ASK"),
    # Other commands choose the database.
    ("for t in a b; do alembic -x tenant=$t upgrade head; done", ""),
    ("while read -r t rest; do alembic -x \"tenant=${t}\" upgrade head; done <tenants", ""),
    ("for t in a b; do cd $t && alembic upgrade head; cd ..; done", ""),
    ("if [ $A ]; then alembic -n a upgrade head; else alembic -n b upgrade head; fi", ""),
    ("if [ $A ]; then python x.py; else alembic upgrade head; fi", "python3 ASK"),
    ("alembic -n one upgrade head && alembic -n two upgrade head", "python3 ASK -n one && python3 ASK -n two"),
    # Nobody knows whether, or how, these call alembic.
    ("./prestart.sh", ""),
    ("bash scripts/alembic upgrade", ""),
    ("flask db upgrade", ""),
    ("make migrate && ./alembic.sh upgrade head", ""),
    ("python -c 'alembic upgrade head'", ""),
    ("echo 'alembic upgrade head'", ""),
    ("alembic current", ""),
    ("alembic upgrade 'head", "python3 ASK"),
    ("", ""),
])  # fmt: skip
def test_alembic_is_asked_as_migrate_calls_it(migrate: str, asked: str) -> None:
    assert alembic_command(migrate, "read", ["a", "b"]) == asked.replace("ASK", ASK)
