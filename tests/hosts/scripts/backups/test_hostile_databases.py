"""What an app creates in its PostgreSQL database must not run as PostgreSQL's superuser, and databases of others stay."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.backups.cluster import Cluster
from tests.hosts.scripts.backups.machine import Machine

pytestmark = pytest.mark.thorough
GAIN = """
create function public.unnest(oid[]) returns setof oid language plpgsql as $$ begin
  if (select rolsuper from pg_roles where rolname = current_user) then execute 'alter role hello superuser'; end if;
end $$;
"""


def test_a_function_of_the_app(machine: Machine, cluster: Cluster) -> None:
    """It has the name of one of PostgreSQL's, and fits its argument better."""
    cluster.sql("grant create on schema public to hello")
    cluster.sql(GAIN, role="hello")
    cluster.sql("alter database hello set search_path = public, pg_catalog", role="hello")
    machine.must("take", "manual")
    for command in ("rehearse", "restore", "swap"):
        machine.must(command)
    assert cluster.sql("select rolsuper from pg_roles where rolname = 'hello'") == "f"


def test_a_database_with_such_a_name(machine: Machine, cluster: Cluster) -> None:
    """A restore would give the name to one of its own."""
    cluster.database("photos_restored")
    cluster.database("hello_restored", owner="postgres")
    machine.must("take", "manual")
    status, output = machine.run("restore")
    assert status == 1 and "@ error A restore needs the name hello_restored, and a database of another role has it." in output
    machine.must("rehearse")
    cluster.sql("drop database hello_restored", "postgres")
    cluster.database("hello_replaced", owner="postgres")
    output = machine.must("restore", "", "kept")
    assert "photos_restored: 0 tables" in output
    assert machine.run("swap")[0] == 1
    assert "hello_replaced" in cluster.databases() and "2 databases" in machine.must("take", "manual")
