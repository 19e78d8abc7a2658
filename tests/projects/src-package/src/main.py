from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import prometheus_client
from fastapi import FastAPI

from src.config import settings


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/healthcheck", include_in_schema=False)
async def healthcheck() -> dict[str, str]:
    return {"status": "ok", "environment": settings.ENVIRONMENT, "metrics": prometheus_client.__name__}
