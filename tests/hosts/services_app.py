"""An app that uses PostgreSQL and Redis by the addresses in its environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab import Project
from sandbox import Server
from traffic import get

MAIN = '''
import os

import asyncpg
import psycopg
from fastapi import FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

app = FastAPI()
DATABASE = os.environ["DATABASE_URL"]
WHO = """select %s"""


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/database")
async def database():
    found = {"libpq": psycopg.connect(DATABASE).execute(WHO).fetchone()[0]}
    connection = await asyncpg.connect(DATABASE)
    found["asyncpg"] = await connection.fetchval(WHO)
    await connection.close()
    async with create_async_engine(DATABASE.replace("postgresql", "postgresql+asyncpg", 1)).connect() as connection:
        found["SQLAlchemy with asyncpg"] = (await connection.execute(text(WHO))).scalar()
    with create_engine(DATABASE.replace("postgresql", "postgresql+psycopg", 1)).connect() as connection:
        found["SQLAlchemy with psycopg"] = connection.execute(text(WHO)).scalar()
    return found
'''
JOBS = '''

import redis

REDIS = os.environ["REDIS_URL"]


@app.get("/jobs")
def jobs(add: int = 0):
    queue = redis.Redis.from_url(REDIS)
    for number in range(add):
        queue.rpush("jobs", number)
    return {"jobs": queue.llen("jobs")}
'''
REQUIREMENTS = "fastapi\nuvicorn\nasyncpg\npsycopg[binary]\nsqlalchemy[asyncio]\n"
DRIVERS = ("libpq", "asyncpg", "SQLAlchemy with asyncpg", "SQLAlchemy with psycopg")
USER = "current_user || ' in ' || current_database()"
"""What each driver is asked, as an expression of SQL: the user and the database of its connection."""
BOTH = "[services]\npostgres = true\nredis = true\n"
NAME = "my-shop"
"""A name with a hyphen, which SQL must have in quotes."""


def write(project: Project, who: str = USER, **files: str) -> None:
    """Commit the app in place of the project's files. who: what its /database asks each driver. files: more of them."""

    def replaced(folder: Path) -> None:
        for each in folder.iterdir():
            if each.is_file():
                each.unlink()
        for name, text in {"main.py": MAIN % who, "requirements.txt": REQUIREMENTS, **files}.items():
            (folder / name).write_text(text)

    project.commit(replaced)


def become(project: Project, **app: object) -> None:
    """Commit this app with jobs in Redis, and give it both services."""
    write(project, **{"main.py": MAIN % USER + JOBS, "requirements.txt": f"{REQUIREMENTS}redis\n"})
    project.configure(BOTH, name=NAME, migrate=None, **app)


def asked(server: Server, path: str) -> Any:
    """Return the app's answer."""
    answer = get(f"{server.url}{path}")
    assert answer.status == 200, answer
    return json.loads(answer.text)
