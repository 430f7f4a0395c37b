"""The kubectl plugin: `kubectl gander status|abort|retry|acknowledge`.

Every order is written under the name that the API server knows its writer by, and the API server
decides whether that person may. Exit codes: 0 done, 1 refused or not found, 2 wrong usage.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Self

import msgspec
import typer

from controller.cli.orders import why_no_effect, why_not_tried
from controller.cli.show import show
from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.connection import current_namespace
from controller.kube.errors import ApiError, ConfigurationError, Forbidden, NotFound

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
    show(stored, release)


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
        session.require("Abort", namespace, release)
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
    """Release once more what was taken back or aborted, while the Deployment still holds it."""
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
        session.require(action, namespace, release)
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

    def require(self, action: str, namespace: str, release: str) -> None:
        """End the command where an order would not do what it is for."""
        stored = self.client.get(kinds.RELEASE, namespace, release)
        why = why_no_effect(action, stored)
        if action == "Retry" and not why:
            with suppress(Forbidden):  # whoever may order need not be able to read Deployments
                why = why_not_tried(stored, self._deployment(namespace, stored["spec"]["plan"]))
        if why:
            typer.echo(f"error: {why}", err=True)
            raise typer.Exit(1)

    def _deployment(self, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            return self.client.get(kinds.DEPLOYMENT, namespace, name)
        except NotFound:
            return None

    def user(self) -> str:
        """Return the name by which the API server knows us."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        answer: dict[str, Any] = msgspec.json.decode(self.client.raw("POST", path, body=body))
        return str(answer["status"]["userInfo"]["username"])


if __name__ == "__main__":
    app()
