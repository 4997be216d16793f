"""Tables of the presets: what they are, and what their trained weights reach."""


def table(model: str) -> str:
    """Names and descriptions of a model's presets, with the figures of trained weights."""
    from keras_latent import models
    from keras_latent.src.cli.all_presets import trained_presets

    cls = getattr(models, model)
    trained = trained_presets()
    rows = []
    for name, description in cls.presets.items():
        card = cls.preset_card(name) if name in trained else None
        rows.append([f"`{name}`", description, card_in_short(card) if card else ""])
    head = ["preset", "what it is", "trained weights"]
    if not any(weights for *_, weights in rows):
        head, rows = head[:2], [row[:2] for row in rows]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) if rows else ""


def card_in_short(card: dict) -> str:
    """Task and figures of trained weights in a line."""

    def flat(figures: dict, of: str = ""):
        for key, value in figures.items():
            name = f"{of} {key.replace('_', ' ')}".strip()
            if isinstance(value, dict):
                yield from flat(value, name)
            elif isinstance(value, (int, float)):
                yield f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value:.4g}"

    return f"{card['task']}; {'; '.join(flat(card['figures']))}"
