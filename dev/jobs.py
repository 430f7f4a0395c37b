"""The jobs that people start: demo, tests, benchmarks. Each brings up what it needs first.

With KUBECONFIG set, demo and benchmarks use that cluster, and say what else they need to know.
Tests stop and kill what all of a cluster share, so they always get one of ours.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import pytest
import typer
from rich.console import Console

from bench.release import Size, measure
from dev import cluster, gander, packages, preflight, programs, teardown
from dev.demo import demo as play
from dev.environment import Environment
from dev.layout import DEFAULT_NAME, Layout
from dev.reach import inside
from dev.shop import deploy, versions

TEST_CLUSTER: Final = "test"
BENCH_CLUSTER: Final = "bench"
IMAGES_VARIABLE: Final = "GANDER_SHOP_IMAGES"
PARALLEL: Final = 3  # most cluster tests wait more than they work
# Much of what is printed is what programs said: no markup.
console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
Name = Annotated[str, typer.Option(help="Which cluster of ours.")]


def bring_up(name: str, say: Callable[[str], None]) -> Environment:
    """Return the cluster that KUBECONFIG names, or bring one of ours up."""
    if not os.environ.get("KUBECONFIG"):
        return bring_up_ours(name, say)
    preflight.demand(preflight.others(os.environ), say)
    packages.install(packages.missing(packages.FOR_IMAGES), say)
    return Environment.from_variables(os.environ)


def bring_up_ours(name: str, say: Callable[[str], None]) -> Environment:
    """Bring a cluster of ours up, building what the cache lacks; a healthy one is left alone."""
    layout = Layout.of(name, os.environ)
    preflight.demand(preflight.ours(layout, os.environ), say)
    packages.install(packages.missing(packages.FOR_CLUSTER), say)
    built = programs.build(programs.cache_folder(os.environ), say)
    os.environ["PATH"] = os.pathsep.join([*map(str, built.folders), os.environ["PATH"]])
    cluster.up(layout, built, say)
    return Environment.ours(name)


def demo(
    name: Name = DEFAULT_NAME,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running.")] = False,
) -> None:
    """Bring everything up and run the main job on real traffic."""
    environment = bring_up(name, console.print)
    passed = play(environment, console)
    if keep or not passed:
        for line in how_to_look(environment):
            console.print(line)
    elif environment.name:
        teardown.remove(environment.name, os.environ, console.print)
    else:
        gander.uninstall(environment)
        deploy.remove(deploy.Shop(environment))
        console.print(f"Shop and Gander are removed; its CRDs and {gander.NAMESPACE} are left.")
    if not passed:
        raise typer.Exit(1)


def how_to_look(environment: Environment) -> tuple[str, ...]:
    """Return what to tell people about a demo that is left running."""
    name, shop = environment.name, deploy.Shop.namespace
    option = "" if name == DEFAULT_NAME else f" --name {name}"
    run = f".venv/bin/python -m dev run{option} -- " if name else ""
    if name is None:
        away = f"helm uninstall {gander.RELEASE} -n {gander.NAMESPACE}; kubectl delete ns {shop}"
    else:
        away = f".venv/bin/python -m dev down{option}" if option else "make down"
    return (
        "It is left running. Look around with:",
        f"  {run}kubectl get releaseplans,releases -n {shop}",
        f"  {run}kubectl describe release checkout-1 -n {shop}",
        "and remove it with:",
        f"  {away}",
    )


def run_tests(context: typer.Context, name: Name = TEST_CLUSTER) -> None:
    """Run the tests that need a cluster; further words go to pytest.

    In a whole run what fails is tried once more, alone, and named: on two cores
    anything may have to wait for longer than a test allows.
    """
    environment = bring_up_ours(name, console.print)
    cache = programs.cache_folder(os.environ)
    images = deploy.push_images(environment, cache, versions.PARENTS, console.print)
    gander.install(environment, gander.push_image(environment, console.print))
    variables = {**environment.variables(), IMAGES_VARIABLE: json.dumps(images)}
    chosen = list(context.args)
    at_once = (f"--numprocesses={PARALLEL}", "--dist=worksteal")
    codes = []
    for half, how in (("not disruptive", at_once), ("disruptive", ())):
        code = _pytest(environment, variables, [*how, "-m", half, *chosen])
        if code == pytest.ExitCode.TESTS_FAILED and not chosen:
            console.print("what failed is tried once more, alone; what passes now is flaky")
            again = ("--last-failed", "--last-failed-no-failures=none", "-v")
            code = _pytest(environment, variables, [*again, "-m", half])
        codes.append(code)
    # That nothing matched is fine for one of the two halves.
    nothing = pytest.ExitCode.NO_TESTS_COLLECTED
    failed = [code for code in codes if code not in (pytest.ExitCode.OK, nothing)]
    if failed or all(code == nothing for code in codes):
        raise typer.Exit(failed[0] if failed else nothing)


def _pytest(environment: Environment, variables: dict[str, str], words: Sequence[str]) -> int:
    folder = Path(gander.ROOT) / "tests" / "cluster"
    command = [sys.executable, "-m", "pytest", str(folder), *words]
    with inside(environment):
        return subprocess.run(command, env={**os.environ, **variables}, check=False).returncode


def bench_release(
    name: Name = BENCH_CLUSTER,
    rollbacks: Annotated[int, typer.Option(help="Of a version that fails all.")] = Size.rollbacks,
    subtle: Annotated[int, typer.Option(help="Rollbacks from 1 to 5 % errors.")] = Size.subtle,
    promotions: Annotated[int, typer.Option(help="And as many rollbacks.")] = Size.promotions,
    starts: Annotated[int, typer.Option(help="Starts of the controller.")] = Size.starts,
    at_once: Annotated[int, typer.Option(help="Shops at the same time.")] = Size.at_once,
) -> None:
    """Measure rollbacks, promotions, start, memory and writes into bench/RESULTS.md."""
    size = Size(rollbacks, subtle, promotions, starts, at_once=at_once)
    if not measure(bring_up(name, console.print), size, console.print):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the jobs to the command line."""
    app.command()(demo)
    app.command()(bench_release)
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("test", context_settings=settings)(run_tests)
