# The controller's image: `docker build .`, or with another Debian 12 that has Python 3.11 as BASE.
# Everything that pip installs is pinned by hash; the image that runs has neither pip nor a shell's
# worth of build tools added to BASE.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /build && python3 -m venv --without-pip /venv
# The lock comes first: an edit of ours installs no dependency again.
COPY requirements-build.txt requirements.txt ./
RUN /build/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps \
      --require-hashes --only-binary :all: --requirement requirements-build.txt \
 && /build/bin/pip --python /venv/bin/python install --quiet --no-cache-dir --no-deps \
      --disable-pip-version-check --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md ./
COPY controller ./controller
RUN /build/bin/pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /venv/bin/python install --quiet --no-deps --no-index /wheels/*.whl

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=""
LABEL org.opencontainers.image.title="gander-controller" \
      org.opencontainers.image.description="Kubernetes release controller" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /venv /venv
# The root file system is read-only where the chart runs it.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/venv/bin/gander-controller"]
