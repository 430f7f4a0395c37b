"""etcd and the four parts of Kubernetes' control plane, as components. Pure.

One machine with little memory serves several people: etcd does not wait for the disk (the cluster
is thrown away with the machine), nothing elects leaders, logs are terse.
"""

from dev.layout import ETCD_URL, NODE_ADDRESS, POD_RANGE, SERVICE_RANGE, Layout
from dev.processes import Component
from dev.programs import Programs


def etcd(layout: Layout, programs: Programs) -> Component:
    """Return the store of the API server."""
    return Component(
        name="etcd",
        argv=(
            str(programs["etcd"]),
            f"--data-dir={layout.state}/etcd",
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
        ready=f"{ETCD_URL}/readyz",
    )


def api_server(layout: Layout, programs: Programs) -> Component:
    """Return the API server: RBAC, node authorizer, client certificates, aggregation."""
    pki = layout.pki
    return Component(
        name="kube-apiserver",
        argv=(
            str(programs["kube-apiserver"]),
            f"--etcd-servers={ETCD_URL}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--advertise-address={NODE_ADDRESS}",
            "--secure-port=6443",
            f"--tls-cert-file={pki}/api.crt",
            f"--tls-private-key-file={pki}/api.key",
            f"--client-ca-file={pki}/ca.crt",
            f"--service-account-key-file={pki}/service-accounts.pub",
            f"--service-account-signing-key-file={pki}/service-accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            # Without these `kubectl logs` and `exec` cannot reach the kubelet.
            f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP",
            # For API servers behind this one, such as metrics-server.
            f"--requestheader-client-ca-file={pki}/ca.crt",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={pki}/front-proxy.crt",
            f"--proxy-client-key-file={pki}/front-proxy.key",
            "--enable-aggregator-routing=true",
        ),
        ready="https://127.0.0.1:6443/readyz",
    )


def controller_manager(layout: Layout, programs: Programs) -> Component:
    """Return the controllers of Kubernetes itself."""
    return Component(
        name="kube-controller-manager",
        argv=(
            str(programs["kube-controller-manager"]),
            f"--kubeconfig={layout.pki}/controller-manager.kubeconfig",
            f"--service-account-private-key-file={layout.pki}/service-accounts.key",
            f"--root-ca-file={layout.pki}/ca.crt",
            "--use-service-account-credentials",
            f"--cluster-cidr={POD_RANGE}",
            "--allocate-node-cidrs=true",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ),
        ready="https://127.0.0.1:10257/healthz",
    )


def scheduler(layout: Layout, programs: Programs) -> Component:
    """Return the scheduler."""
    return Component(
        name="kube-scheduler",
        argv=(
            str(programs["kube-scheduler"]),
            f"--kubeconfig={layout.pki}/scheduler.kubeconfig",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ),
        ready="https://127.0.0.1:10259/healthz",
    )
