"""Gander: a Kubernetes release controller. The layers are in docs/design and in pyproject.toml."""
