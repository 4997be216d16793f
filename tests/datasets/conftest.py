import pytest

from keras_latent.src.datasets.sources import network


@pytest.fixture(autouse=True)
def no_network_is_asked_for(monkeypatch):
    """Downloads are made up where they are tried; whether there is a network changes no test."""
    monkeypatch.setattr(network, "reachable", lambda urls: True)
