"""Settings of the controller, from environment variables that begin with `GANDER_`.

Every value is checked at start; a wrong one ends the process with a sentence that names it.
"""

import socket
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How this process runs. What releases do is in the plans, not here."""

    model_config = SettingsConfigDict(env_prefix="GANDER_", frozen=True)

    namespace: str = Field(default="gander-system", description="Where the Lease lives.")
    pod_name: str = Field(
        default_factory=socket.gethostname, min_length=1, description="This replica's identity."
    )
    watch_namespace: str = Field(default="", description="Only this namespace; empty: all.")
    http_port: int = Field(default=8080, ge=1, le=65535, description="/metrics, /healthz, /readyz.")
    workers: int = Field(default=8, ge=1, le=64, description="Passes that run side by side.")
    look_workers: int = Field(default=8, ge=1, le=64, description="Prometheus queries at once.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
