"""Without a network, the error comes at once. These tests need no network."""

import http.server
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from keras_latent import datasets
from keras_latent.src.datasets.sources import network
from keras_latent.src.datasets.sources.network import reachable, require_downloads

tfds = pytest.importorskip("tensorflow_datasets")
requests = pytest.importorskip("requests")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def closed():
    """An address that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file"


@pytest.fixture
def server():
    """A host without files, and the requests it received."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", asked=asked)
        server.shutdown()


def test_a_host_that_answers(server, closed):
    assert reachable([f"{server.url}/{i}" for i in range(3)] + [closed])
    assert server.asked == ["/2"]  # One request per host.
    assert not reachable([closed])
    assert not reachable(["http://nowhere.invalid/file", closed])


def test_a_proxy(server, closed, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    assert reachable(["http://nowhere.invalid/file"])
    assert server.asked == ["http://nowhere.invalid/file"]
    monkeypatch.setenv("http_proxy", closed)
    assert not reachable(["http://nowhere.invalid/file"])


def test_a_network_that_never_answers(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(requests, "head", lambda url, timeout: never.wait(5))
    start = time.monotonic()
    assert not reachable(["http://a/1", "http://b/1"], seconds=0.05)
    assert time.monotonic() - start < 4
    never.set()


def test_a_slow_host_is_reachable(monkeypatch):
    def slow(url, timeout):
        raise requests.ReadTimeout

    monkeypatch.setattr(requests, "head", slow)
    assert reachable(["http://a/1"])


def refuse(*args, **kwargs):
    raise AssertionError("it was asked for")


def builder(**files):
    infos = {url: SimpleNamespace(checksum="ab" * 32, filename=name) for name, url in files.items()}
    return SimpleNamespace(name="set", url_infos=infos)


def test_hosts_are_only_asked_if_files_must_be_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(network, "reachable", refuse)
    require_downloads(builder(), tmp_path, tmp_path)
    require_downloads(builder(a="gs://bucket/a"), tmp_path, tmp_path)
    some = builder(a="http://host/a", b="http://host/b")
    with pytest.raises(AssertionError, match="asked for"):
        require_downloads(some, tmp_path, tmp_path / "manual")
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "b").touch()
    require_downloads(some, tmp_path, tmp_path / "manual")

    from tensorflow_datasets.core.download.resource import get_dl_fname

    name = get_dl_fname("http://host/a", "ab" * 32)
    for folder in (tmp_path / "old", tmp_path / "new" / "set"):
        folder.mkdir(parents=True)
        (folder / name).touch()
    require_downloads(some, tmp_path / "old", tmp_path / "none")
    require_downloads(some, tmp_path / "new", tmp_path / "none")


@pytest.mark.parametrize("name", ["fashion_mnist", "usps"])
def test_the_advice(name, tmp_path, monkeypatch):
    from tensorflow_datasets.core.download import downloader

    monkeypatch.setattr(downloader._Downloader, "download", refuse)
    monkeypatch.setattr(network, "reachable", lambda urls: False)
    with pytest.raises(RuntimeError, match=r"(?s)ConnectionError: cannot reach .*\.npz"):
        datasets.load_arrays(name, tmp_path)
    assert not list(tmp_path.rglob("*.gz"))
    monkeypatch.setattr(network, "reachable", lambda urls: True)
    with pytest.raises(RuntimeError, match="it was asked for"):
        datasets.load_arrays(name, tmp_path)
