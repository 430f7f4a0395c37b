"""Between Gander and the Kubernetes API server.

The official client is the transport: TLS, authentication, kubeconfig, the pod's token. On it stand
our own parts, each small: `client` (requests), `cache` (list and watch, kept as the projections of
`objects`), `queue` (keys of work), `lease` (who leads), `events` (what people see in `describe`).

The rules of this package: every request has a timeout; nothing retries a write; every loop that
meets an error waits longer each time, with jitter; no thread dies of an error. What an error means
for the caller is in `errors`.
"""
