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
import redis
from fastapi import FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

app = FastAPI()
DATABASE, REDIS = os.environ["DATABASE_URL"], os.environ["REDIS_URL"]
WHO = "select current_user || ' in ' || current_database()"


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/services")
async def services():
    found = {"libpq": psycopg.connect(DATABASE).execute(WHO).fetchone()[0]}
    connection = await asyncpg.connect(DATABASE)
    found["asyncpg"] = await connection.fetchval(WHO)
    await connection.close()
    async with create_async_engine(DATABASE.replace("postgresql", "postgresql+asyncpg", 1)).connect() as connection:
        found["SQLAlchemy with asyncpg"] = (await connection.execute(text(WHO))).scalar()
    with create_engine(DATABASE.replace("postgresql", "postgresql+psycopg", 1)).connect() as connection:
        found["SQLAlchemy with psycopg"] = connection.execute(text(WHO)).scalar()
    return found


@app.get("/jobs")
def jobs(add: int = 0):
    queue = redis.Redis.from_url(REDIS)
    for number in range(add):
        queue.rpush("jobs", number)
    return {"jobs": queue.llen("jobs")}
'''
REQUIREMENTS = "fastapi\nuvicorn\nasyncpg\npsycopg[binary]\nredis\nsqlalchemy[asyncio]\n"
BOTH = "[services]\npostgres = true\nredis = true\n"
NAME = "my-shop"
"""A name with a hyphen, which SQL must have in quotes."""


def become(project: Project, **app: object) -> None:
    """Commit this app, and give it both services."""

    def replaced(folder: Path) -> None:
        for each in folder.iterdir():
            if each.is_file():
                each.unlink()
        (folder / "main.py").write_text(MAIN)
        (folder / "requirements.txt").write_text(REQUIREMENTS)

    project.commit(replaced)
    project.configure(BOTH, name=NAME, migrate=None, **app)


def asked(server: Server, path: str) -> Any:
    """Return the app's answer."""
    answer = get(f"{server.url}{path}")
    assert answer.status == 200, answer
    return json.loads(answer.text)
