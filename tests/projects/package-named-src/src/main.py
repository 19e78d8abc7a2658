from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import prometheus_client
from fastapi import FastAPI
from sqlalchemy import func, select

from src.config import for_app
from src.database import engine, note


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    engine.dispose()


app = FastAPI(**for_app, lifespan=lifespan)


@app.get("/healthcheck", include_in_schema=False)
def healthcheck() -> dict[str, str]:
    with engine.connect() as connection:
        count = connection.scalar(select(func.count()).select_from(note))
    return {"status": "ok", "notes": str(count), "metrics": prometheus_client.__name__}
