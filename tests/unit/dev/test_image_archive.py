"""The archive is what `docker save` would write: digests name what they are digests of."""

import hashlib
import io
import json
import tarfile

from dev.image_archive import pack

FILES = {"/pause": b"\x7fELF"}


def archive() -> bytes:
    return pack(FILES, entrypoint="/pause", tag="localhost/pause:1", architecture="amd64")


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {m.name: f.read() for m in opened if (f := opened.extractfile(m))}


def test_manifest_config_and_layer_fit_together() -> None:
    files = members(archive())
    (manifest,) = json.loads(files["manifest.json"])
    config = json.loads(files[manifest["Config"]])
    (layer,) = (files[name] for name in manifest["Layers"])
    assert manifest["RepoTags"] == ["localhost/pause:1"]
    assert manifest["Config"] == f"{hashlib.sha256(files[manifest['Config']]).hexdigest()}.json"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"]["Entrypoint"] == ["/pause"]
    assert members(layer) == {"pause": b"\x7fELF"}


def test_same_program_gives_the_same_bytes() -> None:
    assert archive() == archive()
