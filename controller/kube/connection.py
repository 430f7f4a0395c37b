"""How the official client finds, trusts and speaks to the API server.

Leaves out: which requests are made. The kubeconfig (with exec plugins) and the token of the pod,
which the official client reads again every minute, are its business; timeouts, keepalive, retries
and the pool are set here, because its defaults are none, off, three and blocking-free but small.
"""

import os
import socket
from pathlib import Path
from typing import Final

import yaml
from kubernetes import config
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.config.config_exception import ConfigException
from urllib3.connection import HTTPConnection

from controller.kube.errors import ConfigurationError

# A peer that is gone without a word is noticed after 15 + 3 * 5 seconds, with data under way or
# without. Names that a system lacks are left out: the command line runs on more than Linux.
_KEEPALIVE: Final = {
    "TCP_KEEPIDLE": 15,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 30_000,  # milliseconds
}
_SOCKET_OPTIONS: Final = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _KEEPALIVE.items()
        if hasattr(socket, name)
    ),
]
# The official loader has no error of its own for a file that is no kubeconfig.
_MALFORMED: Final = (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError)


def current_namespace(context: str | None = None) -> str:
    """Return the namespace that kubectl would use: the context's own, or `default`.

    `default` too where there is no kubeconfig or no such context; who connects says what is wrong.
    """
    path = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config"))
    try:
        contexts, current = config.list_kube_config_contexts(path)  # type: ignore[no-untyped-call]  # no types
    except (ConfigException, OSError, *_MALFORMED):
        return "default"
    chosen = context or current["name"]
    found = next((each for each in contexts if each["name"] == chosen), None)
    return str((found or {}).get("context", {}).get("namespace") or "default")


def open_connection(
    *, kubeconfig: str | None, context: str | None, user_agent: str, pool: int
) -> ApiClient:
    """Return a client of the official library that keeps up to `pool` idle connections.

    In a pod without `kubeconfig`: the pod's ServiceAccount. Otherwise `kubeconfig`, or else what
    KUBECONFIG names, or else ~/.kube/config. ConfigurationError: none of them can be used.
    """
    configuration = Configuration()
    try:
        if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            source = "the pod's ServiceAccount"
            config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # no types
        else:
            source = kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config"))
            config.load_kube_config(  # type: ignore[no-untyped-call]  # no types
                config_file=source,
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
    except (ConfigException, OSError) as error:
        raise ConfigurationError(
            f"no way to a cluster through {source}: {error}; name a kubeconfig, or run in a pod"
        ) from error
    except _MALFORMED as error:
        where = f", {' '.join(str(error).split())}" if isinstance(error, yaml.YAMLError) else ""
        raise ConfigurationError(
            f"no way to a cluster through {source}: it is no kubeconfig{where}; correct it"
        ) from error
    configuration.connection_pool_maxsize = pool
    configuration.socket_options = _SOCKET_OPTIONS
    # A repeated write is a second decision, and a repeated read belongs to the caller's backoff.
    configuration.retries = False
    api = ApiClient(configuration)
    api.user_agent = user_agent
    return api
