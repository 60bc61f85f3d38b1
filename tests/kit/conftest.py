"""A delivery of every type, to be read as a target reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.target import Table, open_delivery
from remit.testing.sample_delivery import make_sample


class Sample:
    """The delivery, and who may open what of it."""

    def __init__(self, home: Path) -> None:
        self.folder = make_sample(home)
        self.trust = home / "include" / "controllers" / "durand" / "keys"
        self.key = home / "target" / "recipient.pem"
        self.registry = home / "registry.pem"
        self.home = home

    def table(self, key: Path | None = None) -> Table:
        delivery = open_delivery(self.folder, key or self.key, self.trust)
        return delivery.tables["every_type"]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(tmp_path_factory.mktemp("sample") / "home")
