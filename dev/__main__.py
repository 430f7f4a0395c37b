"""`python -m dev`: brings a cluster up, looks at it, works in it, takes it away.

Exit codes: 0 done, 1 it failed and says why, 2 the machine lacks something. `run` passes the code
of its command.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table

from dev import cluster, jobs, processes, programs, residents, teardown
from dev.environment import Environment
from dev.errors import DevError
from dev.layout import DEFAULT_NAME, Layout
from dev.load import load_command

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)
console = jobs.console

Name = Annotated[str, typer.Option(help="Which cluster; several can stand side by side.")]


@app.command()
def up(name: Name = DEFAULT_NAME) -> None:
    """Bring the cluster up, building what the cache lacks; a healthy one is left alone."""
    jobs.bring_up_ours(name, console.print)


@app.command()
def down(
    name: Name = DEFAULT_NAME,
    *,
    every: Annotated[bool, typer.Option("--all", help="All clusters on this machine.")] = False,
) -> None:
    """Remove every trace of the cluster; the cache stays. Where there is none, that is no error."""
    teardown.remove(None if every else name, os.environ, console.print)


@app.command()
def status(name: Name = DEFAULT_NAME) -> None:
    """Show each process, and whether the cluster serves; exit 1 if it does not."""
    layout = Layout.of(name, os.environ)
    table = Table("process", "pid", title=f"cluster {name}, logs in {layout.logs}")
    for component, record in processes.load(layout).items():
        runs = record.identity is not None and residents.runs(record.identity)
        table.add_row(component, str(record.identity.pid) if record.identity and runs else "-")
    console.print(table)
    found = cluster.problems(layout)
    for problem in found:
        console.print(problem)
    if found:
        raise typer.Exit(1)
    console.print("serves")


@app.command()
def stop(component: str, name: Name = DEFAULT_NAME) -> None:
    """Stop one process, such as prometheus, until `start` or `up`; its data stays."""
    layout = Layout.of(name, os.environ)
    _check_component(layout, component)
    processes.stop(layout, component)


@app.command()
def start(component: str, name: Name = DEFAULT_NAME) -> None:
    """Start a stopped process again and wait until it serves."""
    layout = Layout.of(name, os.environ)
    _check_component(layout, component)
    cluster.start(layout, component, console.print)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context, name: Name = DEFAULT_NAME) -> None:
    """Run a command inside of the cluster's network, with KUBECONFIG and our programs in PATH."""
    if not context.args:
        raise DevError("say what to run: python -m dev run -- kubectl get pods -A")
    layout = Layout.of(name, os.environ)
    completed = cluster.load_completed(layout)
    if completed is None:
        raise DevError(f"there is no cluster {name}; `python -m dev up --name {name}` makes it")
    folders = [*completed.folders, os.environ.get("PATH", os.defpath)]
    env = {
        # No proxy can be reached from inside.
        **{key: v for key, v in os.environ.items() if not key.lower().endswith("_proxy")},
        **Environment.ours(name).variables(),
        **layout.kubectl_variables,
        "PATH": os.pathsep.join(folders),
    }
    command = ("nsenter", f"--net={layout.netns}", "--", *context.args)
    os.execvpe(command[0], command, env)  # noqa: S606 - the exit code is passed best by becoming it


app.command("load")(load_command)


@app.command("programs")
def build_programs() -> None:
    """Build the cluster's programs into the cache, and say where they are."""
    built = programs.build(programs.cache_folder(os.environ), console.print)
    for folder in built.folders:
        console.print(str(folder))


jobs.register(app)


def _check_component(layout: Layout, component: str) -> None:
    known = processes.load(layout)
    if component not in known:
        raise DevError(f"no process {component!r} in cluster {layout.name}: {', '.join(known)}")


def main(command: Callable[[], object] = app) -> None:
    """Run the command line; a DevError is printed as it is."""
    try:
        command()
    except DevError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
