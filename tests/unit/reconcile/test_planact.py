"""What a plan's actions send: a ReplicaSet goes only if it is still the one that was seen empty."""

import json
import socket
from dataclasses import replace
from pathlib import Path

from controller.kube.client import Client
from controller.reconcile.planact import PlanActor
from controller.release.planfacts import DeleteReplicaSet, EmptyReplicaSet, PlanAction
from tests.kubeconfigs import kubeconfig
from tests.unit.loopback import answering
from tests.unit.reconcile.known import Json, known
from tests.unit.release.given import plan_facts


def sent(action: PlanAction, folder: Path) -> tuple[str, Json]:
    """Return the request line of what an action sends, and the body."""
    requests: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    config = folder / "kubeconfig"
    with answering(answer) as url:
        config.write_text(kubeconfig(url))
        with Client.connect(kubeconfig=str(config)) as client:
            PlanActor(replace(known(), client=client), plan_facts()).do(action)
    (request,) = requests
    head, _, body = request.partition(b"\r\n\r\n")
    return head.decode().splitlines()[0], json.loads(body)


def test_one_that_got_pods_or_was_made_anew_is_not_deleted(tmp_path: Path) -> None:
    line, body = sent(DeleteReplicaSet("checkout-n", "uid-n", "5"), tmp_path)
    assert line.startswith("DELETE /apis/apps/v1/namespaces/shop/replicasets/checkout-n")
    assert body["preconditions"] == {"uid": "uid-n", "resourceVersion": "5"}


def test_one_that_has_changed_is_not_emptied(tmp_path: Path) -> None:
    line, body = sent(EmptyReplicaSet("checkout-o", "5"), tmp_path)
    assert line.startswith("PATCH /apis/apps/v1/namespaces/shop/replicasets/checkout-o")
    assert body == {"metadata": {"resourceVersion": "5"}, "spec": {"replicas": 0}}
