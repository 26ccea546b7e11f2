"""botocore's description of S3, found without a look into the folders of its four hundred other services."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader
from botocore.session import Session


class _Models(Loader):
    """To know whether there is a service, botocore lists all of them: twice, and 10 ms each time."""

    _wanted = ""

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """What botocore asks for when it makes a client."""
        self._wanted = service_name
        return super().load_service_model(service_name, type_name, api_version)

    def list_available_services(self, type_name: str) -> list[str]:
        """The one that is wanted, where it is there; else all."""
        try:
            self.list_api_versions(self._wanted, type_name)
        except DataNotFoundError:
            found: list[str] = super().list_available_services(type_name)
            return found
        return [self._wanted]


def find_models_quickly(session: Session) -> None:
    """For sessions whose user has no models of their own: where those lie, botocore itself knows."""
    if not session.get_config_variable("data_path"):
        session.register_component("data_loader", _Models())
