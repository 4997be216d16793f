"""The Keras model that every method of this library is."""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_latent.src import backend
from keras_latent.src.training.optimizer_group import OptimizerGroup
from keras_latent.src.training.portable import default_jit_compile


class PortableModel(keras.Model):
    """A `keras.Model` whose `train_step` is written once for three backends.

    A subclass says what its losses are and in which order it minimises them:

    ```python
    class MyVAE(training.PortableModel):
        trackers = ("loss", "kl_loss")

        def negative_elbo(self, x):
            ...
            return loss, {"kl_loss": kl}

        @training.portable
        def train_step(self, data):
            x = self.unpack(data)
            loss, terms = self.minimize(self.negative_elbo, x)
            return self.track(ops.shape(x)[0], loss=loss, **terms)
    ```

    With several optimizers, `optimizer_groups` names which layers each of them moves,
    and `minimize(..., of=name)` says whose turn it is.

    What holds on every backend: slots of all optimizers are in `model.optimizer.variables`
    and in the `.keras` file; logs are means over the epoch, weighted by batch size; a
    loaded model is compiled and continues as if it had never stopped; losses are scaled
    under `mixed_float16`; `run_eagerly`, `jit_compile`, `steps_per_execution` (TensorFlow,
    JAX), `tf.distribute.MirroredStrategy` and `keras.distribution.DataParallel` work.

    Networks must be built when `__init__` ends (see `validation.require_built`), since a
    model that is not built when a file is loaded does not get its optimizer slots back.
    """

    #: Names of the scalars in the logs, in their order.
    trackers: tuple[str, ...] = ("loss",)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._trackers = {name: keras.metrics.Mean(name=name) for name in self.trackers}

    # What a method with several optimizers overrides -------------------------------------

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]] | None:
        """Name of each optimizer to the layers it moves; `None`: one optimizer moves all."""
        return None

    def default_optimizer(self) -> keras.optimizers.Optimizer | dict:
        """What `compile()` uses when it is given no optimizer."""
        groups = self.optimizer_groups()
        if groups is None:
            return keras.optimizers.Adam(1e-3)
        return {name: keras.optimizers.Adam(1e-3) for name in groups}

    # Compilation -------------------------------------------------------------------------

    def compile(
        self,
        optimizer: str | dict | keras.optimizers.Optimizer | None = None,
        loss: None = None,
        *,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **unsupported,
    ) -> None:
        """Configures training.

        Args:
            optimizer: A Keras optimizer or its name; for a model with several, a dict of
                name to optimizer. Default: the paper's, see the model's documentation.
            loss: None: the objective is the model's own.
            run_eagerly: Run every step uncompiled, to debug it.
            steps_per_execution: Batches per compiled call (TensorFlow and JAX).
            jit_compile: Whether to compile with XLA (on PyTorch: `torch.compile`).
                `"auto"`: yes on TensorFlow and JAX, no on PyTorch and under
                `tf.distribute`.
            auto_scale_loss: Under the policy `"mixed_float16"`, wrap each optimizer in a
                `keras.optimizers.LossScaleOptimizer`.

        Raises:
            ValueError: If the names of the optimizers are not those of the model, or if
                `loss`, `metrics` or another argument of `keras.Model.compile` is given
                that has no meaning here.
        """
        unsupported = {"loss": loss, **unsupported}
        given = sorted(key for key, value in unsupported.items() if value is not None)
        if {"learning_rate", "lr"} & set(given):
            raise ValueError(
                "`compile` takes no learning rate; the optimizer does: "
                "`compile(keras.optimizers.Adam(learning_rate))`. "
                f"Received: {', '.join(given)}"
            )
        if given:
            raise ValueError(
                f"{type(self).__name__} brings its own objective: `compile` takes no "
                f"`loss` and no `metrics`. Received: {', '.join(given)}. Weights of the "
                "objective's terms are arguments of the model."
            )
        optimizer = self._resolve_optimizer(
            self.default_optimizer() if optimizer is None else optimizer, auto_scale_loss
        )
        self._wanted_jit_compile = jit_compile
        if jit_compile == "auto":
            jit_compile = not run_eagerly and default_jit_compile(self)
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            # Members of a group are wrapped one by one: their losses differ in scale.
            auto_scale_loss=auto_scale_loss and not isinstance(optimizer, OptimizerGroup),
        )

    def _resolve_optimizer(self, optimizer, auto_scale_loss):
        groups = self.optimizer_groups()
        if groups is None:
            several = isinstance(optimizer, dict) and "class_name" not in optimizer
            if several or isinstance(optimizer, OptimizerGroup):
                raise ValueError(
                    f"{type(self).__name__} is trained by one optimizer. "
                    f"Received: optimizer={optimizer!r}. Pass it alone, as in "
                    "`compile(keras.optimizers.Adam(1e-3))`."
                )
            return _optimizer(optimizer)
        name = None
        if isinstance(optimizer, OptimizerGroup):
            name, optimizer = optimizer.name, dict(optimizer.members)
        if not isinstance(optimizer, dict) or set(optimizer) != set(groups):
            raise ValueError(
                f"{type(self).__name__} is trained by {len(groups)} optimizers. Pass "
                f"`optimizer` as a dict with the keys {sorted(groups)}. "
                f"Received: optimizer={optimizer!r}. `compile()` takes the paper's optimizers."
            )
        members = {key: _optimizer(optimizer[key]) for key in groups}
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            scaled = keras.optimizers.LossScaleOptimizer
            members = {k: m if isinstance(m, scaled) else scaled(m) for k, m in members.items()}
        group = OptimizerGroup(members, name=name)
        group.bind(self._variables_by_group)
        return group

    def _variables_by_group(self):
        def unique(layers):
            # A layer may stand in several networks of a group: a dict keeps the first.
            return list({id(v): v for layer in layers for v in layer.trainable_variables}.values())

        return {name: unique(layers) for name, layers in self.optimizer_groups().items()}

    def get_compile_config(self):
        config = super().get_compile_config() or {}
        keys = ("optimizer", "run_eagerly", "steps_per_execution", "jit_compile")
        config = {key: config[key] for key in keys if key in config}
        # What "auto" means is for the backend to say that loads the file.
        return config | ({"jit_compile": self._wanted_jit_compile} if config else {})

    def compile_from_config(self, config):
        # Keras leaves a model with a `compile` of its own uncompiled when it is loaded.
        self.compile(**keras.saving.deserialize_keras_object(_of_any_backend(config)))
        self.optimizer.build(self.trainable_variables)

    # Saving ------------------------------------------------------------------------------

    def _seed_states(self):
        return [v for v in self.non_trainable_variables if v.name == "seed_generator_state"]

    def save_own_variables(self, store):
        # Keras leaves seed generators out of its files: a training that is resumed would
        # draw the same noise and the same dropout masks once more.
        super().save_own_variables(store)
        for i, variable in enumerate(self._seed_states()):
            store[f"seed_{i}"] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        seeds = {key for key in store.keys() if key.startswith("seed_")}  # noqa: SIM118
        super().load_own_variables({k: store[k] for k in store.keys() - seeds})
        for i, variable in enumerate(self._seed_states()):
            if f"seed_{i}" in seeds:
                variable.assign(store[f"seed_{i}"])

    # Training ----------------------------------------------------------------------------

    def require_compiled(self) -> None:
        """Raises `ValueError` unless `compile` was called."""
        if not self.compiled:
            raise ValueError(
                f"Call `model.compile()` first: without arguments, this `{type(self).__name__}` "
                "takes the optimizer of its paper."
            )

    def evaluate(self, *args, **kwargs):
        """`keras.Model.evaluate`."""
        self.require_compiled()
        return super().evaluate(*args, **kwargs)

    def fit(self, *args, **kwargs):
        """`keras.Model.fit`."""
        self.require_compiled()
        history = super().fit(*args, **kwargs)
        members = getattr(self.optimizer, "optimizers", [self.optimizer])
        if any(member.use_ema for member in members):
            # Keras has put the averages in the weights' place, on JAX as the same arrays: a
            # further `fit` would hand each of them over twice, which JAX refuses.
            for variable in self.trainable_variables:
                variable.assign(ops.copy(variable.value))
        return history

    def unpack(self, data) -> Any:
        """The inputs of a batch as tensors, without labels.

        `train_on_batch` passes NumPy arrays and `None` on PyTorch; `fit` passes tensors.

        Raises:
            ValueError: If the batch carries sample weights.
        """
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} takes no `sample_weight`. Weights of the "
                "objective's terms are arguments of the model."
            )
        return keras.tree.map_structure(ops.convert_to_tensor, x)

    def minimize(
        self, loss_fn: Callable[..., tuple[Any, dict]], *args, of: str | None = None
    ) -> tuple[Any, dict]:
        """One update of the variables that an optimizer is in charge of.

        Args:
            loss_fn: `loss_fn(*args)` returns the scalar to minimise and a dict of scalars
                or tensors to keep.
            of: Name of the optimizer whose turn it is; `None` for the only one.

        Returns:
            The scalar, with the layers' losses, and the dict.

        Raises:
            ValueError: If `of` is not one of the model's optimizers.
        """
        if of is None and not isinstance(self.optimizer, OptimizerGroup):
            optimizer, variables = self.optimizer, self.trainable_variables
        elif isinstance(self.optimizer, OptimizerGroup) and of in self.optimizer.members:
            optimizer = self.optimizer.members[of]
            variables = self.optimizer.trainable_variables_of(of)
        else:
            names = list(getattr(self.optimizer, "members", [None]))
            raise ValueError(f"`of` must be one of {names}. Received: of={of!r}")

        own = {id(v) for v in variables}
        state = self.variables + self.optimizer.variables
        others = list({id(v): v for v in state if id(v) not in own}.values())
        objective = functools.partial(self.objective, loss_fn, *args)
        return backend.minimize(objective, variables, optimizer, others)

    def minimize_each(self, loss_fn: Callable[..., tuple[dict, dict]], *args) -> tuple[dict, dict]:
        """One update by each optimizer, of losses that are computed together.

        For algorithms whose optimizers see the same forward pass, even where they share
        variables: what the losses have in common is computed once, all gradients are taken
        before the first update, and the optimizers then move their variables in their order.

        Args:
            loss_fn: `loss_fn(*args)` returns a dict of the scalar that each optimizer
                minimises, by its name, and a dict of scalars or tensors to keep.

        Returns:
            The two dicts. The layers' own losses (regularizers) count in the first scalar.

        Raises:
            ValueError: If the model has one optimizer only, or the names are not those of its
                optimizers.
        """
        members = getattr(self.optimizer, "members", None)
        if members is None:
            raise ValueError(
                f"`minimize_each` is for models with several optimizers; {type(self).__name__} "
                "has one: call `minimize`."
            )

        def objectives():
            self._clear_losses()
            losses, kept = loss_fn(*args)
            if set(losses) != set(members):
                raise ValueError(
                    f"`loss_fn` must return one scalar for each of {list(members)}. "
                    f"Received: {list(losses)}"
                )
            losses = {name: losses[name] for name in members}
            first = next(iter(members))
            losses[first] = sum(self.losses, start=losses[first])
            return list(losses.values()), kept

        groups = [(self.optimizer.trainable_variables_of(k), m) for k, m in members.items()]
        own = {id(v) for variables, _ in groups for v in variables}
        state = self.variables + self.optimizer.variables
        others = list({id(v): v for v in state if id(v) not in own}.values())
        losses, kept = backend.minimize_each(objectives, groups, others)
        return dict(zip(members, losses, strict=True)), kept

    def objective(self, loss_fn: Callable[..., tuple[Any, dict]], *args) -> tuple[Any, dict]:
        """`loss_fn(*args)` with the losses of the layers added to the scalar.

        Those are weight regularizers, and what the last call of each layer added with
        `add_loss` or an activity regularizer. `minimize` differentiates this; `test_step`
        calls it, so that `loss` and `val_loss` are the same quantity.
        """
        self._clear_losses()  # what a step traced earlier has left in the layers
        loss, kept = loss_fn(*args)
        return sum(self.losses, start=loss), kept

    def track(self, batch_size: int, **values) -> dict[str, Any]:
        """Adds a batch to the running means of the logs and returns the logs.

        Args:
            batch_size: The number of rows, by which the batch counts.
            **values: A scalar for each name in `trackers` that this step measured.

        Returns:
            Dict of name to the mean over the epoch so far.
        """
        for name, value in values.items():
            self._trackers[name].update_state(value, sample_weight=batch_size)
        return self.get_metrics_result()

    @property
    def metrics(self):
        # The means above and nothing else: Keras's own `loss` tracker would stay at 0.
        return list(self._trackers.values())


def _optimizer(identifier: Any) -> keras.optimizers.Optimizer:
    try:
        return keras.optimizers.get(identifier)
    except ValueError as error:
        raise ValueError(
            "`optimizer` must be a Keras optimizer or its name, as in "
            f"`compile(keras.optimizers.Adam(1e-3))`. Received: optimizer={identifier!r}"
        ) from error


def _of_any_backend(config: Any) -> Any:
    """A configuration in which each optimizer is that of the current backend.

    On PyTorch, `keras.optimizers.Adam` is a class of its own, whose name Keras writes into the
    file: read on another backend, it would be handed tensors that it cannot take.
    """
    if isinstance(config, (list, tuple)):
        return type(config)(map(_of_any_backend, config))
    if not isinstance(config, dict):
        return config
    config = {key: _of_any_backend(value) for key, value in config.items()}
    if str(config.get("module")).startswith("keras.src.backend."):
        config |= {"module": "keras.optimizers", "registered_name": None}
    return config
