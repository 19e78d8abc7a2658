"""A shop with a database, a queue and uploads, to deploy with Selvedge."""

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from database import Order, Product, Report, async_engine
from settings import settings
from tasks import pack_order

PICTURES = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}
"""How the files begin that are accepted as pictures, and their names' ends."""
LARGEST_PICTURE = 5_000_000
"""Bytes."""
log = logging.getLogger("uvicorn.error")  # the log that both gunicorn and uvicorn print


class State(TypedDict):
    """The attributes of `request.state`."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    redis: Redis


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    """Open the connections, once per worker."""
    engine = async_engine()
    redis = Redis.from_url(settings().redis_url.get_secret_value())
    log.info("shop: release %s", settings().release)
    yield State(engine=engine, sessions=async_sessionmaker(engine, expire_on_commit=False), redis=redis)
    await redis.aclose()
    await engine.dispose()


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    """Give a request its session."""
    async with request.state.sessions() as found:
        yield found


Session = Annotated[AsyncSession, Depends(session)]
app = FastAPI(title="shop", lifespan=lifespan)
settings().uploads.mkdir(exist_ok=True)
app.mount("/uploads", StaticFiles(directory=settings().uploads), name="uploads")


class NewProduct(BaseModel):
    """A product as a client sends it."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    cents: Annotated[int, Field(ge=0, le=100_000_000)]
    stock: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class NewOrder(BaseModel):
    """An order as a client sends it."""

    product_id: int
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    paid: bool = True


@app.get("/")
async def products(db: Session) -> list[dict[str, Any]]:
    """List the products."""
    found = await db.scalars(select(Product).order_by(Product.id))
    return [shown(product) for product in found]


def shown(product: Product) -> dict[str, Any]:
    """Return a product as clients see it."""
    picture = f"/uploads/{product.picture}" if product.picture else None
    return {"id": product.id, "name": product.name, "cents": product.cents, "stock": product.stock, "picture": picture}


@app.post("/products", status_code=201)
async def add_product(new: NewProduct, db: Session) -> dict[str, Any]:
    """Add a product."""
    product = Product(**new.model_dump())
    db.add(product)
    try:
        await db.commit()
    except IntegrityError:
        raise HTTPException(409, f"There is a product called {new.name} already.") from None
    return shown(product)


@app.put("/products/{product_id}/picture")
async def set_picture(product_id: int, picture: UploadFile, db: Session) -> dict[str, Any]:
    """Store a picture in the shared folder, so that it stays when a release goes."""
    content = await picture.read(LARGEST_PICTURE + 1)
    end = next((end for start, end in PICTURES.items() if content.startswith(start)), None)
    if end is None or len(content) > LARGEST_PICTURE:
        raise HTTPException(415, f"A picture is a PNG or JPEG file of at most {LARGEST_PICTURE} bytes.")
    product = await db.get(Product, product_id)
    if product is None:
        raise HTTPException(404, "There is no such product.")
    former, product.picture = product.picture, f"{secrets.token_hex(8)}{end}"
    (settings().uploads / product.picture).write_bytes(content)
    await db.commit()
    if former:
        (settings().uploads / former).unlink(missing_ok=True)
    return shown(product)


@app.post("/orders", status_code=201)
async def order(new: NewOrder, db: Session) -> dict[str, Any]:
    """Take an order, and leave the packing to a worker."""
    left = await db.execute(
        update(Product).where(Product.id == new.product_id, Product.stock >= new.quantity)
        .values(stock=Product.stock - new.quantity)
    )  # fmt: skip
    if left.rowcount != 1:
        raise HTTPException(409, "There is no such product, or there are not as many of it.")
    placed = Order(**new.model_dump())
    db.add(placed)
    await db.commit()
    # After the commit: a worker is quick, and must find the order.
    pack_order.delay(placed.id)
    return {"id": placed.id}


@app.get("/orders/{order_id}")
async def order_state(order_id: int, db: Session) -> dict[str, Any]:
    """Tell how far an order is."""
    found = await db.get(Order, order_id)
    if found is None:
        raise HTTPException(404, "There is no such order.")
    return {"id": found.id, "paid": found.paid, "packed": found.packed}


@app.get("/report")
async def report(db: Session) -> dict[str, Any]:
    """Show the newest report."""
    found = await db.scalar(select(Report).order_by(Report.id.desc()).limit(1))
    return {"written": found.written, "orders": found.orders, "unpacked": found.unpacked} if found else {}


@app.get("/health")
async def health(request: Request) -> JSONResponse:
    """Answer 200 if the database and Redis answer, else 503."""
    problems = {}
    try:
        async with request.state.engine.connect() as connection:
            await connection.execute(text("SELECT 1 FROM products LIMIT 1"))
    except (SQLAlchemyError, OSError) as error:
        # Only the error's name: its text may contain parts of the address.
        problems["database"] = type(error).__name__
    try:
        await request.state.redis.ping()
    except (RedisError, OSError) as error:
        problems["redis"] = type(error).__name__
    if problems:
        log.error("unhealthy: %s", problems)
    return JSONResponse({"release": settings().release, "problems": problems}, 503 if problems else 200)
