"""Packs the pause program as an image archive that containerd can import. Pure.

The format is that of `docker save`: a manifest, the image's configuration and one layer. The same
program gives the same bytes, and so the same image id.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping


def pack(program: bytes, *, tag: str, architecture: str) -> bytes:
    """Return the archive of an image `tag` that runs `program` and holds nothing else."""
    layer = _tar({"pause": (program, 0o755)})
    layer_digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{layer_digest}/layer.tar"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": [layer_name]}])
    return _tar(
        {
            config_name: (config, 0o644),
            layer_name: (layer, 0o644),
            "manifest.json": (manifest.encode(), 0o644),
        }
    )


def _tar(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
