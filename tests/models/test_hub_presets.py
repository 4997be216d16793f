"""Presets on hubs, against a stand-in of the clients' API: folders on this machine."""

import fnmatch
import inspect
import json
import re
import shutil
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from small_networks import assert_same_weights, vae, vbta

from keras_latent import models
from keras_latent.presets import upload_preset
from keras_latent.src.cli import cli

FILES = ["config.json", "metadata.json", "model.weights.h5"]
HF, KAGGLE = "hf://user/name", "kaggle://user/model/keras/small"
ADDRESSES = pytest.mark.parametrize("uri", [HF, KAGGLE])


class StandIn:
    """Both clients. A model on a hub is a folder, and so is what is downloaded.

    Attributes:
        calls: Module, function, positional and keyword arguments of every call.
        error: What the next calls raise.
    """

    def __init__(self, root):
        self.root, self.calls, self.error = root, [], None
        self.version = 1
        self.modules = {}
        for name, functions in {
            "huggingface_hub": (
                self.snapshot_download,
                self.create_repo,
                self.file_exists,
                self.upload_folder,
            ),
            "kagglehub": (self.model_download, self.model_upload),
        }.items():
            self.modules[name] = types.ModuleType(name)
            for function in functions:
                setattr(self.modules[name], function.__name__, self.noted(name, function))

    def noted(self, module, function):
        def call(*args, **kwargs):
            self.calls.append((module, function.__name__, args, kwargs))
            if self.error:
                raise self.error
            return function(*args, **kwargs)

        return call

    def model(self, uri):
        """The folder of a model on its hub."""
        return self.root / uri.replace("://", "/")

    def cache(self, handle, names):
        cache = self.root / "cache" / handle
        cache.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(self.root / handle / name, cache)
        return cache

    def snapshot_download(self, repo_id, *, allow_patterns):
        names = [path.name for path in (self.root / "hf" / repo_id).iterdir()]
        wanted = [n for n in names if any(fnmatch.fnmatch(n, p) for p in allow_patterns)]
        return str(self.cache(f"hf/{repo_id}", wanted))

    def create_repo(self, repo_id, *, exist_ok):
        assert exist_ok
        repo_id = repo_id if "/" in repo_id else f"user/{repo_id}"
        (self.root / "hf" / repo_id).mkdir(parents=True, exist_ok=True)
        return types.SimpleNamespace(repo_id=repo_id)

    def file_exists(self, repo_id, filename):
        return (self.root / "hf" / repo_id / filename).exists()

    def upload_folder(self, *, repo_id, folder_path):
        shutil.copytree(folder_path, self.root / "hf" / repo_id, dirs_exist_ok=True)

    def model_download(self, handle, path):
        folder = self.cache(f"kaggle/{handle}", [path])
        if self.version > 1:  # of each file another one
            self.version += 1
            folder = folder / str(self.version)
        return str(folder / path)

    def model_upload(self, handle, local_model_dir):
        shutil.copytree(local_model_dir, self.root / "kaggle" / handle, dirs_exist_ok=True)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    stand_in = StandIn(tmp_path / "hubs")
    for name, module in stand_in.modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return stand_in


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "vbta"
    model = vbta(beta=0.5)
    model.save_to_preset(folder)
    return model, folder


@pytest.fixture
def saved(original, tmp_path):
    """A model, and its preset, which tests may change."""
    model, folder = original
    return model, shutil.copytree(folder, tmp_path / "preset")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@ADDRESSES
def test_round_trip_of_the_presets_own_files(hub, saved, uri):
    model, folder = saved
    (folder / "train.py").write_text("code")
    (folder / "logs").mkdir()
    upload_preset(uri, folder)
    assert names(hub.model(uri)) == ["README.md", *FILES]
    assert names(folder) == sorted([*FILES, "logs", "train.py"])
    (hub.model(uri) / "modeling.py").write_text("code")
    hub.calls.clear()
    fresh = models.VBTA.from_preset(uri, load_weights=False)
    cache = hub.root / "cache" / uri.replace("://", "/")
    assert fresh.beta == 0.5 and names(cache) == FILES[:2]
    loaded = models.VBTA.from_preset(uri, gamma=2.0)
    assert loaded.gamma == 2.0 and names(cache) == FILES
    assert_same_weights(loaded, model)
    wanted = [args[1:] or tuple(kwargs["allow_patterns"]) for *_, args, kwargs in hub.calls]
    assert {name for call in wanted for name in call} == set(FILES)


@ADDRESSES
def test_the_command_translates_with_it(hub, saved, uri, tmp_path, capsys):
    model, folder = saved
    upload_preset(uri, folder)
    x = np.random.default_rng(0).random((3, *model.event_shapes["source"]), "float32")
    np.savez(tmp_path / "in.npz", x=x)
    assert cli.main(["translate", uri, str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]) == 0
    made = np.load(tmp_path / "out.npz")["x"]
    np.testing.assert_allclose(made, model.translate(x, to="target"), atol=1e-5)
    (hub.model(uri) / "config.json").write_text('{"registered_name": "other>Model"}')
    other = [uri, str(tmp_path / "in.npz"), str(tmp_path / "other.npz")]
    assert cli.main(["translate", *other]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"keras-latent: {uri!r}: ") and "preset directory of one of" in said


def test_a_model_of_ones_own_account(hub, saved):
    upload_preset("hf://name", saved[1])
    assert names(hub.model(HF)) == ["README.md", *FILES]
    assert HF in (hub.model(HF) / "README.md").read_text()


@ADDRESSES
def test_the_model_card_shows_how_to_load_it(hub, saved, uri):
    model, folder = saved
    upload_preset(uri, folder)
    card = (hub.model(uri) / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: keras-latent\n")
    assert "- `beta`: 0.5\n" in card and "source_encoder" not in card
    found = {}
    exec(re.search(r"```python\n(.*?)```", card, re.S)[1], found)
    assert_same_weights(found["model"], model)


@keras.saving.register_keras_serializable(package="test_hub_presets")
class Own(models.VAE):
    pass


def test_the_model_card_of_ones_own_class(hub, tmp_path):
    config = vae().get_config()
    Own.from_config(config).save_to_preset(tmp_path / "own")
    upload_preset(HF, tmp_path / "own")
    card = (hub.model(HF) / "README.md").read_text()
    assert f'\nmodel = Own.from_preset("{HF}")\n' in card and "models" not in card
    assert Own.from_preset(HF).latent_dim == 4


def test_a_card_is_not_replaced(hub, saved):
    """But by another one that its author wrote."""
    _, folder = saved
    for uri in (HF, KAGGLE):
        (folder / "README.md").write_text("mine")
        upload_preset(uri, folder)
        assert (hub.model(uri) / "README.md").read_text() == "mine"
    (folder / "README.md").unlink()
    upload_preset(HF, folder)
    assert (hub.model(HF) / "README.md").read_text() == "mine"


def refused(status, error=OSError):
    found = error("client says\n\n no")
    found.response = types.SimpleNamespace(status_code=status)
    return found


def caused_by(cause):
    found = FileNotFoundError("not in the cache")
    found.__cause__ = cause
    return found


NAME = r"Check its name\. If it is private or has terms to accept, visit https://%s and log in"
NETWORK = r"Check the network connection"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (refused(401), NAME),
        (refused(403), NAME),
        (refused(404), NAME),
        (caused_by(refused(403)), NAME),
        (ValueError("client says no"), NAME),
        (refused(503), NETWORK),
        (Exception("connect: client says no"), NETWORK),
        (caused_by(Exception("connect")), NETWORK),
    ],
)
@ADDRESSES
def test_errors_of_the_client(hub, saved, uri, error, advice):
    page = {HF: "huggingface.co/user/name", KAGGLE: "www.kaggle.com/models/user/model/keras/small"}
    advice = advice.replace("%s", page[uri])
    hub.error = error
    what = f"{type(error).__name__}: {' '.join(str(error).split())}"
    with pytest.raises(RuntimeError, match=rf"^'{uri}' cannot be downloaded \({what}\)\. {advice}"):
        models.VBTA.from_preset(uri)
    with pytest.raises(RuntimeError, match=rf"^'{uri}' cannot be uploaded \({what}\)\. {advice}"):
        upload_preset(uri, saved[1])


def test_how_to_log_in(hub):
    hub.error = refused(401)
    for uri, command in ((HF, "`hf auth login`"), (KAGGLE, r"`kagglehub\.login\(\)`")):
        with pytest.raises(RuntimeError, match=command):
            models.VBTA.from_preset(uri)


@ADDRESSES
@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_damage_is_noticed(hub, saved, uri, name):
    upload_preset(uri, saved[1])
    path = hub.model(uri) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    again = {
        HF: r"run `hf cache rm model/user/name`",
        KAGGLE: r"delete /\S*/user/model/keras/small\b",
    }
    message = rf"(?s)^'{uri}': .*is damaged: its {name} does not have the SHA-256.*{again[uri]}"
    with pytest.raises(ValueError, match=message):
        models.VBTA.from_preset(uri)


def test_a_file_that_is_missing(hub, saved):
    upload_preset(HF, saved[1])
    (hub.model(HF) / "metadata.json").unlink()
    with pytest.raises(ValueError, match=r"^'hf://user/name': .*it has no \['metadata\.json'\]"):
        models.VBTA.from_preset(HF)


def test_a_new_version_during_the_download(hub, saved):
    upload_preset(KAGGLE, saved[1])
    hub.version = 2
    with pytest.raises(RuntimeError, match=rf"'{KAGGLE}' got a new version.*Try again"):
        models.VBTA.from_preset(KAGGLE)


def test_downloads_run_no_code(hub, saved):
    """Nor do they load classes that are not registered."""
    _, folder = saved
    code = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x)])
    layer = {"module": "subprocess", "class_name": "Popen", "config": {"args": "ls"}}
    (folder / "metadata.json").write_text("{}")
    config = json.loads((folder / "config.json").read_text())
    for network, message in (
        (keras.saving.serialize_keras_object(code), "(?i)lambda"),
        (layer | {"registered_name": "mine>Popen"}, "Popen"),
    ):
        config["config"]["source_encoder"] = network
        (folder / "config.json").write_text(json.dumps(config))
        upload_preset(HF, folder)
        with pytest.raises(ValueError, match=message):
            models.VBTA.from_preset(HF)
    with pytest.raises(ValueError, match=r"^'hf://user/name': .*holds a 'keras_latent>VBTA'"):
        models.VAE.from_preset(HF)


@pytest.mark.parametrize(
    "uri",
    [
        "hf://",
        "hf://user/name/",
        "hf://user/name/x",
        "kaggle://user/model",
        "kaggle://user/model/keras/small/1/x",
        "https://huggingface.co/user/name",
        "user/name",
        None,
    ],
)
def test_addresses_of_another_form(hub, saved, uri):
    form = r"hf://USER/NAME or kaggle://USER/MODEL/keras/VARIATION"
    with pytest.raises(ValueError, match=rf"^`uri` must be {form}\. Received: uri={uri!r}"):
        upload_preset(uri, saved[1])
    with pytest.raises(ValueError, match=r"^`preset` must be .*hf://USER/NAME.*Received: preset="):
        models.VBTA.from_preset(uri)
    assert hub.calls == []


def test_a_path_is_no_address(hub):
    with pytest.raises(ValueError, match=r"'hf:/user/name'\. Pass the address on a hub as text"):
        models.VBTA.from_preset(Path(HF))
    with pytest.raises(ValueError, match=r"^`uri` must be"):
        upload_preset(Path(HF), "preset")


@pytest.mark.parametrize("name", FILES)
def test_only_whole_presets_are_uploaded(hub, saved, name):
    _, folder = saved
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    with pytest.raises(ValueError, match=rf"is damaged: its {name}"):
        upload_preset(HF, folder)
    path.unlink()
    with pytest.raises(ValueError, match=r"must be a directory that `save_to_preset` wrote"):
        upload_preset(HF, str(folder))
    assert hub.calls == []


@ADDRESSES
def test_without_the_client(monkeypatch, saved, uri):
    for name in ("huggingface_hub", "kagglehub"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (lambda: models.VBTA.from_preset(uri), lambda: upload_preset(uri, saved[1])):
        with pytest.raises(ImportError, match=rf"'{uri}' needs .*pip install keras-latent\[hub\]"):
            call()


@pytest.mark.parametrize(("module", "uri"), [("huggingface_hub", HF), ("kagglehub", KAGGLE)])
def test_the_real_client_has_these_functions(module, uri, saved, request, monkeypatch):
    """With the arguments of every call. The hubs themselves are not asked."""
    client = pytest.importorskip(module)
    hub = request.getfixturevalue("hub")
    upload_preset(uri, saved[1])
    models.VBTA.from_preset(uri)
    assert len(hub.calls) == 4
    monkeypatch.undo()  # the client imports its parts when they are asked for
    for name, function, args, kwargs in hub.calls:
        assert name == module
        inspect.signature(getattr(client, function)).bind(*args, **kwargs)
