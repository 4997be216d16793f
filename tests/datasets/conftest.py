import pytest

from keras_latent.src.datasets.sources import network


@pytest.fixture(autouse=True)
def no_network_is_asked_for(monkeypatch):
    """Tests mock downloads, so they must not depend on whether there is a network."""
    monkeypatch.setattr(network, "reachable", lambda urls: True)
