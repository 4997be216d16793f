"""The macros of the site's pages: what they render, and their errors."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest

pytest.importorskip("mkdocs")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "hooks"))

import docstrings  # noqa: E402
import formulas  # noqa: E402
import macros  # noqa: E402
import repository_text  # noqa: E402

from benchmarks import dualvae, paper_tables, results  # noqa: E402


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes result files into a temporary folder."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)

    def write(name, rows):
        environment = {"hardware": "2 CPU cores"}
        result = {"command": "make it", "date": "2026-01-02", "environment": environment}
        (tmp_path / f"{name}.json").write_text(json.dumps(result | {"rows": rows}))

    return write


class Environment(SimpleNamespace):
    """What mkdocs-macros hands to `define_env`."""

    def macro(self, function):
        self.macros[function.__name__] = function
        return function


def page(text, path="papers/x.md", nav=()):
    file = SimpleNamespace(src_uri=path)
    env = Environment(macros={}, page=SimpleNamespace(file=file), conf={"nav": nav})
    macros.define_env(env)
    strict = jinja2.Environment(undefined=jinja2.StrictUndefined)
    return strict.from_string(text).render(env.macros)


def test_a_figure_comes_from_the_result_file(files):
    assert page("it is {{ figure('a', n=1) }}.") == "it is *not run yet*."
    short = {"setting": {"n": 1, "epochs": 2}, "metric": "accuracy", "value": 0.5}
    long = {"setting": {"n": 1, "epochs": 9}, "metric": "accuracy", "value": 0.98765}
    other = {"setting": {"n": 2}, "metric": "fid", "value": 0.00432}
    files("a", [long, short, other])
    assert page("it is {{ figure('a', n=1) }}.") == "it is 98.77\u00a0%."  # the longest training
    assert page("{{ figure('a', n=2) }}") == "0.0043"
    with pytest.raises(ValueError, match=r"0 rows of a.json have \{'n': 3\}. Expected one"):
        page("{{ figure('a', n=3) }}")
    files("a", [long, long | {"value": 0.1}])
    with pytest.raises(ValueError, match="2 rows of a.json have"):
        page("{{ figure('a', n=1) }}")
    assert page("{{ figure('a', n=1, best=True) }}") == "98.77\u00a0%"


def test_the_command_of_a_result_file(files):
    assert page("{{ command('a') }}") == ""
    files("a", [{"setting": {"backend": "jax"}, "value": 1.0}, {"setting": {}, "value": 2.0}])
    line = "`benchmarks/results/a.json`: `make it`, 2026-01-02, 2 CPU cores, jax."
    assert page("{{ command('a') }}") == line


def test_reliability_shows_the_rows_of_its_parts(files):
    assert page("{{ reliability('kills') }}").endswith("*not run yet*.")
    row = {"setting": {"part": "kills"}, "case": "a|b", "measured": 0.5, "wanted": "0"}
    empty = {"setting": {"part": "disk"}, "case": "c", "measured": "x", "wanted": ""}
    other = {"setting": {"part": "fuzz"}, "case": "d", "measured": 1, "wanted": ""}
    rows = [other | {"passed": True}, empty | {"passed": None}, row | {"passed": False}]
    files("reliability", rows)
    assert page("{{ reliability('kills', 'disk') }}").splitlines()[2:] == [
        "| a\\|b | 0.5000 | 0 | **not as wanted** |",
        "| c | x |  |  |",
    ]


def test_a_table_waits_for_its_file(files):
    assert page("{{ table('DualVAE, table 1') }}") == (
        "`benchmarks/results/dualvae_table1.json`: *not run yet*."
    )
    setting = {"direction": "target_to_source", "paired": 10}
    files("vbta_table1", [{"configuration": "paper", "setting": setting, "value": 0.5}])
    assert "| 10 | 59.09 ± 17.78 % | 50.00 % |" in page("{{ table('VBTA, table 1') }}")


def metrics_of(method, missing, rate, weight, validation=0.2):
    scores = {name: {"mean": 0.1, "std": 0.01} for name in ("cis", "ts", "rs")}
    found = {"test_draws": scores, "test": {"cis": 0.1 + missing / 10, "ts": 0.3, "rs": -0.2}}
    found["best_is_last"] = False
    kinds = ("dual", "boundary") if method == "dualvae" else ("set", "label")
    transfers = {
        kind: found | {"best_on_validation": {"strength": 3.0, "cis": validation + number / 10}}
        for number, kind in enumerate(kinds)
    }
    configuration = {"method": method, "domains": 40, "missing": missing, "dataset": "celeb_a_64"}
    configuration |= {"classifier": "small", "preset": "small", "epochs": 2, "backend": "jax"}
    configuration |= {"seed": 0, "learning_rate": rate, "fill_missing": False}
    configuration |= {"consistency": weight, "input_noise": 0.0, "no_bias": not weight}
    figures = {"transfers": transfers, "images": {"draw": 160, "test": 900}}
    return {"configuration": configuration, "figures": figures, "wall_seconds": 1.0}


def test_tables_of_dualvae_show_the_rows_that_its_benchmark_writes(files, tmp_path):
    runs = [("dualvae", 0.0, 1.0, 0.0), ("dualvae", 0.0, 1.0, 5.0), ("dualvae", 0.9, 1.0, 5.0)]
    runs += [("cvae", 0.0, 1.0, 0.0), ("cvae", 0.0, 2.0, 0.0, 0.1)]  # worse: left out
    for number, options in enumerate(runs):
        (tmp_path / "runs" / str(number)).mkdir(parents=True)
        run = tmp_path / "runs" / str(number) / "metrics.json"
        run.write_text(json.dumps(metrics_of(*options)))
    dualvae.tables(SimpleNamespace(runs=tmp_path / "runs"))
    lines = page("{{ table('DualVAE, table 1') }}").splitlines()
    ends = ("as printed", "paper's configuration", "ours")
    columns = [f"40 attributes, {end}" for end in ends]
    assert lines[0] == f"|  | 20 attributes, as printed | {' | '.join(columns)} |"
    assert "| CVAE | -0.112 ± 0.007 | -0.152 ± 0.006 | 0.100 ± 0.010 | 0.100 ± 0.010 |" in lines
    assert "| DualVAE | 0.163 ± 0.025 | 0.140 ± 0.020 | 0.100 ± 0.010 | 0.100 ± 0.010 |" in lines
    rows = json.loads((tmp_path / "dualvae_table1.json").read_text())["rows"]
    assert {row["setting"]["learning_rate"] for row in rows if "validation_cis" in row} == {1.0}
    whose = {(r["configuration"], r["setting"].get("transfer")) for r in rows}
    assert ("paper", "dual") in whose and ("paper", "boundary") not in whose
    assert ("paper's objective, our directions", "boundary") in whose
    lines = page("{{ table('DualVAE, figure 6') }}").splitlines()
    assert lines[0] == "|  | paper's configuration | ours |"
    assert lines[2:] == ["| 0 % missing | 0.100 | 0.100 |", "| 90 % missing |  | 0.190 |"]
    # The kind of transfer is chosen on validation faces.
    wanted = "method='dualvae', domains=40, of_draws=False, metric='cis', configuration='ours'"
    text = "{{ figure('dualvae_table1', " + wanted + ", chosen=True) }}"
    assert page(text) == "0.1000"
    chosen = {r["setting"]["transfer"] for r in rows if r["setting"].get("chosen")}
    assert chosen == {"boundary", "label"}


def test_the_table_of_men_and_women(files):
    setting = {"split": "test", "direction": "target_to_source", "preset": "small"}
    row = {"configuration": "ours", "setting": setting, "metric": "target_gender_accuracy"}
    validation = row | {"setting": setting | {"split": "validation"}, "value": 0.1}
    moved = row | {"setting": setting | {"strength": 1.5}, "value": 0.95}
    spread = moved | {"metric": "spread", "value": 0.2}
    of_men = row | {"setting": {"split": "test", "domain": "source", "model": "vae"}}
    of_men |= {"metric": "reconstruction_error", "value": 0.01}
    files("celeba_men_women", [of_men, spread, moved, row | {"value": 0.91}, validation])
    table = page("{{ table('VBTA, men and women') }}")
    assert table.splitlines() == [
        "| test images | of men | of women |",
        "| --- | --- | --- |",
        "| ours: seen as the other gender: translations |  | 91.00 % |",
        "| ours: seen as the other gender: translations, moved |  | 95.00 % (by 1.5 of the "
        "difference) |",
        "| ours: the same of a plain VAE | 0.0100 |  |",
        "| ours: spread: translations, moved |  | 0.2000 |",
    ]


def test_printed_figures_stand_beside_ours(files):
    setting = {"margin": 0.0, "epochs": 7}
    row = {"setting": setting, "metric": "triplet_accuracy", "value": 0.9, "std": 0.01}
    files("tvae_table1", [row | {"configuration": "paper"}])
    lines = paper_tables.tvae_table().splitlines()
    assert lines[0] == "|  | paper, as printed | margin 0 | epochs |"
    assert lines[2] == "| VAE | 75.08 % |  |  |"
    assert lines[3] == "| TVAE, the paper's configuration | 95.60 % | 90.00 ± 1.00 % | 7 |"


def test_sections_of_repository_files():
    text = "# Top\n\nintro\n\n## A\n\n```bash\n# no heading\n```\n\n### B\n\nb\n\n## C\n\nc\n"
    assert repository_text.section(text, "Top") == "intro"
    assert repository_text.section(text, "A").endswith("```\n\n### B\n\nb")
    assert repository_text.section(text, "B") == "b" and repository_text.section(text, "C") == "c"
    assert page("{{ include('README.md#Tests') }}").startswith("<!-- test line -->")
    with pytest.raises(ValueError, match="There is no heading 'Nothing'"):
        page("{{ include('README.md#Nothing') }}")
    with pytest.raises(FileNotFoundError, match="NOTHING.md"):
        page("{{ include('NOTHING.md') }}")


def test_links_of_repository_files_are_rewritten():
    def relinked(text, source="README.md", page="papers/x.md"):
        return repository_text.relinked(text, source, page)

    assert relinked("![a](docs/images/a.png)") == "![a](../images/a.png)"
    assert relinked("[t](TABLES.md#x)", "benchmarks/README.md", "y.md") == "[t](results.md#x)"
    assert relinked("[w](https://w.org), [h](#here)") == "[w](https://w.org), [h](#here)"
    assert relinked("[law](LICENSE)") == "law (`LICENSE`)"
    assert relinked("```\n[t](TABLES.md)\n```") == "```\n[t](TABLES.md)\n```"
    with pytest.raises(ValueError, match=r"README.md links to nowhere.md, which does not exist"):
        relinked("[n](nowhere.md)")


def test_formulas_are_mathml():
    marked = '<p><span class="arithmatex">\\(a &lt; b_1\\)</span></p>'
    found = formulas.on_page_content(marked)
    assert found.startswith('<p><math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    assert "<msub><mi>b</mi><mn>1</mn></msub>" in found and "arithmatex" not in found
    block = formulas.on_page_content('<div class="arithmatex">\\[\nx\n\\]</div>')
    assert 'display="block"' in block and "<mi>x</mi>" in block


def test_examples_of_docstrings_are_code():
    text = "Does it.\n\nInput: a row.\n\nExample:\n\n>>> f(1)\n2\n\nMore.\n\n>>> f(2)"
    assert docstrings.as_markdown(text) == (
        "Does it.\n\n**Input:** a row.\n\n**Example:**\n\n```pycon\n>>> f(1)\n2\n```\n\nMore.\n\n"
        "```pycon\n>>> f(2)\n```"
    )


def test_the_list_of_guides_follows_the_navigation(tmp_path, monkeypatch):
    monkeypatch.setattr(macros, "GUIDES", tmp_path)
    header = "---\ntitle: Own models\ndescription: How to.\n---\n\n# Own models\n"
    (tmp_path / "custom_models.md").write_text(header)
    (tmp_path / "another.md").write_text(header.replace("Own models", "Another"))
    section = ["guides/index.md", "guides/custom_models.md", "guides/another.md"]
    listed = page("{{ all_guides() }}", "guides/index.md", [{"Home": "x"}, {"Guides": section}])
    assert listed.split("\n") == [
        "- [Own models](custom_models.md): How to.",
        "- [Another](another.md): How to.",
    ]
