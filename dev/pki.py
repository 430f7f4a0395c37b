"""Keys, certificates and kubeconfigs of one cluster, made with openssl.

One authority signs everything. Every part of the cluster has an identity of its own, so that RBAC
and the node authorizer decide as they do in production.
"""

import base64
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.commands import run
from dev.layout import API_SERVICE_ADDRESS, API_URL, NODE, NODE_ADDRESS, Layout

_DAYS: Final = "3650"
_EC: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_API_NAMES: Final = ",".join(
    (
        "IP:127.0.0.1",
        f"IP:{NODE_ADDRESS}",
        f"IP:{API_SERVICE_ADDRESS}",
        "DNS:kubernetes",
        "DNS:kubernetes.default",
        "DNS:kubernetes.default.svc",
        "DNS:kubernetes.default.svc.cluster.local",
    )
)


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names; `names` makes it a server's."""

    file: str
    user: str
    group: str = ""
    names: str = ""


SUBJECTS: Final = (
    Subject("api", "kube-apiserver", names=_API_NAMES),
    Subject("front-proxy", "front-proxy"),
    Subject("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
    Subject("admin", "admin", "system:masters"),
    Subject("controller-manager", "system:kube-controller-manager"),
    Subject("scheduler", "system:kube-scheduler"),
    Subject("kubelet", f"system:node:{NODE}", "system:nodes"),
    Subject("kube-proxy", "system:kube-proxy"),
    Subject("coredns", "coredns"),
    Subject("traefik", "traefik"),
    Subject("prometheus", "prometheus"),
)


def make(layout: Layout) -> None:
    """Make what is missing: the authority, the ServiceAccount key, certificates, kubeconfigs."""
    folder = layout.pki
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "ca.crt").exists():
        _authority(folder)
    for subject in SUBJECTS:
        if not (folder / f"{subject.file}.crt").exists():
            _certificate(folder, subject)
        config = json.dumps(kubeconfig(subject.file, _texts(folder, subject)))
        _private(folder / f"{subject.file}.kubeconfig", config)
    _private(layout.kubeconfig, (folder / "admin.kubeconfig").read_text())


def kubeconfig(user: str, pem: Mapping[str, str]) -> dict[str, object]:
    """Return a kubeconfig that holds its certificates itself; `pem` has ca, cert and key."""
    data = {name: base64.b64encode(text.encode()).decode() for name, text in pem.items()}
    cluster = {"server": API_URL, "certificate-authority-data": data["ca"]}
    credentials = {"client-certificate-data": data["cert"], "client-key-data": data["key"]}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "gander-dev", "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": "gander-dev", "context": {"cluster": "gander-dev", "user": user}}],
        "current-context": "gander-dev",
    }


def _authority(folder: Path) -> None:
    key = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    run("openssl", *key, "-out", f"{folder}/service-accounts.key")
    run("openssl", "pkey", "-in", f"{folder}/service-accounts.key", "-pubout",
        "-out", f"{folder}/service-accounts.pub")  # fmt: skip
    run("openssl", "req", "-x509", *_EC, "-subj", "/CN=gander-dev", "-days", _DAYS,
        "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.crt")  # fmt: skip


def _certificate(folder: Path, subject: Subject) -> None:
    group = f"/O={subject.group}" if subject.group else ""
    usage = "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth"
    if subject.names:
        usage += f",serverAuth\nsubjectAltName={subject.names}"
    base = folder / subject.file
    run("openssl", "req", *_EC, "-subj", f"{group}/CN={subject.user}",
        "-keyout", f"{base}.key", "-out", f"{base}.csr")  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as extensions:
        extensions.write(usage + "\n")
        extensions.flush()
        run("openssl", "x509", "-req", "-in", f"{base}.csr", "-days", _DAYS, "-CAcreateserial",
            "-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key",
            "-extfile", extensions.name, "-out", f"{base}.crt")  # fmt: skip


def _texts(folder: Path, subject: Subject) -> dict[str, str]:
    names = {"ca": "ca.crt", "cert": f"{subject.file}.crt", "key": f"{subject.file}.key"}
    return {part: (folder / name).read_text() for part, name in names.items()}


def _private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)
