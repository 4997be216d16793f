"""The base of every model: one definition of a train step for three backends."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from keras_latent.src import backend
from keras_latent.src.training import optimizers
from keras_latent.src.training.checked_model import CheckedModel
from keras_latent.src.training.optimizer_group import OptimizerGroup
from keras_latent.src.training.portable import default_jit_compile
from keras_latent.src.utils import checks
from keras_latent.src.utils.files import require_intact


class PortableModel(CheckedModel):
    """A `keras.Model` whose `train_step` is written once for three backends.

    A subclass defines its losses, and minimizes them in the order of its algorithm:

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

    With several optimizers, `optimizer_groups` names the layers that each of them updates, and
    `minimize(..., of=name)` runs one of them.

    On every backend, the slots of all optimizers are in `model.optimizer.variables` and in the
    `.keras` file; logs are means over the epoch, weighted by batch size; a loaded model is compiled
    and continues its training exactly; losses are scaled under `mixed_float16`; `run_eagerly`,
    `jit_compile`, `steps_per_execution` (TensorFlow, JAX), `tf.distribute.MirroredStrategy`,
    `keras.distribution.DataParallel` and processes of `torch.distributed` work.

    Networks must be built when `__init__` ends: a model that is not built when a file is loaded
    does not get its optimizer slots back.
    """

    #: Names of the scalars in the logs, in order.
    trackers: tuple[str, ...] = ("loss",)
    #: Scalar to the attribute that switches it: it is logged only if that is true (or not 0).
    optional_trackers: ClassVar[dict[str, str]] = {}

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        names = dict.fromkeys((*self.trackers, *self.optional_trackers))
        self._trackers = {name: keras.metrics.Mean(name=name) for name in names}

    # For subclasses to override ----------------------------------------------------------

    def optimizer_groups(self) -> dict[str, list[keras.layers.Layer]] | None:
        """Name of each optimizer to the layers it updates; `None`: one optimizer updates all."""
        return None

    def default_optimizer(self) -> keras.optimizers.Optimizer | dict:
        """What `compile()` uses if it is given no optimizer."""
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
        **unsupported: Any,
    ) -> None:
        """Configures training.

        Args:
            optimizer: A Keras optimizer or its name; for a model with several, a dict of
                name to optimizer. Default: the paper's; see the model's documentation.
            loss: None: the objective is the model's own.
            run_eagerly: Run every step uncompiled, to debug it.
            steps_per_execution: Batches per compiled call (TensorFlow and JAX).
            jit_compile: Whether to compile with XLA (on PyTorch: `torch.compile`).
                `"auto"`: yes on JAX, and on TensorFlow unless the model convolves on a CPU or
                runs under `tf.distribute`; no on PyTorch.
            auto_scale_loss: Under the policy `"mixed_float16"`, wrap each optimizer in a
                `keras.optimizers.LossScaleOptimizer`.

        Raises:
            ValueError: If the names of the optimizers are not those of the model, an argument is
                wrong, or `loss`, `metrics` or another argument of `keras.Model.compile` is given
                that has no meaning here.
        """
        checks.integer("steps_per_execution", steps_per_execution)
        checks.flag("run_eagerly", run_eagerly)
        checks.flag("auto_scale_loss", auto_scale_loss)
        if jit_compile not in ("auto", None):
            checks.flag("jit_compile", jit_compile)
        unsupported = {"loss": loss, **unsupported}
        given = sorted(key for key, value in unsupported.items() if value is not None)
        if {"learning_rate", "lr"} & set(given):
            raise ValueError(
                "`compile` takes no learning rate; set it on the optimizer: "
                "`compile(keras.optimizers.Adam(learning_rate))`. "
                f"Received: {', '.join(given)}"
            )
        if given:
            raise ValueError(
                f"{type(self).__name__} brings its own objective: `compile` takes no "
                f"`loss` and no `metrics`. Received: {', '.join(given)}. Set the weights of the "
                "objective's terms as arguments of the model."
            )
        groups = self.optimizer_groups()
        optimizer = optimizers.resolve(
            type(self).__name__,
            None if groups is None else list(groups),
            self.default_optimizer() if optimizer is None else optimizer,
            scale=auto_scale_loss and self.dtype_policy.name == "mixed_float16",
        )
        if isinstance(optimizer, OptimizerGroup):
            optimizer.bind(self._variables_by_group)
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

    def _variables_by_group(self):
        def unique(layers):
            # A layer may belong to several networks of a group: a dict keeps the first.
            return list({id(v): v for layer in layers for v in layer.trainable_variables}.values())

        return {name: unique(layers) for name, layers in self.optimizer_groups().items()}

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config() or {}
        keys = ("optimizer", "run_eagerly", "steps_per_execution", "jit_compile")
        config = {key: config[key] for key in keys if key in config}
        # The backend that loads the file decides what "auto" means.
        return config | ({"jit_compile": self._wanted_jit_compile} if config else {})

    def compile_from_config(self, config: dict[str, Any]) -> None:
        # Keras does not compile a loaded model that overrides `compile`.
        self.compile(**keras.saving.deserialize_keras_object(optimizers.of_any_backend(config)))
        self.optimizer.build(self.trainable_variables)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Under `tf.distribute`, Keras builds a model by the mean of the first batch over the
        # devices. Booleans have none, and these models are built.
        if not self.built:
            super()._maybe_symbolic_build(iterator, data_batch)
        elif not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    # Saving ------------------------------------------------------------------------------

    def _seed_states(self):
        return [v for v in self.non_trainable_variables if v.name == "seed_generator_state"]

    def save_own_variables(self, store: Any) -> None:
        # Keras does not save seed generators: a resumed training would draw the same noise and
        # the same dropout masks again.
        super().save_own_variables(store)
        for i, variable in enumerate(self._seed_states()):
            store[f"seed_{i}"] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any) -> None:
        # If the checksum of the weights in a `.keras` file is wrong, Keras reads them in another
        # way, in which Python 3.12 does not compare it.
        if getattr(store, "archive", None) is not None:
            require_intact(store.archive)
        seeds = {key for key in store.keys() if key.startswith("seed_")}  # noqa: SIM118
        super().load_own_variables({k: store[k] for k in store.keys() - seeds})
        for i, variable in enumerate(self._seed_states()):
            if f"seed_{i}" in seeds:
                variable.assign(store[f"seed_{i}"])

    # Training ----------------------------------------------------------------------------

    def minimize(
        self, loss_fn: Callable[..., tuple[Any, dict]], *args: Any, of: str | None = None
    ) -> tuple[Any, dict]:
        """One update of the variables of an optimizer.

        Args:
            loss_fn: `loss_fn(*args)` returns the scalar to minimize and a dict of scalars
                or tensors to keep.
            *args: Arguments of `loss_fn`.
            of: Name of the optimizer; `None` if the model has only one.

        Returns:
            The scalar, with the layers' losses, and the dict.

        Raises:
            ValueError: If `of` is not one of the model's optimizers.
        """
        if of is None and not isinstance(self.optimizer, OptimizerGroup):
            optimizer, variables = self.optimizer, self.trainable_variables
        elif of is not None and of in getattr(self.optimizer, "members", ()):
            optimizer = self.optimizer.members[of]
            variables = self.optimizer.trainable_variables_of(of)
        else:
            names = list(getattr(self.optimizer, "members", [None]))
            raise ValueError(f"`of` must be one of {names}. Received: of={of!r}")
        objective = functools.partial(self.objective, loss_fn, *args)
        return backend.minimize(objective, variables, optimizer, self._all_but(variables))

    def minimize_in_turn(
        self,
        shared: Callable[..., Any],
        first: tuple[str, Callable[..., tuple[Any, dict]]],
        second: tuple[str, Callable[..., tuple[Any, dict]]],
        *args: Any,
    ) -> tuple[Any, dict]:
        """Two players move one after the other, on a forward pass that is computed once.

        Player one gets the outputs of the forward pass as constants and is updated. Then player two
        is updated through the forward pass, against the new player one.

        Args:
            shared: `shared(*args, training=True)`, the forward pass: tensors in any structure.
            first: Name of player one's optimizer, and its `loss_fn(*args, outputs, training=True)`,
                which returns a scalar and a dict, as in `minimize`.
            second: The same for player two.
            *args: The batch.

        Returns:
            Player two's scalar, and both dicts merged.
        """

        def play(*args):
            outputs = shared(*args, training=True)
            constants = keras.tree.map_structure(ops.stop_gradient, outputs)
            loss_of_first = functools.partial(first[1], training=True)
            _, kept = self.minimize(loss_of_first, *args, constants, of=first[0])
            loss, terms = second[1](*args, outputs, training=True)
            return loss, terms | kept

        return self.minimize(play, *args, of=second[0])

    def minimize_each(
        self, loss_fn: Callable[..., tuple[dict, dict]], *args: Any
    ) -> tuple[dict, dict]:
        """One update by each optimizer, with losses of one forward pass.

        All gradients are taken before the first update. The optimizers then update their
        variables in order; they may share variables.

        Args:
            loss_fn: `loss_fn(*args)` returns a dict of the scalar that each optimizer
                minimizes, by its name, and a dict of scalars or tensors to keep.
            *args: Arguments of `loss_fn`.

        Returns:
            The two dicts. The layers' own losses (regularizers) are added to the first scalar.

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
        others = self._all_but([v for variables, _ in groups for v in variables])
        losses, kept = backend.minimize_each(objectives, groups, others)
        return dict(zip(members, losses, strict=True)), kept

    def _all_but(self, variables):
        own = {id(v) for v in variables}
        state = self.variables + self.optimizer.variables
        return list({id(v): v for v in state if id(v) not in own}.values())

    def objective(self, loss_fn: Callable[..., tuple[Any, dict]], *args: Any) -> tuple[Any, dict]:
        """`loss_fn(*args)` with the losses of the layers added to the scalar.

        Those are weight regularizers, and what each layer's last call added with `add_loss` or an
        activity regularizer. `minimize` differentiates this; `test_step` calls it, so that `loss`
        and `val_loss` are the same quantity.
        """
        self._clear_losses()  # of a step that was traced earlier
        loss, kept = loss_fn(*args)
        return sum(self.losses, start=loss), kept

    def track(self, batch_size: Any, **values: Any) -> dict[str, Any]:
        """Adds a batch to the running means of the logs and returns the logs.

        Args:
            batch_size: The number of rows, which weights the batch.
            **values: A scalar for each name in `trackers` that this step measured, or a tuple of
                a scalar and its own weight.

        Returns:
            Dict of name to the mean over the epoch so far.
        """
        weighted = {k: v if isinstance(v, tuple) else (v, batch_size) for k, v in values.items()}
        for name, (value, weight) in backend.joint_logs(weighted).items():
            # A replica without rows has a loss of NaN, which a weight of 0 would not remove.
            value = ops.where(ops.convert_to_tensor(weight) > 0, value, 0.0)
            self._trackers[name].update_state(value, sample_weight=weight)
        return self.get_metrics_result()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        # These means and nothing else: Keras's own `loss` tracker would stay at 0.
        off = {k for k, switch in self.optional_trackers.items() if not getattr(self, switch)}
        return [tracker for name, tracker in self._trackers.items() if name not in off]
