"""The kubectl plugin: `kubectl gander status|abort|retry|acknowledge`.

Every order is written under the name that the API server knows its writer by, and the API server
decides whether that person may. Exit codes: 0 done, 1 refused or not found, 2 wrong usage.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Self

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from controller.api.base import format_percent
from controller.api.release import ENDED, Phase
from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.connection import current_namespace
from controller.kube.errors import ApiError, ConfigurationError, NotFound

app = typer.Typer(
    name="kubectl-gander",
    help="Look at releases and tell them what to do.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Default: that of the kubeconfig's context.")
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig.")]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why, for the record.")]
ReleaseName = Annotated[str, typer.Argument(help="Name of the release, such as checkout-7.")]

# The phases in which an order has an effect, and what there is not otherwise.
_TAKES = {
    "Abort": (
        frozenset(Phase) - ENDED - {Phase.ROLLING_BACK, Phase.FINISHING},
        "nothing to abort",
    ),
    "Retry": (frozenset({Phase.ROLLED_BACK, Phase.ABORTED}), "nothing to try again"),
    "Acknowledge": (frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK}), "no alert to acknowledge"),
}


@app.command()
def status(
    plan: Annotated[str, typer.Argument(help="Name of the plan.")],
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Show where a plan stands, its running or newest release and the evidence."""
    with _Session(context) as session:
        namespace = namespace or session.namespace
        stored = session.client.get(kinds.RELEASE_PLAN, namespace, plan)
        found = stored.get("status", {})
        name = found.get("activeRelease") or found.get("lastRelease")
        release = None
        if name:
            with suppress(NotFound):  # deleted by hand
                release = session.client.get(kinds.RELEASE, namespace, name)
    console = Console(highlight=False, soft_wrap=True)
    conditions = {c["type"]: c for c in found.get("conditions", [])}
    console.print(f"plan {plan}: {found.get('phase', 'new')}, guard {found.get('guard') or '?'}")
    console.print(f"  {conditions.get('Ready', {}).get('message', '')}")
    if release is None:
        return
    now = release.get("status", {})
    weight = now.get("weight", {}).get("confirmed", 0)
    console.print(f"release {name}: {now.get('phase', 'Pending')} at {format_percent(weight)}")
    console.print(f"  {now.get('message', '')}")
    table = Table("metric", "state", "evidence", box=None)
    for metric in now.get("metrics", []):
        table.add_row(metric["name"], metric["state"], metric["message"])
    console.print(table)


@app.command()
def abort(
    release: ReleaseName,
    namespace: Namespace = None,
    reason: Reason = "",
    context: Context = None,
) -> None:
    """Take a running release back now: all traffic to stable."""
    with _Session(context) as session:
        namespace = namespace or session.namespace
        session.require(namespace, release, *_TAKES["Abort"])
        order = {"by": session.user(), "at": _now(), "reason": reason}
        session.client.merge_patch(kinds.RELEASE, namespace, release, {"spec": {"abort": order}})
    typer.echo(f"release.gander.dev/{release} aborted")


@app.command()
def retry(
    release: ReleaseName,
    namespace: Namespace = None,
    reason: Reason = "",
    context: Context = None,
) -> None:
    """Release the revision of a release that was taken back or aborted once more."""
    _order("Retry", release, namespace, reason, context)
    typer.echo(f"release.gander.dev/{release} will be tried again")


@app.command()
def acknowledge(
    release: ReleaseName,
    namespace: Namespace = None,
    reason: Reason = "",
    context: Context = None,
) -> None:
    """Say that someone is on it; the alert of a release that was taken back is resolved."""
    _order("Acknowledge", release, namespace, reason, context)
    typer.echo(f"release.gander.dev/{release} acknowledged")


def _order(
    action: str, release: str, namespace: str | None, reason: str, context: str | None
) -> None:
    with _Session(context) as session:
        namespace = namespace or session.namespace
        session.require(namespace, release, *_TAKES[action])
        order = {"action": action, "by": session.user(), "at": _now(), "reason": reason}
        operations = [{"op": "add", "path": "/spec/orders/-", "value": order}]
        session.client.json_patch(kinds.RELEASE, namespace, release, operations)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Session:
    """A client whose errors end the command with a sentence, and the context's namespace."""

    def __init__(self, context: str | None) -> None:
        self.namespace = current_namespace(context)
        try:
            self.client = Client.connect(context=context, user_agent="kubectl-gander")
        except ConfigurationError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.client.close()
        if isinstance(error, ApiError):
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error

    def require(
        self, namespace: str, release: str, phases: frozenset[Phase], otherwise: str
    ) -> None:
        """End the command where an order would have no effect."""
        stored = self.client.get(kinds.RELEASE, namespace, release)
        phase = stored.get("status", {}).get("phase", Phase.PENDING)
        if phase not in phases:
            typer.echo(f"error: release {release} is {phase}: {otherwise}", err=True)
            raise typer.Exit(1)

    def user(self) -> str:
        """Return the name by which the API server knows us."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        answer: dict[str, Any] = msgspec.json.decode(self.client.raw("POST", path, body=body))
        return str(answer["status"]["userInfo"]["username"])


if __name__ == "__main__":
    app()
