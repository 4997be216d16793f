"""The names of all datasets and pairs, and of CelebA's attributes.

The names live apart from the functions that load them, so that the message about an unknown name
can suggest a different function.
"""

from typing import Any

from keras_latent.src.utils.did_you_mean import did_you_mean

ARRAYS = ("digits", "fashion_mnist", "mnist", "sc09", "spoken_digit", "usps")
FACES = ("celeb_a", "celeb_a_64")
PAIRS = (
    "celeba_64_men_women",
    "celeba_men_women",
    "digits_transpose",
    "fashion_mnist_transpose",
    "mnist_fashion",
    "mnist_mnist",
    "mnist_spoken_digit",
    "mnist_transpose",
    "mnist_usps",
)
_LOADED_BY = {"load_arrays": ARRAYS, "load_faces": FACES, "load_pair": PAIRS}


def check_name(function: str, name: Any) -> None:
    """Raise, with a suggestion, unless the function loads data of this name."""
    known = list(_LOADED_BY[function])
    if isinstance(name, str) and name in known:
        return
    hint = _hint(function, name, known) if isinstance(name, str) else ""
    raise ValueError(f"`name` must be one of {known}. Received: name={name!r}.{hint}")


def _hint(function: str, name: str, known: list[str]) -> str:
    for other, names in _LOADED_BY.items():
        if name in names and function == "load_pair":
            pairs = [pair for pair in known if name in pair]
            such_as = f", such as one of {pairs}" if pairs else ", or use `pair_from_arrays`"
            return (
                f" This is a single dataset; `datasets.{other}({name!r})` loads it. To get two "
                f"domains, choose a pair{such_as}."
            )
        if name in names:
            return f" `datasets.{other}({name!r})` loads it."
    name = name.lower().replace("-", "_")
    reordered = [n for n in known if sorted(n.split("_")) == sorted(name.split("_"))]
    return did_you_mean(reordered[0] if reordered else name, known)


# fmt: off
#: CelebA's attributes, in CelebA's order.
CELEBA_ATTRIBUTES = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs",
    "Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows",
    "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup",
    "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes", "No_Beard",
    "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns",
    "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick",
    "Wearing_Necklace", "Wearing_Necktie", "Young",
)
# fmt: on
