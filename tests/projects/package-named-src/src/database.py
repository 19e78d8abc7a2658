from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine

from src.config import settings

engine = create_engine(settings.database_url, pool_pre_ping=True)
metadata = MetaData()
note = Table("note", metadata, Column("id", Integer, primary_key=True), Column("text", String))
