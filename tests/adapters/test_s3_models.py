"""botocore's models: the same as by its own search, and other services are found too."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.session import Session

from lrsync.adapters.s3 import S3Store
from lrsync.adapters.s3_models import find_models_quickly
from tests.stores.canned import CannedS3


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.delenv("AWS_DATA_PATH", raising=False)
    made = Session()
    find_models_quickly(made)
    return made


@pytest.mark.parametrize("service", ["s3", "sts", "sso"])
def test_models_are_botocores(session: Session, service: str) -> None:
    loader = session.get_component("data_loader")
    assert type(loader) is not Loader
    assert loader.load_service_model(service, "service-2") == Loader().load_service_model(service, "service-2")


def test_a_service_that_is_none_is_said_to_be_none(session: Session) -> None:
    with pytest.raises(UnknownServiceError) as caught:
        session.get_component("data_loader").load_service_model("s33", "service-2")
    assert "s3control" in str(caught.value), "botocore names those that it knows"


def test_models_of_ones_own_are_left_to_botocore(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    made = Session()
    find_models_quickly(made)
    assert type(made.get_component("data_loader")) is Loader


def test_a_store_looks_into_no_other_services_folder(canned: CannedS3) -> None:
    with mock.patch.object(Loader, "list_available_services", side_effect=AssertionError):
        store: S3Store = canned.server.open_store("photos")
    store.close()
