import keras
import pytest


@pytest.fixture(autouse=True)
def seeded():
    """Seeds only: clearing Keras's session takes longer than most of these tests."""
    keras.utils.set_random_seed(0)
