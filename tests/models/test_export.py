"""Exports: files that others run give the numbers of the verbs."""

import importlib.util
import json
import os
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
import small_networks
from test_every_model import CASES

import keras_latent
from keras_latent import models
from keras_latent.src.export import formats as export_formats
from keras_latent.src.export import other_backend as export_elsewhere
from keras_latent.src.utils.files import folder_replaced_when_complete

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

BACKEND = keras.backend.backend()
EXAMPLE = Path(__file__).parents[2] / "examples" / "serve_onnx.py"
#: Where another process writes ONNX files, for seconds each, one is enough.
writes_onnx = pytest.mark.skipif(
    BACKEND == "jax" and importlib.util.find_spec("jax2onnx") is None,
    reason="without jax2onnx, JAX leaves ONNX to another backend",
)
PRESETS = {
    "VAE": "vae_digits",
    "TVAE": "tvae_digits",
    "VBTA": "vbta_digits_transpose",
    "LSTNet": "lstnet_mnist_usps_tiny",
    "CycleGAN": "cyclegan_digits",
    "Pix2Pix": "pix2pix_digits",
    "BridgingVAE": "bridging_digits",
    "WaveGAN": "wavegan_tiny",
    "DualVAE": "dual_vae_digits",
    "CVAE": "cvae_digits",
    "FaderNetwork": "fader_digits",
}
DOMAINS = {"domain": "source", "to": "target"}
#: Methods that can be exported, with options. Of models that are not listed: all, without any.
VERBS = {
    "VAE": {"decode": {}, "encode": {}, "reconstruct": {}},
    "TVAE": {"decode": {}, "encode": {}, "reconstruct": {}},
    "VBTA": {
        "cycle": {"domain": "target"},
        "decode": {"domain": "target"},
        "encode": {"domain": "target"},
        "reconstruct": {},
        "translate": {"to": "source"},
    },
    "LSTNet": {
        "cycle": {"domain": "target"},
        "decode": {},
        "encode": {},
        "reconstruct": {"domain": "target"},
        "translate": {},
    },
    "CycleGAN": {"cycle": {}, "translate": {"to": "source"}},
    "Pix2Pix": {"cycle": {"domain": "target"}, "translate": {}},
    "BridgingVAE": {
        "classify": {"domain": "target"},
        "decode": {"domain": "source"},
        "encode": {"domain": "target"},
        "transfer": DOMAINS,
    },
    "LatentDomainTransfer": {
        "decode": {},
        "encode": {"domain": "target"},
        "reconstruct": {},
        "transfer": {"to": "source"},
        "transfer_latents": DOMAINS,
    },
    "WaveGAN": {"decode": {}},
    "DualVAE": {
        "attribute_probabilities": {},
        "decode": {},
        "encode": {},
        "reconstruct": {},
        "transfer": {},
    },
    "CVAE": {"decode": {}, "encode": {}, "reconstruct": {}, "transfer": {}},
    "FaderNetwork": {"decode": {}, "encode": {}, "reconstruct": {}, "transfer": {}},
}
#: Verbs whose method does not run the graph itself.
COMPOSED = [
    ("VAE", "encode", {}),
    ("VBTA", "encode", {"domain": "target"}),
    ("BridgingVAE", "encode", {"domain": "source"}),
    ("BridgingVAE", "transfer", DOMAINS),
    ("LatentDomainTransfer", "encode", {}),
    ("LatentDomainTransfer", "reconstruct", {}),
    ("LatentDomainTransfer", "transfer", {"to": "source", "latents": True}),
    ("LatentDomainTransfer", "transfer_latents", DOMAINS),
    ("DualVAE", "transfer", {"attribute": [0, 4], "strength": None, "direction": "isolated"}),
    ("DualVAE", "transfer", {"attribute": [0, 4], "strength": -2.0, "together": True}),
    ("CVAE", "decode", {}),
    ("CVAE", "encode", {}),
    ("CVAE", "reconstruct", {}),
    ("CVAE", "transfer", {"attribute": "attribute_2", "strength": None}),
    ("FaderNetwork", "encode", {}),
    ("FaderNetwork", "transfer", {"strength": 0.5}),
]
IN_ONNX = [
    ("VAE", "encode", {}),
    ("VAE", "reconstruct", {}),
    ("TVAE", "encode", {}),
    ("VBTA", "encode", {"domain": "target"}),
    ("VBTA", "translate", {"to": "source"}),
    ("LSTNet", "encode", {"domain": "target"}),
    ("LSTNet", "translate", {}),
    ("CycleGAN", "translate", {}),
    ("BridgingVAE", "transfer", DOMAINS),
    ("LatentDomainTransfer", "transfer", {}),
    ("WaveGAN", "decode", {}),
    ("DualVAE", "transfer", {"attribute": 3}),
    ("DualVAE", "transfer", {"attribute": [0, 4], "strength": None, "direction": "isolated"}),
    ("CVAE", "encode", {}),
    ("CVAE", "transfer", {"attribute": "attribute_2", "strength": None}),
    ("FaderNetwork", "transfer", {"strength": 0.5}),
]


def names(case):
    return case if isinstance(case, str) else "-".join(map(str, case.values()))


@cache
def model_of(name):
    """A model of every kind whose weights, moving averages too, are not as they were made."""
    if name == "LatentDomainTransfer":
        return models.LatentDomainTransfer(*map(model_of, ("VAE", "BridgingVAE", "VAE")))
    if name in PRESETS:
        model = getattr(models, name).from_preset(PRESETS[name], load_weights=False)
    else:
        model = CASES[name].make()
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if "float" in variable.dtype:
            noise = 0.2 * rng.random(variable.shape).astype("float32") - 0.1
            variable.assign(keras.ops.convert_to_numpy(variable) + noise)
    return model


def rows_of(program):
    """Three rows of each input of a verb's model, by name."""
    rng = np.random.default_rng(1)
    given = {i.name: rng.random((3, *i.shape[1:])).astype("float32") for i in program.inputs}
    if "attributes" in given:
        given["attributes"] = rng.integers(-1, 2, given["attributes"].shape).astype("float32")
        given["attributes"][:, :3] = (-1, 0, 1)
    return given


def by_verb(model, verb, options, given):
    """What the method gives."""
    first = given.get("x", given.get("z"))
    rest = {name: rows for name, rows in given.items() if name not in ("x", "z")}
    return getattr(model, verb)(first, **options | rest)


def by_onnx(path, given):
    return onnxruntime.InferenceSession(path).run(None, given)[0]


def by_saved_model(path, given):
    import tensorflow as tf

    serve = tf.saved_model.load(path).signatures["serving_default"]
    return serve(**{name: tf.constant(rows) for name, rows in given.items()})["output_0"].numpy()


def assert_the_file_is_the_verb(run, path, name, verb, options):
    model = model_of(name)
    given = rows_of(model.verb_model(verb, **options))
    wanted = by_verb(model, verb, options, given)
    assert np.ptp(wanted) > 0
    for rows in (len(wanted), 1):
        made = run(path, {name: x[:rows] for name, x in given.items()})
        assert made.shape == (rows, *wanted.shape[1:]) and made.dtype == np.float32
        np.testing.assert_allclose(made, wanted[:rows], rtol=1e-4, atol=1e-4)


def test_every_verb_of_every_model_is_one_function():
    assert set(VERBS) <= set(models.__all__)
    for name in models.__all__:
        model = model_of(name)
        verbs = VERBS.get(name) or {verb: {} for verb in model.export_verbs()}
        assert sorted(verbs) == model.export_verbs()
        for verb, options in verbs.items():
            program = model.verb_model(verb, **options)
            assert all(tensor.dtype == "float32" for tensor in (*program.inputs, program.output))


@pytest.mark.parametrize("name, verb, options", COMPOSED, ids=names)
def test_a_verb_as_a_keras_model(name, verb, options):
    model = model_of(name)
    program = model.verb_model(verb, **options)
    given = rows_of(program)
    made = program.predict(given if len(given) > 1 else next(iter(given.values())), verbose=0)
    wanted = by_verb(model, verb, options, given)
    np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-4)


@writes_onnx
@pytest.mark.parametrize("name, verb, options", IN_ONNX, ids=names)
def test_onnx(name, verb, options, tmp_path):
    path = tmp_path / "made" / "verb.onnx"
    model_of(name).export(path, "onnx", verbose=False, verb=verb, **options)
    assert_the_file_is_the_verb(by_onnx, path, name, verb, options)
    assert os.listdir(path.parent) == ["verb.onnx"]


@writes_onnx
def test_layers_of_the_library_in_onnx(tmp_path):
    """A mixing layer, and an activation of the error function."""
    x = keras.Input((8, 8, 1))
    h = keras.layers.Dense(6, activation="gelu")(keras.layers.Flatten()(x))
    skip = keras.layers.Dense(6, activation="softplus")(keras.layers.Flatten()(x))
    h = keras_latent.layers.GatedMixingLayer(6)(h, skip)
    encoder = keras.Model(x, small_networks.heads(h, 4))
    model = models.VAE(encoder, small_networks.vae().decoder)
    model.export(tmp_path / "encode.onnx", "onnx", verbose=False, verb="encode")
    x = np.random.default_rng(0).random((3, 8, 8, 1)).astype("float32")
    made = by_onnx(tmp_path / "encode.onnx", {"x": x})
    np.testing.assert_allclose(made, model.encode(x), rtol=1e-4, atol=1e-4)


@writes_onnx
def test_what_an_onnx_file_says_of_itself(tmp_path, capsys):
    path = tmp_path / "transfer.onnx"
    options = {"attribute": np.int64(1), "strength": None}
    model_of("CVAE").export(path, format="onnx", verb="transfer", opset_version=17, **options)
    assert capsys.readouterr().out == f"Saved artifact at '{path}'.\n"
    session = onnxruntime.InferenceSession(path)
    assert {i.name: i.shape for i in session.get_inputs()} == {
        "x": ["batch", 8, 8, 1],
        "attributes": ["batch", 10],
        "strength": ["batch"],
    }
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("output_0", ["batch", 8, 8, 1])]
    said = session.get_modelmeta().custom_metadata_map
    assert (said["model"], said["verb"]) == ("CVAE", "transfer")
    assert json.loads(said["options"]) == {"attribute": 1, "strength": None}
    assert onnx.load(path).opset_import[0].version == 17


SAVED = [("VBTA", "translate", {"to": "source"})]
if BACKEND != "torch":  # there each is written by another process
    SAVED += [
        ("DualVAE", "transfer", {"attribute": 3, "strength": None}),
    ]


@pytest.mark.parametrize("name, verb, options", SAVED, ids=names)
def test_saved_model(name, verb, options, tmp_path):
    pytest.importorskip("tensorflow")
    path = tmp_path / "verb"
    path.mkdir()
    (path / "saved_model.pb").write_text("an older one")
    model_of(name).export(path, verbose=False, verb=verb, **options)
    assert_the_file_is_the_verb(by_saved_model, path, name, verb, options)
    assert os.listdir(tmp_path) == ["verb"]


def test_the_example_serves_translations(tmp_path, monkeypatch, capsys):
    # With JAX, the file of another process, whose model has a class of a module of ours.
    if BACKEND == "jax" and importlib.util.find_spec("jax2onnx"):
        monkeypatch.setattr(export_formats, "_installed", lambda *names: "jax2onnx" not in names)
    file, images, out = (str(tmp_path / name) for name in ("t.onnx", "x.npy", "y.npy"))
    model = model_of("VBTA")
    model.export(file, "onnx", verbose=False, verb="translate", to="source")
    x = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 1)).astype("uint8")
    np.save(images, x)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), file, images, out])
    runpy.run_path(str(EXAMPLE))
    assert "70 rows of shape (8, 8, 1)" in capsys.readouterr().out
    wanted = model.translate((x / 255).astype("float32"), to="source")
    np.testing.assert_allclose(np.load(out), wanted, rtol=1e-4, atol=1e-4)


def test_the_example_needs_no_keras():
    lines = EXAMPLE.read_text().split('"""')[2].strip().splitlines()
    imports = [line for line in lines if "import" in line]
    assert imports == ["import sys", "import numpy as np", "import onnxruntime"]
    assert len([line for line in lines if line and line not in imports]) <= 10


# Errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("VAE", {}, r"one of \['decode', 'encode', 'reconstruct'\] for a `VAE`.*verb='translate'"),
        ("WaveGAN", {"verb": "generate"}, r"one of \['decode'\].*that is 'decode'"),
        ("VBTA", {"format": "caffe"}, r"`format` must be one of \['tf_saved_model', 'onnx'\]"),
        ("VBTA", {"to": "middle"}, r"`to` must be one of \['source', 'target'\]"),
        ("VBTA", {"sample": True}, r"options \['to'\].*not by draws.*\['sample'\]"),
        ("BridgingVAE", {"verb": "transfer"}, r"\['domain', 'to'\].*missing a required"),
        ("DualVAE", {"verb": "transfer", "attribute": 10}, "number from 0 to 9"),
        ("DualVAE", {"verb": "transfer", "direction": "up"}, "`direction` must be one of"),
        ("CVAE", {"verb": "transfer", "strength": [1, 2]}, "`strength` must be a finite number"),
        ("CVAE", {"verb": "transfer", "direction": "dual"}, r"\['attribute', 'strength'\]"),
        ("VBTA", {"opset_version": 17}, "`opset_version` is an option of"),
    ],
    ids=str,
)
def test_errors(name, arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        model_of(name).export(tmp_path / "file", **arguments)
    assert not os.listdir(tmp_path)


def test_a_transfer_from_a_model_that_cannot_encode(tmp_path):
    vae = model_of("VAE")
    transfer = models.LatentDomainTransfer(vae.decoder, model_of("BridgingVAE"), vae)
    with pytest.raises(ValueError, match="The source's model has no encoder"):
        transfer.export(tmp_path / "file", verb="transfer")
    z = np.random.default_rng(0).random((2, 32)).astype("float32")
    made = transfer.verb_model("transfer", latents=True).predict(z, verbose=0)
    np.testing.assert_allclose(made, transfer.transfer(z, latents=True), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "format, make, message",
    [
        ("onnx", lambda path: path.mkdir(), "must be a file. Received a folder"),
        ("tf_saved_model", lambda path: path.write_text("a"), "must be a folder. Received a file"),
        (
            "tf_saved_model",
            lambda path: (path / "photos").mkdir(parents=True),
            "which holds other files",
        ),
    ],
)
def test_nothing_but_exports_is_replaced(format, make, message, tmp_path):
    make(tmp_path / "file")
    with pytest.raises(ValueError, match=message):
        model_of("VBTA").export(tmp_path / "file", format)


@pytest.mark.parametrize(
    "format, missing, message",
    {
        "tensorflow": [("onnx", ["tf2onnx"], r"'tf2onnx'.*pip install keras-latent\[export\]")],
        "torch": [
            ("onnx", ["onnx"], r"'onnx'.*pip install keras-latent\[export\]"),
            ("tf_saved_model", ["tensorflow"], r"pip install keras-latent\[tensorflow\]"),
        ],
        "jax": [
            ("onnx", ["jax2onnx", "onnx"], r"pip install jax2onnx.*keras-latent\[export,torch\]"),
            ("tf_saved_model", ["tensorflow"], r"pip install keras-latent\[tensorflow\]"),
        ],
    }[BACKEND],
)
def test_missing_packages(format, missing, message, tmp_path, monkeypatch):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=message):
        model_of("VBTA").export(tmp_path / "file", format)
    assert not os.listdir(tmp_path)


def test_an_export_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "verb.onnx"
    path.write_text("old")

    def fail(self, filepath, **kwargs):
        Path(filepath).write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(export_formats, "other_backend_for", lambda format: None)
    monkeypatch.setattr(keras.Model, "export", fail)
    with pytest.raises(OSError, match="disk full"):
        model_of("VBTA").export(path, "onnx")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["verb.onnx"]


def test_a_folder_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "folder"
    for content in ("first", "second"):
        with folder_replaced_when_complete(path) as made:
            made.mkdir()
            (made / content).write_text(content)
        assert os.listdir(path) == [content]
    with pytest.raises(OSError), folder_replaced_when_complete(path) as made:
        made.mkdir()
        raise OSError
    assert os.listdir(path) == ["second"] and os.listdir(tmp_path) == ["folder"]


def test_another_process_that_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(export_elsewhere, "RUN", "import sys; sys.exit('no class Own')")
    monkeypatch.setattr(export_formats, "other_backend_for", lambda format: "torch")
    with pytest.raises(RuntimeError, match="torch backend to rebuild.*\n.*no class Own"):
        model_of("VBTA").export(tmp_path / "file", "onnx")
    assert not os.listdir(tmp_path)


def test_another_process_is_told_where_classes_are(monkeypatch):
    encoder, decoder = small_networks.own(np.zeros((2, 12), "float32"))
    model, seen = models.VAE(encoder, decoder), {}

    def run(command, env, **kwargs):
        seen.update(json.loads(Path(command[-1]).read_text()), backend=env["KERAS_BACKEND"])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(export_elsewhere.subprocess, "run", run)
    what = {"verb": "encode", "options": {"attribute": np.int32(3)}}
    export_elsewhere.export(model, "torch", Path("file"), "onnx", what, None)
    assert seen["backend"] == "torch" and seen["class"] == [
        "keras_latent.src.models.vae.vae",
        "VAE",
    ]
    assert "small_networks" in seen["modules"] and "keras" not in seen["modules"]
    assert seen["export"] == {
        "filepath": str(Path("file").absolute()),
        "format": "onnx",
        "verb": "encode",
        "opset_version": None,
        "attribute": 3,
    }


@pytest.mark.parametrize(
    "given, op, attributes, message",
    [
        ("captured", "Identity", {}, r"takes \['x'\].*takes \['captured'\].*NumPy arrays"),
        ("x", "Cast", {"to": onnx.TensorProto.BFLOAT16}, "computes in bfloat16"),
        ("x", "Paint", {}, "invalid ONNX file.*\n*.*Paint"),
    ],
)
def test_files_that_nobody_could_run_are_refused(given, op, attributes, message, tmp_path):
    one = onnx.helper.make_tensor_value_info(given, onnx.TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node(op, [given], ["y"], **attributes)
    path = tmp_path / "file.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [one], [out])), path)
    inputs = {"x": keras.InputSpec(shape=(None, 1))}
    with pytest.raises(ValueError, match=message):
        export_formats._finish_onnx(path, inputs, (None, 1), {"options": {}})
