import keras
import numpy as np
import pytest
from small_networks import vbta

from keras_latent import datasets
from keras_latent.src.datasets.folders.image_files import write_image
from keras_latent.src.datasets.pairs import from_arrays


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))


def write(folder, levels):
    """Grey images by name, each of one brightness."""
    for name, level in levels.items():
        write_image(folder / name, np.full((8, 8, 1), level, "uint8"))


@pytest.fixture
def folders(tmp_path):
    """Source images i, target images 100 + i; those with the same i have the same stem."""
    write(tmp_path / "a", {f"{i:03}.png": i for i in range(30)})
    write(tmp_path / "b", {f"{i:03}.bmp": 100 + i for i in range(10, 50)})
    return tmp_path / "a", tmp_path / "b"


def make(folders, **options):
    return datasets.pair_from_folders(*folders, **{"size": 8, "batch_size": 5} | options)


def levels(images):
    return [] if images is None else images[:, 0, 0, 0].tolist()


def in_memory(array):
    """Whether an array is a copy, not a part of a file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return False
        array = array.base
    return True


def test_shares_of_both_domains_are_for_testing(folders):
    pair = make(folders, validation=0.2, name="greys")
    assert pair.name == "greys" and pair.batch_size == 5 and pair.num_paired == 0
    assert pair.train_sizes == (24, 32) and pair.test_sizes == (6, 8)
    assert sorted(levels(pair.source_train) + levels(pair.source_test)) == list(range(30))
    assert sorted(levels(pair.target_train) + levels(pair.target_test)) == list(range(110, 150))
    source = datasets.images_from_folder(folders[0], size=8)
    assert levels(source.images) == levels(pair.source_test) + levels(pair.source_train)
    assert not any(batch["paired"].any() for batch in [*pair.train, *pair.test])
    again = make(folders, validation=0.2, seed=1)
    assert levels(again.source_test) != levels(pair.source_test)


def test_no_validation(folders):
    pair = make(folders, validation=0, paired_by="name")
    assert pair.test is None and pair.train_sizes == (30, 40) and pair.num_paired == 20


def test_a_small_share_is_at_least_one_row(folders):
    assert make(folders, validation=0.001).test_sizes == (1, 1)


def test_arrays_stay_on_the_disk(folders):
    pair = make(folders)
    for name in ("source_train", "source_test", "target_train", "target_test"):
        assert not in_memory(getattr(pair, name)), name
    assert in_memory(np.array(pair.source_train))


@pytest.mark.parametrize("memmaps", ["source", "target", "none"])
def test_auto_does_not_copy_memmaps_for_tensorflow(tmp_path, monkeypatch, memmaps):
    monkeypatch.setattr(from_arrays, "native_pipeline", lambda: "tf")
    monkeypatch.setattr(from_arrays, "train_dataset", lambda *_: None)
    rows = np.zeros((9, 2), "uint8")
    on_disk = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", rows.dtype, rows.shape)
    arrays = {"source": rows, "target": rows} | {memmaps: on_disk}
    arrays.pop("none", None)
    pair = datasets.pair_from_arrays(**arrays, batch_size=3)
    assert pair.format == ("tf" if memmaps == "none" else "numpy")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("by", ["name", "csv"])
def test_pairs_are_on_one_side(folders, tmp_path, by, seed):
    """Twenty of the images have a partner, in the target's order another one for the CSV file."""
    partner = {i: i for i in range(10, 30)}
    paired_by = "name"
    if by == "csv":
        partner = {i: 49 - i for i in range(20)}
        paired_by = tmp_path / "pairs.csv"
        lines = [f"{s:03}.png,{t:03}.bmp" for s, t in partner.items()]
        paired_by.write_text("\n".join(["photo,sketch", *lines]))
    pair = make(folders, paired_by=paired_by, validation=0.2, seed=seed)
    tests = set(levels(pair.source_test)), {level - 100 for level in levels(pair.target_test)}
    assert len(tests[0]) >= 6 and len(tests[1]) >= 8
    for source, target in partner.items():
        assert (source in tests[0]) == (target in tests[1])
    found = {
        int(pair.source_train[s, 0, 0, 0]): int(pair.target_train[t, 0, 0, 0]) - 100
        for s, t in pair.known_pairs
    }
    assert found == {s: t for s, t in partner.items() if s not in tests[0]}
    assert not any(batch["paired"].any() for batch in pair.test)
    for batch in pair.train:
        levels_of = [np.round(batch[domain][:, 0, 0, 0] * 255) for domain in ("source", "target")]
        for source, target, paired in zip(*levels_of, batch["paired"], strict=True):
            assert not paired or partner[int(source)] == target - 100


@pytest.mark.parametrize("by", ["name", "csv"])
def test_test_rows_are_pairs_if_all_are_paired(tmp_path, by):
    write(tmp_path / "a", {f"{i:03}.png": i for i in range(20)})
    name = "{:03}.bmp" if by == "name" else "sketch{}.bmp"
    write(tmp_path / "b", {name.format(i): 100 + i for i in range(20)})
    paired_by = "name"
    if by == "csv":
        paired_by = str(tmp_path / "pairs.csv")
        lines = ["source,target", *(f"{i:03}.png,{name.format(i)}" for i in range(20))]
        (tmp_path / "pairs.csv").write_text("\n".join(lines))
    pair = make((tmp_path / "a", tmp_path / "b"), paired_by=paired_by, validation=0.25)
    assert pair.test_sizes == (5, 5) and pair.num_paired == 15
    assert [level + 100 for level in levels(pair.source_test)] == levels(pair.target_test)
    assert all(batch["paired"].all() for batch in pair.test)


def test_validation_rows_stay_when_others_are_added(folders):
    before = make(folders, paired_by="name")
    write(folders[0], {f"new{i}.png": 200 for i in range(3)})
    after = make(folders, paired_by="name")
    old = [level for level in levels(after.source_test) if level != 200]
    count = min(len(old), len(before.source_test))
    assert count >= 2 and old[:count] == levels(before.source_test)[:count]


def test_partner_of_a_broken_file_is_not_paired(folders):
    (folders[1] / "020.bmp").write_bytes(b"broken")
    pair = make(folders, paired_by="name", validation=0)
    assert pair.num_paired == 19 and 20 in levels(pair.source_train)


def test_sub_folders_are_the_same_classes_in_both_domains(tmp_path):
    write(tmp_path / "a", {"dogs/1.png": 1, "dogs/2.png": 1, "cats/1.png": 0, "0.png": 9})
    write(tmp_path / "b", {"horses/1.png": 2, "horses/2.png": 2, "dogs/1.png": 1, "0.png": 9})
    pair = make((tmp_path / "a", tmp_path / "b"), labels="folders", validation=0.4, batch_size=1)
    assert pair.test_sizes == (2, 2)
    for part in ("source_train", "source_test", "target_train", "target_test"):
        wanted = [-1 if level == 9 else level for level in levels(getattr(pair, part))]
        assert getattr(pair, f"{part}_labels").tolist() == wanted, part


def test_labels_of_files(tmp_path):
    rows = np.arange(8, dtype="uint8").repeat(16).reshape(8, 4, 4)
    np.savez(tmp_path / "a.npz", x=rows, y=np.arange(8))
    write(tmp_path, {f"{i}.png": i for i in range(6)})
    table = tmp_path / "b.csv"
    table.write_text("\n".join(["file,class", *(f"{i}.png,{i}" for i in range(6))]))
    pair = make((tmp_path / "a.npz", table), size=4)
    assert pair.source_train_labels.tolist() == levels(pair.source_train)
    assert pair.target_test_labels.tolist() == levels(pair.target_test)
    (tmp_path / "c.csv").write_text("file,age\n0.png,1\n1.png,1\n")
    with pytest.raises(ValueError, match=r"same columns of labels.*\['class'\] and \['age'\]"):
        make((table, tmp_path / "c.csv"))


def test_channels_of_each_domain(folders):
    assert make(folders, channels=(3, 1)).source_shape == (8, 8, 3)
    assert make(folders, channels=(3, 1)).target_shape == (8, 8, 1)
    assert make(folders, channels=3).target_shape == (8, 8, 3)
    assert make(folders, size=(4, 6)).source_shape == (4, 6, 1)


def test_arguments_of_batches(folders):
    options = {"paired_by": "name", "paired_per_batch": 2, "augment": lambda x: x * 0}
    batch = make(folders, **options).train[0]
    assert batch["paired"].tolist() == [True, True, False, False, False]
    assert not batch["source"].any()
    first = [make(folders, seed=seed).train[0]["target"] for seed in (0, 0, 1)]
    assert (first[0] == first[1]).all() and (first[0] != first[2]).any()
    caches = folders[0] / "cache"
    make(folders, cache_dir=caches, workers=1)
    assert len(list(caches.glob("*.npy"))) == 2


@pytest.mark.each_backend
def test_a_model_trains_from_folders(folders):
    pair = make(folders, paired_by="name")
    assert pair.format == "numpy"
    model = vbta(source=(8, 8, 1), target=(8, 8, 1))
    model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
    before = [np.array(weight) for weight in model.get_weights()]
    history = model.fit(pair.train, validation_data=pair.test, steps_per_epoch=1, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "options,message",
    [
        ({"source": "nowhere"}, r"`source` must be a folder of images.*nothing there"),
        ({"target": None}, r"`target` must be a path.*target=None"),
        ({"size": -1}, r"`size` must be a positive integer"),
        ({"channels": (1, 2)}, r"`channels` must be one of"),
        ({"channels": (1, 3, 3)}, r"`channels` must be 1, 3 or None, or two of them.*1, 3, 3"),
        ({"labels": "classes"}, r"`labels` must be one of"),
        ({"labels": "folders"}, r"`labels='folders'` needs a sub-folder per class"),
        ({"validation": 1}, r"`validation` must be less than 1"),
        ({"validation": 0.99}, r"`validation` must leave images of the source.*0\.99 with 30 im"),
        ({"seed": None}, r"`seed` must be an integer"),
        ({"batch_size": 100}, r"`batch_size` must not exceed the rows.*27 source rows"),
        ({"format": "torch"}, r"`format` must be one of"),
        ({"paired_by": 3}, r"`paired_by` must be a path"),
        ({"paired_by": "names"}, r"`paired_by` must be None, 'name' or a \.csv.*'names': nothing"),
        ({"paired_per_batch": 1}, r"`paired_per_batch` must not exceed the number of known pairs"),
    ],
)
def test_bad_arguments(folders, options, message):
    options = {"source": folders[0], "target": folders[1], "size": 8, "batch_size": 5} | options
    with pytest.raises(ValueError, match=message):
        datasets.pair_from_folders(**options)


@pytest.mark.parametrize(
    "text,message",
    [
        ("a,b,c\n1,2,3\n", r"must have two columns.*Received: 3 columns"),
        ("000.png,010.bmp\n001.png,011.bmp", r"must begin with a header.*'000\.png,010\.bmp'"),
        ("a,b\n000.png,000.bmp\n", r"'000\.bmp' in line 2, which is not in the target"),
        ("a,b\n1.png,010.bmp\n", r"'1\.png' in line 2, which is not in the source"),
        ("a,b\n000.png,010.bmp\n000.png,011.bmp\n", r"'000\.png' in line 3.*named before"),
        ("a,b\n", r"`paired_by`: .* must have a header and a row or more"),
    ],
)
def test_bad_tables_of_pairs(folders, tmp_path, text, message):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        make(folders, paired_by=tmp_path / "pairs.csv")


def test_bad_names_of_pairs(folders, tmp_path):
    write(tmp_path / "c", {"x.png": 1, "y.png": 2})
    with pytest.raises(ValueError, match=r"same path in both folders.*'000\.png'.*'x\.png'"):
        make((folders[0], tmp_path / "c"), paired_by="name")
    write(tmp_path / "c", {"x.bmp": 1})
    with pytest.raises(ValueError, match=r"differ in more than.*'x' twice in the target"):
        make((folders[0], tmp_path / "c"), paired_by="name")
    with pytest.raises(ValueError, match="must be a file. Received: a folder"):
        make(folders, paired_by=folders[0])


def test_find_duplicates(folders):
    write(folders[0], {f"again{i}.png": i for i in range(30)})
    pair = make(folders, validation=0.3)
    found = datasets.find_duplicates(pair.source_test, pair.source_train)
    train = levels(pair.source_train)
    wanted = [
        [row, train.index(level)]
        for row, level in enumerate(levels(pair.source_test))
        if level in train
    ]
    assert len(wanted) > 3 and found.tolist() == wanted and found.dtype == np.int64
    none = datasets.find_duplicates(pair.target_test, pair.target_train)
    assert none.shape == (0, 2) and none.dtype == np.int64


def test_several_rows_may_have_one_duplicate():
    rows = np.arange(12, dtype="uint8").reshape(6, 2)
    found = datasets.find_duplicates(rows[[3, 5, 3]], rows[[0, 3, 3]])
    assert found.tolist() == [[0, 1], [2, 1]]


def test_duplicates_have_one_shape_and_dtype():
    rows = np.zeros((3, 4), "uint8")
    for other in (rows[:, :3], rows.astype("float32")):
        with pytest.raises(ValueError, match=r"same shape and dtype.*uint8 \(3, 4\) and"):
            datasets.find_duplicates(rows, other)
    with pytest.raises(ValueError, match=r"`train` must have at least one row"):
        datasets.find_duplicates(rows, rows[:0])
