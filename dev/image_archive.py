"""Packs programs as an image archive that containerd can import. Pure.

The format is that of `docker save`: a manifest, the image's configuration and one layer. The same
content gives the same bytes, and so the same image id. Files are executable and belong to root.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from typing import Final

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def pack(
    files: Mapping[str, bytes],
    *,
    entrypoint: str,
    tag: str,
    architecture: str = _ARCHITECTURES.get(platform.machine(), ""),
) -> bytes:
    """Return the archive of an image `tag` that holds `files` (path to content) and nothing else.

    It runs `entrypoint` as a user without rights.
    """
    layer = _tar({name.lstrip("/"): content for name, content in files.items()})
    layer_digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": [entrypoint], "User": "65535:65535", "Env": ["PATH=/"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{layer_digest}/layer.tar"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": [layer_name]}])
    return _tar({config_name: config, layer_name: layer, "manifest.json": manifest.encode()})


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
