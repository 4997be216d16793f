"""The guides that `docs/render_guides.py` has rendered: their list, and their place in the menu."""

from pathlib import Path

import yaml

GUIDES = Path(__file__).parents[1] / "guides"
# From the first hour to the special; others follow by name.
ORDER = (
    "getting_started",
    "custom_models",
    "lstnet_mnist_usps",
    "bridging_vae_and_gan",
    "editing_attributes",
    "triplets_and_metric_learning",
    "backends_and_devices",
)


def pages() -> list[Path]:
    """The rendered guides, in order."""
    found = [path for path in GUIDES.glob("*.md") if path.stem != "index"]
    place = {name: number for number, name in enumerate(ORDER)}
    return sorted(found, key=lambda path: (place.get(path.stem, len(ORDER)), path.stem))


def header_of(path: Path) -> dict[str, str]:
    """What stands at the head of a rendered guide: title, description, its source's hash."""
    return yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])


def listing() -> str:
    """A Markdown list of the guides: title and description."""
    lines = [
        f"- [{header['title']}]({path.name}): {header['description']}"
        for path in pages()
        for header in [header_of(path)]
    ]
    return "\n".join(lines) or "*No guide has been rendered yet.*"


def pointer(name: str, page: str) -> str:
    """A line that points from a page to a guide, if that is rendered."""
    path = GUIDES / f"{name}.md"
    if name not in ORDER:
        raise ValueError(f"There is no guide {name!r}.")
    if not path.exists():
        return ""
    header = header_of(path)
    return f"The guide [{header['title']}]({'../' * page.count('/')}guides/{name}.md) shows it."


def on_config(config, **kwargs):
    (section,) = (item["Guides"] for item in config["nav"] if "Guides" in item)
    section[1:] = [f"guides/{path.name}" for path in pages()]
    return config
