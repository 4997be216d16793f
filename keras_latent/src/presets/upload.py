"""Uploads of presets to the Hugging Face hub and to Kaggle."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from keras_latent.src.presets import loading
from keras_latent.src.presets.checksums import require_undamaged
from keras_latent.src.presets.hub import FILES, Address
from keras_latent.src.presets.registry import METADATA, WEIGHTS
from keras_latent.src.utils import checks

MODEL_CARD = "README.md"


def upload_preset(uri: str, preset: str | Path) -> None:
    """Uploads a preset to the Hugging Face hub or to Kaggle, as KerasHub does.

    The model is made if there is none of that name: public on Hugging Face, private on Kaggle.
    Only the files of the preset and its model card, `README.md`, are uploaded. If neither the
    folder nor the model on Hugging Face has a card, a short one is made. Requires the extra `hub`.

    Args:
        uri: `hf://USER/NAME`, `hf://NAME` (your own), or `kaggle://USER/MODEL/keras/VARIATION`.
        preset: A directory that `save_to_preset` wrote.

    Raises:
        ImportError: If the hub's client is not installed.
        RuntimeError: If the upload fails.
        ValueError: If an argument is wrong, or the preset is damaged or lacks a file.

    Example:

    >>> from keras_latent.presets import upload_preset
    >>> upload_preset("hf://user/name", "folder")
    Traceback (most recent call last):
    ...
    ValueError: `preset` must be a directory that `save_to_preset` wrote. Received: preset='folder'
    """
    address = Address.parsed("uri", uri)
    folder = checks.path("preset", preset)
    if not all((folder / name).is_file() for name in FILES):
        raise ValueError(
            "`preset` must be a directory that `save_to_preset` wrote. "
            f"{checks.received('preset', str(preset))}"
        )
    record = loading.read_metadata(folder)
    name, config = loading.read_config(folder, record)
    require_undamaged(folder, WEIGHTS, record, METADATA)
    client = address.client()
    with tempfile.TemporaryDirectory() as temporary:
        for file in (*FILES, MODEL_CARD):
            if (folder / file).is_file():
                shutil.copy(folder / file, temporary)
        card = Path(temporary, MODEL_CARD)
        with address.errors_explained("uploaded"):
            if address.on_kaggle:
                if not card.exists():
                    card.write_text(_model_card(uri, name, config))
                client.model_upload(address.handle, temporary)
                return
            repo_id = client.create_repo(address.handle, exist_ok=True).repo_id
            if not card.exists() and not client.file_exists(repo_id, MODEL_CARD):
                card.write_text(_model_card(f"hf://{repo_id}", name, config))
            client.upload_folder(repo_id=repo_id, folder_path=temporary)


def _model_card(uri: str, registered_name: str, config: dict[str, Any]) -> str:
    package, _, model = registered_name.rpartition(">")
    call = f'model = {model}.from_preset("{uri}")'
    if package == "keras_latent":
        call = f"from keras_latent import models\n\n{call.replace('= ', '= models.', 1)}"
    # Networks are dicts.
    settings = [f"- `{k}`: {v!r}" for k, v in config.items() if not isinstance(v, dict)]
    return "\n".join(
        [
            "---\nlibrary_name: keras-latent\ntags:\n- keras\n---\n",
            f"# {uri.rpartition('/')[2]}\n",
            f"A `{model}` of keras_latent, for TensorFlow, JAX and PyTorch.\n",
            f"```python\n{call}\n```\n",
            "Configuration, without networks:\n",
            *settings,
            "\nThis card was generated. Its author should add the training data, their license, "
            "the results and the limits.\n",
        ]
    )
