"""Old names, until nothing uses them."""

from keras_latent.src.models.base.networks import built as require_built
from keras_latent.src.models.base.networks import event_shape_of
from keras_latent.src.training.inputs import check_dtype, check_shape
from keras_latent.src.training.inputs import check_values as _check_values
from keras_latent.src.utils import checks
from keras_latent.src.utils.checks import choice as require_choice
from keras_latent.src.utils.domains import DOMAINS

__all__ = [
    "DOMAINS",
    "check_dtype",
    "check_shape",
    "event_shape_of",
    "require_built",
    "require_choice",
]


def check_values(name, x, unit_interval=False, image=True):
    _check_values(name, x, unit_interval, pixels=image)


def require_positive(name, value, zero_allowed=False):
    return (checks.non_negative if zero_allowed else checks.positive)(name, value)
