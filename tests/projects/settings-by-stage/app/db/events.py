from fastapi import FastAPI
from sqlalchemy import create_engine

from app.core.settings.common import Common


def connect(app: FastAPI, settings: Common) -> None:
    app.state.engine = create_engine(settings.database_url)


def disconnect(app: FastAPI) -> None:
    app.state.engine.dispose()
