"""What makes one Debian machine look like production: `python -m dev up`.

A real Kubernetes with a gateway, Prometheus, Alertmanager and an image registry runs as plain
processes in a network namespace of its own. Demo, tests and benchmarks use the same code. Nothing
here is imported by the controller.
"""
