"""The shop's own tests: `pip install -r requirements-dev.txt && pytest`. They use SQLite unless DATABASE_URL is set."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, update

import cleanup
import database
import tasks
from database import Base, Order, now
from main import app
from settings import settings

URL = settings().database_url.get_secret_value().replace("+aiosqlite", "")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An empty shop whose tasks run at once."""
    engine = create_engine(URL)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    for module in (database, tasks, cleanup):
        monkeypatch.setattr(module, "engine", lambda: engine)
    tasks.database.cache_clear()
    tasks.app.conf.task_always_eager = True
    with TestClient(app) as client:
        yield client
    engine.dispose()


def add(shop: TestClient, **changes: object) -> int:
    answer = shop.post("/products", json={"name": "Cup", "cents": 900, "stock": 3} | changes)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_an_order_is_packed_and_leaves_the_stock(shop: TestClient) -> None:
    cup = add(shop)
    order = shop.post("/orders", json={"product_id": cup, "quantity": 2}).json()["id"]
    assert shop.get(f"/orders/{order}").json()["packed"]
    assert shop.get("/").json()[0]["stock"] == 1
    assert shop.post("/orders", json={"product_id": cup, "quantity": 2}).status_code == 409


def test_to_pack_an_order_twice_does_no_harm(shop: TestClient) -> None:
    order = shop.post("/orders", json={"product_id": add(shop)}).json()["id"]
    packed = shop.get(f"/orders/{order}").json()["packed"]
    tasks.pack_order(order)
    assert shop.get(f"/orders/{order}").json()["packed"] == packed


def test_the_report_counts_orders(shop: TestClient) -> None:
    cup = add(shop)
    for paid in (True, False):
        shop.post("/orders", json={"product_id": cup, "paid": paid})
    tasks.write_report()
    found = shop.get("/report").json()
    assert (found["orders"], found["unpacked"]) == (2, 1)


def test_old_unpaid_orders_are_deleted(shop: TestClient) -> None:
    cup = add(shop)
    old, new = (shop.post("/orders", json={"product_id": cup, "paid": False}).json()["id"] for _ in range(2))
    with database.engine().begin() as connection:
        connection.execute(update(Order).where(Order.id == old).values(ordered=now() - timedelta(days=31)))
    assert cleanup.clean_up() == 1
    assert shop.get(f"/orders/{old}").status_code == 404 and shop.get(f"/orders/{new}").status_code == 200
    assert shop.get("/").json()[0]["stock"] == 2


@pytest.mark.parametrize(("content", "status"), [(b"\x89PNG\r\n\x1a\n...", 200), (b"<script>", 415), (b"", 415)])
def test_pictures(shop: TestClient, content: bytes, status: int) -> None:
    cup = add(shop)
    answer = shop.put(f"/products/{cup}/picture", files={"picture": ("../evil.php", content)})
    assert answer.status_code == status
    if status == 200:
        assert shop.get(answer.json()["picture"]).content == content


def test_a_second_product_of_the_same_name_is_refused(shop: TestClient) -> None:
    add(shop)
    assert shop.post("/products", json={"name": "Cup", "cents": 1}).status_code == 409
