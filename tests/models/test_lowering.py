"""What GPUs and TPUs run: lowered for them by JAX, on a machine that has neither."""

import inspect

import keras
import pytest
from test_every_model import CASES

from keras_latent.src.models.base.batched import exported_graphs

pytestmark = [
    pytest.mark.each_backend,
    pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX"),
]

PLATFORMS = ("cuda", "tpu")
OPTIONS = {"domain": "source", "to": "target"}


def lowered(fn, *args):
    """A function's program for both. JAX refuses calls into this machine's libraries."""
    import jax

    exported = jax.export.export(jax.jit(fn), platforms=PLATFORMS)(*args)
    assert exported.platforms == PLATFORMS
    return exported.mlir_module()


def shapes_of(tree, rows=None):
    import jax

    def shape_of(x):
        return jax.ShapeDtypeStruct((rows, *x.shape[1:]) if rows else x.shape, x.dtype)

    return keras.tree.map_structure(shape_of, tree)


@pytest.mark.parametrize("name", CASES)
def test_steps_and_methods(name, monkeypatch):
    # Python that asks for devices takes the branch of a GPU.
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    case = CASES[name]
    model = case.make(**case.options)
    model.compile()
    model.optimizer.build(model.trainable_variables)
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([shapes_of(v.value) for v in group] for group in groups)
    step = lowered(model.train_step, state, shapes_of(case.data, case.batch_size))
    # Sliced distances sort, rather than by the network for CPUs; a shuffle sorts random keys.
    assert ("stablehlo.sort" in step) == (name in ("BridgingVAE", "StarGAN"))

    verbs = {}
    for verb, graph in exported_graphs(type(model)).items():
        taken = inspect.signature(graph).parameters
        verbs[verb] = model.verb_model(verb, **{k: v for k, v in OPTIONS.items() if k in taken})
    inputs = {verb: shapes_of(program.input, 4) for verb, program in verbs.items()}
    lowered(lambda x: {verb: program(x[verb]) for verb, program in verbs.items()}, inputs)
