"""Steps and chains: their order, phases, options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fabfile
from selvedge.config.target import Target
from selvedge.errors import Pending
from selvedge.resources.base import Resource
from selvedge.resources.files import Absent
from selvedge.task import Option, Step, chain, step
from tests.support.declared import CHAIN


def test_the_chains_have_the_order_of_the_tutorial(app: Callable[..., Target]) -> None:
    names = {chain: [part.name for part in fabfile.namespace[chain].parts(app("domains"))] for chain in CHAIN}
    assert names == {
        "setup": ["update", "harden", "install"],
        "deploy": ["install", "clone", "venv", "gunicorn", "supervisor", "nginx", "certbot"],
    }


def test_steps_that_can_cost_a_request_come_last(app: Callable[..., Target]) -> None:
    phases = [part.phase for part in fabfile.namespace["deploy"].parts(app("domains"))]
    assert phases == sorted(phases) and set(phases) == {"build", "switch"}
    switching = [part.name for part in fabfile.namespace["deploy"].parts(app("domains")) if part.phase == "switch"]
    assert switching == ["supervisor", "nginx", "certbot"]


def test_every_step_has_the_common_flags() -> None:
    for name in fabfile.namespace.task_names:
        task = fabfile.namespace[name]
        if isinstance(task, Step):
            flags = [argument.attr_name or argument.name for argument in task.get_arguments()]
            assert flags[:5] == ["dry_run", "diff", "script", "wait", "skip_unreachable"], name
            assert not [flag for flag in task.get_arguments() if len(flag.names) > 1], f"{name} has a short flag"
    deploy = {option.name for option in fabfile.namespace["deploy"].options}
    assert {"commit", "branch", "force"} <= deploy
    assert {"commit", "branch"} <= {option.name for option in fabfile.namespace["clone"].options}


def test_every_flag_has_a_line_of_help() -> None:
    for name in fabfile.namespace.task_names:
        task = fabfile.namespace[name]
        for option in getattr(task, "options", ()):
            assert re.fullmatch(r"[A-Z].*[.)]", option.help), f"{name} --{option.name}: {option.help}"


def one(name: str) -> Step:
    """Return a step of a single resource."""

    def body(app: Any) -> Iterator[Resource]:  # noqa: ARG001
        yield Absent(f"/{name}")

    return Step(body, name=name)


def test_a_chain_may_contain_chains() -> None:
    first, second = one("first"), one("second")

    @chain(options=(Option("x", "X."),))
    def inner(app: Any) -> Any:  # noqa: ARG001
        yield first
        yield second

    @chain
    def outer(app: Any) -> Any:
        yield second
        yield inner
        if app:
            yield first

    assert outer.parts(None) == [second, first, second]
    assert outer.parts("a") == [second, first, second, first]
    assert [option.name for option in inner.options] == ["dry_run", "diff", "script", "wait", "skip_unreachable", "x"]
    assert (inner.name, first.parts(None)) == ("inner", [first])


def test_a_mix_of_steps_and_resources_is_refused() -> None:
    def mixed(app: Any) -> Any:  # noqa: ARG001
        yield one("first")
        yield Absent("/x")

    with pytest.raises(TypeError, match="mixed: a @chain must yield only steps"):
        list(step(mixed).resources(None))
    with pytest.raises(TypeError, match="mixed: a @chain must yield only steps"):
        chain(mixed).parts(None)


def test_a_chain_may_be_empty() -> None:
    @chain
    def nothing(app: Any) -> Any:
        if app:
            yield one("first")

    assert nothing.parts(None) == []


def test_a_step_may_wait_before_its_first_resource() -> None:
    @step(needs_commit=True)
    def waits(app: Any) -> Any:
        raise Pending("later")
        yield app

    assert waits.parts(None) == [waits]
