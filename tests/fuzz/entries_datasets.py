"""Data sets: pairs, arrays, matching, augmentation, sounds."""

import functools
import tempfile
from pathlib import Path

import numpy as np
from arguments import (
    Argument,
    bools,
    choice,
    floats,
    function,
    images,
    labels,
    non_negative,
    number,
    paths,
    rows,
    seed,
    size,
    sizes,
)
from cases import entry
from PIL import Image

from keras_latent import datasets, visualization

FOLDER = tempfile.TemporaryDirectory()

# Images that are not pixels of a network: any range, bytes, bools.
ANY = ("0 to 255", "bytes 0 to 255", "bools")
SOURCE = images(12, 4, 4, 1).but(*ANY)
OPTIONAL = SOURCE.but("none")
LABELS = labels(12).but("none", "one axis more")  # (rows, attributes)
BATCH = images(5, 6, 6, 2).but(*ANY, "larger", "larger last axis", "no rows", "list")


@functools.cache
def folder() -> Path:
    """A folder with small files of MNIST, Fashion-MNIST and faces, and a sound."""
    path = Path(FOLDER.name)
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 256, (20, 28, 28)).astype("uint8")
    classes = np.arange(20) % 10
    for name in ("mnist", "fashion_mnist"):
        splits = {"x_train": digits, "y_train": classes, "x_test": digits, "y_test": classes}
        np.savez(path / f"{name}.npz", **splits)
    faces = {"attribute_names": np.array(datasets.CELEBA_ATTRIBUTES)}
    for split in ("train", "validation", "test"):
        faces[f"x_{split}"] = rng.integers(0, 256, (6, 64, 64, 3)).astype("uint8")
        faces[f"attributes_{split}"] = rng.integers(0, 2, (6, 40)).astype("int8")
        faces[f"attributes_{split}"][:, 20] = np.arange(6) % 2
    np.savez(path / "celeb_a_64.npz", **faces)
    visualization.write_wavs(path / "a.wav", np.zeros((1, 100)), 8000)
    return path


def pictures() -> Path:
    """A folder with five images."""
    path = folder() / "pictures"
    if not path.exists():
        for i in range(5):
            (path / "class").mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((6, 6), i, "uint8")).save(path / "class" / f"{i}.png")
    return path


DATA = paths(folder).but("none")


def attributes() -> Argument:
    """A table of 1, 0 and -1."""
    table = (np.arange(15).reshape(5, 3) // 2) % 2
    wrong = dict(floats(5, 3).wrong)
    del wrong["integers"], wrong["bools"]
    wrong |= {"floats": lambda: table + 0.5, "seven": lambda: table * 7}
    return Argument(table.copy, wrong)


def any_of(number: int) -> Argument:
    """Which rows are pairs: a number, `"all"`, `None`, or an array of rows."""
    wrong = size(number, least=0).but("none").wrong
    wrong |= {
        "row beyond": lambda: np.array([[0, 10**6]]),
        "negative row": lambda: np.array([[0, -1]]),
        "twice": lambda: np.array([[0, 0], [0, 0]]),
        "text": lambda: "some",
        "too many": lambda: 10**6,
    }
    return Argument(lambda: number, wrong)


def scale() -> Argument:
    """Two positive numbers."""
    wrong = sizes(1, 2).but("fraction", "huge").wrong
    wrong |= {"descending": lambda: (2.0, 1.0), "NaN": lambda: (np.nan, 1.0)}
    return Argument(lambda: (0.9, 1.1), wrong)


def latents(source, labels):
    return datasets.LatentBatches({"source": source}, {"source": labels}, batch_size=4)


RNG = Argument(lambda: np.random.default_rng(0), number(1.0).wrong)
WAVEFORM = rows(9).but("integers", "larger last axis", "no rows", "list")
FACTORS = floats(5, 4, finite=True).but("integers", "bools")

ENTRIES = [
    entry(
        "load_pair",
        datasets.load_pair,
        name=choice("mnist_fashion"),
        augment=function(lambda x: x).but("none", "dict"),
        mapping=sizes(*range(9, -1, -1)).but("none"),
        batch_size=size(10),
        seed=seed().also(none=None),
        data_dir=DATA,
        format=choice("numpy"),
    ),
    entry(
        "load_pair transposed",
        datasets.load_pair,
        name=choice("digits_transpose"),
        paired=any_of(100),
        split=choice("keras"),
        paired_per_batch=size(2, least=0).but("none"),
        seed=seed().also(none=None),
        data_dir=DATA,
    ),
    entry(
        "load_pair of faces",
        functools.partial(datasets.load_pair, "celeba_64_men_women", batch_size=2),
        paired=any_of(2),
        data_dir=DATA,
    ),
    entry(
        "pair_from_arrays",
        datasets.pair_from_arrays,
        source=SOURCE,
        target=SOURCE,
        source_labels=LABELS,
        target_labels=LABELS,
        test_source=OPTIONAL.also(none=None),
        test_target=OPTIONAL.also(none=None),
        test_source_labels=LABELS,
        test_target_labels=LABELS,
        paired=any_of(6),
        batch_size=size(5).also(rows=30),
        paired_per_batch=size(2, least=0).but("none").also(batch=6),
        augment=function(lambda x: x).but("none", "dict"),
        seed=seed().also(none=None),
        format=choice("numpy"),
    ),
    entry(
        "images_from_folder",
        datasets.images_from_folder,
        folder=paths(pictures),
        size=size(4),
        channels=choice(1).but("none"),
        labels=choice("folders").but("none"),
        seed=seed().also(none=None),
        workers=size(1).but("none"),
        cache_dir=paths(lambda: folder() / "cache").but("none"),
    ),
    entry(
        "pair_from_folders",
        datasets.pair_from_folders,
        source=paths(pictures),
        target=paths(pictures),
        size=size(4),
        channels=choice(1).but("none").also(three=(1, 1, 1)),
        labels=choice("folders").but("none"),
        paired_by=choice("name").but("none"),
        validation=non_negative(0.4).also(one=1.0),
        seed=seed().also(none=None),
        batch_size=size(2).also(rows=30),
        augment=function(lambda x: x).but("none", "dict"),
        paired_per_batch=size(1, least=0).but("none").also(batch=3),
        format=choice("numpy"),
        workers=size(1).but("none"),
        cache_dir=paths(lambda: folder() / "cache").but("none"),
    ),
    entry(
        "find_duplicates",
        datasets.find_duplicates,
        test=SOURCE.called("train"),
        train=SOURCE.called("test"),
    ),
    entry("load_arrays", datasets.load_arrays, name=choice("mnist"), data_dir=DATA),
    entry(
        "load_faces",
        datasets.load_faces,
        name=choice("celeb_a_64"),
        data_dir=DATA,
        splits=Argument(lambda: ("train",), choice(1).wrong | {"text": lambda: "train"}),
        limit=size(2).but("none"),
        verbose=choice(0),
    ),
    entry(
        "export_npz",
        datasets.export_npz,
        name=choice("mnist"),
        path=paths(lambda: folder() / "out.npz"),
        data_dir=DATA,
    ),
    entry(
        "DomainPair.skip_epochs",
        lambda n: datasets.load_pair("digits_transpose").skip_epochs(n),
        n=size(1, least=0),
    ),
    entry(
        "LatentBatches",
        latents,
        source=rows(12, 3).but("larger last axis"),
        labels=labels(12).called("source").but("none"),
    ),
    entry(
        "LatentBatches of domains",
        datasets.LatentBatches,
        latents=Argument(lambda: {"a": np.zeros((9, 2))}, size(1).wrong),
        labels=Argument(lambda: {"a": np.arange(9) % 3}, size(1).wrong).but("none", "dict"),
        batch_size=size(3),
        labelled_per_batch=size(3).but("none"),
        steps=size(2).but("none"),
        seed=seed().also(none=None),
    ),
    entry(
        "LatentBatches.skip_epochs",
        lambda n: datasets.LatentBatches({"a": np.zeros((9, 2))}).skip_epochs(n),
        n=size(1, least=0),
    ),
    entry(
        "RandomAffine",
        datasets.RandomAffine,
        rotation=non_negative(5.0),
        scale=scale(),
        shift=non_negative(1.0),
        fill_value=number(0.5),
        seed=seed().also(none=None),
    ),
    entry("RandomAffine()", datasets.RandomAffine(), images=BATCH),
    entry(
        "RandomAffine.transform",
        datasets.RandomAffine().transform,
        images=BATCH.called("factors"),
        factors=FACTORS,
    ),
    entry(
        "RandomAffine.factors",
        datasets.RandomAffine().factors,
        rng=RNG,
        count=size(3, least=0),
    ),
    entry("RandomFlip", datasets.RandomFlip, seed=seed().also(none=None)),
    entry("RandomFlip()", datasets.RandomFlip(), images=BATCH),
    entry(
        "RandomFlip.transform",
        datasets.RandomFlip().transform,
        images=BATCH.called("factors"),
        factors=bools(5),
    ),
    entry("RandomFlip.factors", datasets.RandomFlip().factors, rng=RNG, count=size(3, least=0)),
    entry(
        "match_by_attributes",
        datasets.match_by_attributes,
        men=attributes(),
        women=attributes(),
        exclude=Argument(lambda: ["a"], size(1).wrong)
        .but("list", "list_of_one")
        .also(unknown=["d"]),
        names=Argument(lambda: ["a", "b", "c"], size(1).wrong).but("none").also(two=["a", "b"]),
        seed=seed().also(none=None),
        chunk=size(2),
    ),
    entry(
        "match_by_geometry",
        datasets.match_by_geometry,
        source=SOURCE.but("larger", "larger last axis", "one axis more", "one axis fewer"),
        target=SOURCE.but("larger", "larger last axis", "one axis more", "one axis fewer"),
        known_pairs=any_of(3),
        components=size(2),
        iterations=size(2),
        starts=size(2),
        sample=size(5),
        seed=seed().also(none=None),
    ),
    entry(
        "propagate_labels",
        datasets.propagate_labels,
        points=SOURCE.but("larger", "larger last axis", "one axis more").called("labels"),
        labels=labels(12),
        neighbors=size(3).also(rows=12),
        class_priors=Argument(lambda: "uniform", choice(1).wrong).also(
            negative=[-1, 1, 1], NaN=[np.nan, 1, 1], two=[1, 1]
        ),
    ),
    entry(
        "read_wav",
        datasets.read_wav,
        path=paths(lambda: folder() / "a.wav"),
        sample_rate=size(8000),
    ),
    entry("peak_normalize", datasets.peak_normalize, waveform=WAVEFORM.but("one axis more")),
    entry(
        "fit_length",
        datasets.fit_length,
        waveform=WAVEFORM,
        samples=size(12),
    ),
]
