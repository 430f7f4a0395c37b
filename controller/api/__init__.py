"""The custom resources of `gander.dev/v1alpha1` as pydantic models, and the names with them.

Pure: no I/O, no clock. `controller.api.crd` makes the manifests in manifests/crds from these
models, so what `kubectl explain` prints is what stands here. Models read with `extra="ignore"`: an
object that a newer Gander wrote is readable by an older one.
"""
