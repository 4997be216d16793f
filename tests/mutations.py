"""What the tests catch: one-line mistakes, made one at a time in a copy of this tree.

    python tests/mutations.py [--backend torch] [--only vbta] [--jobs 1] [--time-limit 300]

Each mutation is a mistake that a careless edit could make: a sign, an axis, a sum for a mean, an
argument that is ignored, a state that is not restored. The tests named beside it must fail. First
those tests run without any mutation, and must pass. The exit status is 1 if a mutation survives,
runs out of time, or no longer fits the code. No part of the test suite: all of them take a while;
`test_mutations.py` only checks that they still fit.
"""

import argparse
import importlib.util
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
#: What the tests need of the tree.
COPIED = ("keras_latent", "benchmarks", "tests", "pyproject.toml")
#: Appended to the copy's `tests/conftest.py`: a mutation that is not imported shows nothing.
CHECK = """

def pytest_sessionfinish(session):
    root = os.environ["MUTATED_TREE"]
    modules = [m for name, m in list(sys.modules.items()) if name.split(".")[0] == "keras_latent"]
    files = [m.__file__ for m in modules if getattr(m, "__file__", None)]
    if not files or not all(file.startswith(root + os.sep) for file in files):
        session.exitstatus = 70
"""
FOREIGN, PASSED, FAILED = 70, 0, (1, 2)  # 2: a test module could not be imported


class Mutation(NamedTuple):
    """One mistake.

    Attributes:
        file: Of the tree.
        old: Part of a line that occurs once in it.
        new: What stands there instead.
        tests: Those that must fail, below `tests`, separated by blanks.
        backend: The one on which it shows; empty: any.
    """

    file: str
    old: str
    new: str
    tests: str
    backend: str = ""


M = Mutation
OPS, LAYERS, MODELS = (
    "keras_latent/src/ops/",
    "keras_latent/src/layers/",
    "keras_latent/src/models/",
)
BACKEND = "keras_latent/src/backend/"
METRICS, TRAINING = "keras_latent/src/metrics/", "keras_latent/src/training/"
DATASETS, CALLBACKS = "keras_latent/src/datasets/", "keras_latent/src/callbacks/"
# ruff: noqa: E501
MUTATIONS = (
    # ops
    M(OPS + "divergences.py", "ops.expm1(log_var) - log_var +", "ops.expm1(log_var) + log_var +", "ops/test_divergences.py"),
    M(OPS + "divergences.py", "ops.exp(-other_log_var)", "ops.exp(other_log_var)", "ops/test_divergences.py"),
    M(OPS + "divergences.py", "spread + 0.25 *", "spread + 0.5 *", "ops/test_divergences.py"),
    M(OPS + "divergences.py", "own_a[:, None] + own_b[None, :]", "own_a[:, None] + own_a[:, None]", "ops/test_divergences.py"),
    M(OPS + "gaussian.py", "ops.exp(0.5 * bound_log_var(log_var))", "ops.exp(bound_log_var(log_var))", "ops/test_gaussian.py"),
    M(OPS + "gaussian.py", "below - 0.5 * ops.exp(below)", "below", "ops/test_gaussian.py"),
    M(OPS + "distances.py", "ops.sqrt(ops.where(positive, squares, 1.0))", "ops.sqrt(squares)", "ops/test_distances.py"),
    M(OPS + "interpolation.py", "np.linspace(0.0, 1.0, steps", "np.linspace(0.0, 1.0 - 1.0 / steps, steps", "ops/test_interpolation.py"),
    M(OPS + "likelihoods.py", "x * logits - ops.softplus(logits)", "x * logits - ops.softplus(-logits)", "ops/test_likelihoods.py"),
    M("keras_latent/src/datasets/spectrograms.py", "frames[..., HOP:]", "frames[..., :HOP]", "datasets/test_spectrograms.py"),
    M("keras_latent/src/applications/bridging/speech_vae.py", "vae.observation_variance / scale**2", "vae.observation_variance / scale", "applications/test_speech_vae.py"),
    M("keras_latent/src/applications/bridging/speech_vae.py", "-axes @ found.mean_ / scale", "-axes @ found.mean_", "applications/test_speech_vae.py"),
    M("keras_latent/src/applications/bridging/speech_vae.py", ".permutation(fitted.sample(num)[0])", ".permutation(num)[:, None] * 0 + fitted.sample(num)[0]", "applications/test_speech_vae.py"),
    M("keras_latent/src/applications/bridging/speech_vae.py", "fitted.random_state = seed", "pass", "applications/test_speech_vae.py"),
    M("keras_latent/src/datasets/spectrograms.py", "_resampled(bands_first, pitch)", "_resampled(bands_first, speed)", "datasets/test_spectrograms.py"),
    M("keras_latent/src/applications/bridging/bridge.py", "latent_dims=[side.train.shape[-1] for side in sides.values()],", "", "applications/test_bridging.py::test_speech_of_a_vae"),
    M("keras_latent/src/datasets/spectrograms.py", "np.expm1(", "np.exp(", "datasets/test_spectrograms.py"),
    M("keras_latent/src/datasets/spectrograms.py", "+= _HANN[HOP:] ** 2", "+= _HANN[HOP:]", "datasets/test_spectrograms.py"),
    M(OPS + "likelihoods.py", "ops.log(variance) +", "0.5 * ops.log(variance) +", "ops/test_likelihoods.py"),
    M("keras_latent/src/utils/checks.py", "not at_least <= number <= at_most", "number < at_least", "utils/test_checks.py"),
    M("keras_latent/src/utils/checks.py", "plain and value in choices", "value in choices", "utils/test_checks.py"),
    M(OPS + "casting.py", "x if symbolic else ", "", "ops/test_casting.py"),
    M(OPS + "casting.py", "if low < MISSING or high > largest", "if low < MISSING", "ops/test_casting.py"),
    M(OPS + "triplets.py", "ops.where(weights > 0.0, values, 0.0)", "values", "ops/test_triplets.py"),
    M(OPS + "triplets.py", "relu(d_positive - d_negative + margin)", "relu(d_positive - d_negative - margin)", "ops/test_triplets.py"),
    M(OPS + "sliced_wasserstein.py", "(ends - 1) // num_y, (ends - 1) // num_x, mass", "ends // num_y, (ends - 1) // num_x, mass", "ops/test_sliced_wasserstein.py"),
    M(OPS + "sliced_wasserstein.py", "cost = _abs if p == 1", "cost = ops.abs if p == 1", "ops/test_sliced_wasserstein.py", "jax"),
    M(OPS + "sorting.py", "        second = ops.flip(second, axis=1) if merges else second", "        second = second if merges else second", "ops/test_sorting.py", "jax"),
    M(OPS + "sorting.py", "is_traced(x) and _on_cpu()", "is_traced(x)", "models/test_lowering.py", "jax"),
    M(OPS + "mining.py", "positives = ops.logical_and(positives, index[:, None] != index[None, :])", "positives = positives", "ops/test_mining.py"),
    M(OPS + "mining.py", "distances < d_positive + margin", "distances < margin", "ops/test_mining.py"),
    M(OPS + "mining.py", "ops.logical_and(ops.any(positives, axis=-1), ops.any(negatives, axis=-1))", "ops.any(positives, axis=-1)", "ops/test_mining.py"),
    M(OPS + "counter_gaussian.py", "draws[:, None] * pairs +", "draws[:, None] +", "ops/test_counter_gaussian.py"),
    # layers, losses
    M(LAYERS + "gated_mixing.py", "(1.0 - gate) * skip + gate * update", "gate * skip + (1.0 - gate) * update", "layers/test_gated_mixing.py"),
    M(LAYERS + "gated_mixing.py", "initializer=_clone(self.kernel_initializer)", "initializer=self.kernel_initializer", "layers/test_gated_mixing.py"),
    M(LAYERS + "gaussian_sampling.py", "super().__init__(autocast=False, **kwargs)", "super().__init__(**kwargs)", "layers/test_gaussian_sampling.py"),
    M(LAYERS + "phase_shuffle.py", "-r, r + 1, seed", "-r, r, seed", "layers/test_phase_shuffle.py"),
    M(LAYERS + "phase_shuffle.py", "not training or self.radius == 0", "self.radius == 0", "layers/test_phase_shuffle.py"),
    M(LAYERS + "polyphase.py", "ops.flip(self.folded_kernel(), axis=0)", "self.folded_kernel()", "layers/test_polyphase.py"),
    M(LAYERS + "triplet_miner.py", "*masks, self.margin, self.seed_generator, self.fallback", "*masks, self.margin, self.seed_generator", "layers/test_triplet_miner.py"),
    M(LAYERS + "sliced_wasserstein.py", "(x, y, projections, self.p)", "(x, y, projections)", "layers/test_sliced_wasserstein_layer.py"),
    M("keras_latent/src/losses/masked_binary_crossentropy.py", "ops.where(y_true >= 0,", "ops.where(y_true > 0,", "losses/test_masked_binary_crossentropy_loss.py"),
    M("keras_latent/src/losses/sliced_wasserstein.py", "y_pred.shape[-1], self.seed)", "y_pred.shape[-1])", "losses/test_sliced_wasserstein_loss.py"),
    # training
    M(TRAINING + "model.py", "losses[first] = sum(self.losses, start=losses[first])", "losses[first] = losses[first]", "training/test_minimize_each.py"),
    M(TRAINING + "model.py", "return sum(self.losses, start=loss), kept", "return loss, kept", "training/test_train_step.py"),
    M(TRAINING + "model.py", "(value, sample_weight=weight)", "(value)", "training/test_train_step.py"),
    M(TRAINING + "model.py", "variable.assign(store[f\"seed_{i}\"])", "pass", "training/test_compile.py"),
    M(TRAINING + "optimizers.py", "m if isinstance(m, scaled) else scaled(m)", "m if isinstance(m, scaled) else m", "training/test_compile.py"),
    M(BACKEND + "torch.py", "            optimizer.scale_loss(loss),", "            loss,", "training/test_minimize_each.py", "torch"),
    M(BACKEND + "jax.py", "scaled = optimizer.scale_loss(losses[i])", "scaled = losses[i]", "training/test_minimize_each.py", "jax"),
    M(BACKEND + "tensorflow.py", "            optimizer.scale_loss(loss / _replicas())", "            loss / _replicas()", "training/test_minimize_each.py", "tensorflow"),
    M(BACKEND + "torch.py", "create_graph=True)[0]", "create_graph=False)[0]", "models/test_wavegan.py::test_a_step_with_a_linear_critic_by_hand", "torch"),
    M(TRAINING + "optimizer_group.py", "member.build(groups[name])", "member.build(variables)", "training/test_compile.py"),
    M(TRAINING + "optimizer_group.py", "member.finalize_variable_values(self.trainable_variables_of(name))", "pass", "training/test_compile.py"),
    # models: evaluation
    M(MODELS + "vae/vae.py", "self.objective(self.negative_elbo, x)", "self.objective(self.negative_elbo, x, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "cvae/cvae.py", "self.objective(self.negative_elbo, x, y)", "self.objective(self.negative_elbo, x, y, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "tvae/tvae.py", "self.objective(self.tvae_loss, x, labels)", "self.objective(self.tvae_loss, x, labels, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "vbta/vbta.py", "self.objective(self.negative_elbo, x)", "self.objective(self.negative_elbo, x, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "jmvae/jmvae.py", "self.objective(self.negative_elbo, x)", "self.objective(self.negative_elbo, x, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "bridging/bridging_vae.py", "self.objective(self.bridging_loss, z, labels)", "self.objective(self.bridging_loss, z, labels, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "dual_vae/dual_vae.py", "losses, terms = self.losses_of(x, y)", "losses, terms = self.losses_of(x, y, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "fader_network/fader_network.py", "z = self.latents(x, y)", "z = self.latents(x, y, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "lstnet/lstnet.py", "made = self.translations(x)", "made = self.translations(x, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "lstnet/lstnet.py", "self.discriminators_loss(x, made)", "self.discriminators_loss(x, made, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "lstnet/lstnet.py", "self.objective(self.translators_loss, x, made)", "self.objective(self.translators_loss, x, made, True)", "models/test_evaluation_mode.py"),
    # models: draws and seeds
    M(MODELS + "base/batched.py", "draw(*result, values[\"seed\"])", "draw(*result, None)", "models/test_draws.py"),
    M(MODELS + "bridging/latent_domain_transfer.py", "return self._through(x, domain, domain, latents, sample, seed, batch_size)", "return self._through(x, domain, domain, latents, sample, None, batch_size)", "models/test_draws.py"),
    M(MODELS + "bridging/latent_domain_transfer.py", "sample=sample, seed=seeds[1])", "sample=sample, seed=seeds[0])", "models/test_draws.py"),
    M(MODELS + "base/batched.py", "z_mean + np.exp(0.5 * z_log_var) * noise", "z_mean + np.exp(z_log_var) * noise", "models/test_draws.py"),
    M(MODELS + "vbta/vbta.py", "z = {d: self.sample(*q[d]) for d in DOMAINS}", "z = {d: q[d][0] for d in DOMAINS}", "models/test_draws.py"),
    M(MODELS + "vbta/vbta.py", "self.sliced_wasserstein(z[\"source\"], z[\"target\"])", "self.sliced_wasserstein(q[\"source\"][0], q[\"target\"][0])", "models/test_draws.py"),
    M(MODELS + "bridging/bridging_vae.py", "shared = self.sample(*q)", "shared = q[0]", "models/test_draws.py"),
    M(MODELS + "cvae/cvae.py", "z = self.sample(z_mean, z_log_var)", "z = z_mean", "models/test_draws.py"),
    M(MODELS + "dual_vae/dual_vae.py", "logits = self.attribute_logits(z)", "logits = self.attribute_logits(z_mean)", "models/test_draws.py"),
    M(MODELS + "tvae/tvae.py", "self.likelihood_parameters(self.sample(z_mean, z_log_var), training)", "self.likelihood_parameters(z_mean, training)", "models/test_draws.py"),
    # models: objectives and steps
    M(MODELS + "dual_vae/transfer_consistency.py", "predicted = kops.stop_gradient(self._model.attribute_logits(w))", "predicted = self._model.attribute_logits(w)", "models/test_transfer_consistency.py::test_the_encoder_that_looks_and_the_dual_vectors_are_held_fixed"),
    M(MODELS + "dual_vae/transfer_consistency.py", "z = kops.stop_gradient(z)", "z = 1.0 * z", "models/test_transfer_consistency.py::test_a_train_step_leads_it_to_the_decoder_alone"),
    M(MODELS + "dual_vae/transfer_consistency.py", "[kops.stop_gradient(v.value) for v in variables]", "[v.value for v in variables]", "models/test_transfer_consistency.py::test_the_encoder_that_looks_and_the_dual_vectors_are_held_fixed"),
    M(MODELS + "dual_vae/transfer_consistency.py", "(wanted - kops.stop_gradient(self._model.attribute_logits(z)))", "(wanted - self._model.attribute_logits(z))", "models/test_transfer_consistency.py::test_the_encoder_that_looks_and_the_dual_vectors_are_held_fixed"),
    M(MODELS + "dual_vae/transfer_consistency.py", "kernel = kops.stop_gradient(kops.cast(self._model.attribute_decoder.kernel, \"float32\"))", "kernel = kops.cast(self._model.attribute_decoder.kernel, \"float32\")", "models/test_transfer_consistency.py::test_the_encoder_that_looks_and_the_dual_vectors_are_held_fixed"),
    M(MODELS + "bridging/bridging_vae.py", "sum(distances) / len(pairs)", "sum(distances)", "models/test_draws.py"),
    M(MODELS + "bridging/bridging_vae.py", "given[d][:, 0] if self.denoise and", "given[d][:, 0] if", "models/test_bridging_vae.py"),
    M(MODELS + "fader_network/fader_network.py", "kops.minimum(kops.convert_to_tensor(self.steps) / self.warm_up, 1.0)", "kops.convert_to_tensor(self.steps) / self.warm_up", "models/test_conditional_models.py::test_the_warm_up_of_the_fader_ends"),
    M(TRAINING + "model.py", "constants = keras.tree.map_structure(ops.stop_gradient, outputs)", "constants = outputs", "models/test_two_players.py", "jax"),
    M(MODELS + "dual_vae/dual_vae.py", "\"attribute_accuracy\": right_share(logits, y),", "\"attribute_accuracy\": right_share(logits, y)[0],", "models/test_dual_vae.py::test_logged_accuracy_is_over_known_labels"),
    M(MODELS + "tvae/tvae.py", "(active, kops.sum(weight))", "active", "models/test_tvae_objective.py"),
    M(MODELS + "wavegan/wavegan.py", "part = parts[i], made_parts[i]", "part = parts[i], made_parts[0]", "models/test_wavegan.py::test_every_update_of_the_critic_has_generated_waveforms_of_its_own"),
    M(MODELS + "star_gan/star_gan.py", "self.classification_weight * nll - distance", "self.classification_weight * nll + distance", "models/test_star_gan.py::test_terms"),
    M(MODELS + "star_gan/star_gan.py", "attribute_nll(logits[:rows], y)", "attribute_nll(logits[rows:], y)", "models/test_star_gan.py::test_terms"),
    M(MODELS + "star_gan/star_gan.py", "self.translated(made, signed(y), training)", "self.translated(made, signed(c), training)", "models/test_star_gan.py::test_terms"),
    M(MODELS + "star_gan/star_gan.py", "kops.mean(attribute_nll(logits, c))", "kops.mean(attribute_nll(logits, y))", "models/test_star_gan.py::test_terms"),
    M(MODELS + "star_gan/star_gan.py", "self.reconstruction_weight * terms", "self.classification_weight * terms", "models/test_star_gan.py::test_terms"),
    M(MODELS + "base/adversarial.py", "e * x + (1.0 - e) * made", "e * made + (1.0 - e) * x", "models/test_star_gan.py::test_terms"),
    M(MODELS + "base/adversarial.py", "(norms - 1.0) ** 2", "norms**2", "models/test_star_gan.py::test_terms"),
    M(MODELS + "star_gan/star_gan.py", "kops.take(y, order, axis=0)", "y", "models/test_star_gan.py::test_targets_are_the_rows_of_the_batch_in_another_order"),
    M(MODELS + "star_gan/star_gan.py", "part = x[i], y[i], made[i]", "part = x[i], y[i], made[0]", "models/test_star_gan.py::test_a_step_is_updates_on_parts_of_the_batch_then_one_of_the_generator"),
    M(MODELS + "star_gan/star_gan.py", "for i in range(self.critic_steps)", "for i in range(1)", "models/test_star_gan.py::test_a_step_is_updates_on_parts_of_the_batch_then_one_of_the_generator"),
    M(MODELS + "star_gan/star_gan.py", "(1.0 - abs(strength)) * own + strength", "(1.0 - strength) * own + strength", "models/test_star_gan.py::test_reconstruction_and_transfers_compose_the_generator"),
    M(MODELS + "star_gan/star_gan.py", "made = kops.stop_gradient(self.translated(x, signed(c), training=True))", "made = kops.stop_gradient(self.translated(x, signed(y), training=True))", "models/test_star_gan.py::test_a_step_is_updates_on_parts_of_the_batch_then_one_of_the_generator"),
    M(MODELS + "vbta/vbta.py", "parameters = self._decoder(d)(h[OTHER[d]], training=training)", "parameters = self._decoder(d)(h[d], training=training)", "models/test_draws.py"),
    M(MODELS + "jmvae/jmvae.py", "ops.gaussian_kl(*q, *alone)", "ops.gaussian_kl(*alone, *q)", "models/test_jmvae.py::test_terms"),
    M(MODELS + "jmvae/jmvae.py", "+ self.alpha * (terms[", "+ (terms[", "models/test_jmvae.py::test_terms"),
    M(MODELS + "jmvae/jmvae.py", "ops.weighted_mean(rows, x[\"paired\"])", "kops.mean(rows)", "models/test_jmvae.py::test_terms"),
    M(MODELS + "jmvae/jmvae.py", "z = self.sample(*q)", "z = q[0]", "models/test_jmvae.py::test_terms"),
    M(MODELS + "jmvae/jmvae.py", "alone = self.posterior(x[d], d, training)", "alone = self.posterior(x[d], d)", "models/test_evaluation_mode.py"),
    M(MODELS + "jmvae/pairs.py", "return self.model.observation", "return type(self.model.observation)()", "models/test_jmvae.py::test_log_likelihoods_of_pairs_and_of_one_domain_by_closed_forms"),
    M(MODELS + "base/two_domain_vae.py", "return self.posterior(x, domain)[0]", "return self.sample(*self.posterior(x, domain))", "models/test_jmvae.py::test_one_domain_is_enough_for_all_methods"),
    M(MODELS + "lstnet/lstnet.py", "\"target_cycle_loss\": self.w6", "\"target_cycle_loss\": self.w5", "models/test_lstnet_objective.py"),
    M(MODELS + "base/adversarial.py", "ops.mean(nll) + ops.mean(ops.softplus(on_fake))", "ops.mean(nll) - ops.mean(ops.softplus(on_fake))", "models/test_unit.py::test_terms"),
    M(MODELS + "unit/unit.py", "self.kl_weight + self.cycle_kl_weight", "self.kl_weight", "models/test_unit.py::test_terms"),
    M(MODELS + "unit/unit.py", "0.5 * ops.mean(ops.square(", "ops.mean(ops.square(", "models/test_unit.py::test_terms"),
    M(MODELS + "unit/unit.py", "self.translations(x, training, self.drawn)", "self.translations(x, training)", "models/test_unit.py::test_what_is_made_of_draws"),
    M(MODELS + "lstnet/shared_translator.py", "self.shared(\"generator\", draw(z_back), training)", "self.shared(\"generator\", z_back, training)", "models/test_unit.py::test_what_is_made_of_draws"),
    M(MODELS + "unit/unit.py", "made = self.drawn_translations(x)", "made = self.drawn_translations(x, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "cogan/cogan.py", "latents[d][:rows], latents[d][rows:]", "latents[d][rows:], latents[d][:rows]", "models/test_cogan.py::test_terms"),
    M(MODELS + "cogan/cogan.py", "loss + self.image_weight * terms", "loss + terms", "models/test_cogan.py::test_terms"),
    M(MODELS + "cogan/cogan.py", "self.shared(\"discriminator\", h, training)", "self.shared(\"discriminator\", h, True)", "models/test_evaluation_mode.py"),
    M(MODELS + "cogan/cogan.py", "z[rows] -= learning_rate", "z[rows] += learning_rate", "models/test_cogan.py::test_inversion_of_linear_generators_is_least_squares"),
    M(MODELS + "cogan/cogan.py", "made, True, of=\"encoders\"", "made, of=\"encoders\"", "models/test_evaluation_mode.py"),
    M(TRAINING + "model.py", "second[1](*args, outputs, training=True)", "second[1](*args, constants, training=True)", "models/test_two_players.py"),
    # models: verbs
    M(MODELS + "base/batched.py", "spec(self, **options).check(name, values[name])", "pass", "models/test_model_errors.py"),
    M(MODELS + "base/networks.py", "if not _takes(own, inputs):", "if False:", "models/test_model_errors.py"),
    M(MODELS + "base/networks.py", "        inputs, of = outputs, name", "        inputs = outputs", "models/test_lstnet_networks.py"),
    M(MODELS + "bridging/batch.py", "[checks.integer(\"latent_dims\", n) for n in sizes]", "[int(n) for n in sizes]", "models/test_bridging_vae.py"),
    M(MODELS + "base/translator.py", "self.translated(self.translated(x, OTHER[domain]), domain)", "self.translated(self.translated(x, domain), OTHER[domain])", "models/test_model_verbs.py models/test_cyclegan.py"),
    M(MODELS + "cyclegan/games.py", "ops.softplus(-scores if real else scores)", "ops.softplus(scores if real else -scores)", "models/test_cyclegan.py"),
    M(MODELS + "cyclegan/games.py", "0.5 if gan == \"lsgan\" else 0.0", "0.0", "models/test_cyclegan.py"),
    M(MODELS + "cyclegan/image_buffer.py", "seed=self.seed_generator) < 0.5", "seed=self.seed_generator) < 0.9", "models/test_cyclegan.py"),
    M(MODELS + "cyclegan/image_buffer.py", "ops.logical_and(swaps, filled >= self.size)", "ops.logical_and(swaps, filled >= 0)", "models/test_cyclegan.py"),
    M(MODELS + "cyclegan/image_buffer.py", "stored = ops.logical_or(fills, swaps)[:, None]", "stored = ops.logical_or(fills, drawn >= 0)[:, None]", "models/test_cyclegan.py"),
    M(MODELS + "cyclegan/cyclegan.py", "if training and self.buffer_size:", "if self.buffer_size:", "models/test_cyclegan.py"),
    M(MODELS + "cyclegan/cyclegan.py", "made[\"same\"][d] - x[d]", "made[\"cycled\"][d] - x[d]", "models/test_cyclegan.py"),
    M(MODELS + "pix2pix/pix2pix.py", "mean(ops.abs(made[d] - x[d]), x[\"paired\"])", "mean(ops.abs(made[d] - x[d]))", "models/test_pix2pix.py"),
    M(MODELS + "pix2pix/pix2pix.py", "ops.concatenate([given, given]), ops.concatenate([real, made[d]])", "ops.concatenate([given, made[d]]), ops.concatenate([real, made[d]])", "models/test_pix2pix.py"),
    M(BACKEND + "torch_processes.py", " if v.aggregation != \"only_first_replica\"]", "]", "models/test_cyclegan.py", "torch"),
    M(MODELS + "base/two_domain.py", "offset[None] if single else offset)", "offset[:0])", "models/test_model_verbs.py"),
    M(MODELS + "base/two_domain.py", "z + offset if to == \"target\" else z - offset", "z + offset", "models/test_model_verbs.py"),
    M(MODELS + "base/batched.py", "\" \".join([function.__name__, *map(str, chosen.values()), *whole.inputs])", "function.__name__", "models/test_model_verbs.py"),
    M(MODELS + "bridging/rejection_sampling.py", "scores[: limit - draws]", "scores", "models/test_rejection_sampling.py"),
    M(MODELS + "base/attributes.py", "known(y) * (2.0 * kops.cast(y, \"float32\") - 1.0)", "2.0 * kops.cast(y, \"float32\") - 1.0", "models/test_conditional_models.py"),
    M(MODELS + "lstnet/shared_translator.py", "{\"source\": z[:rows], \"target\": z[rows:]}", "{\"source\": z[rows:], \"target\": z[:rows]}", "models/test_lstnet_objective.py::test_translations_are_compositions"),
    M(MODELS + "base/conditional.py", "y[:, None] * (1.0 - chosen) +", "y[:, None] +", "models/test_conditional_models.py::test_verbs_compose_the_networks"),
    # metrics
    M(METRICS + "frechet_distance.py", "s_2 / (counts[1] - 1)", "s_2 / counts[1]", "metrics/test_frechet_distance.py"),
    M(METRICS + "frechet_distance.py", "np.outer(step, step) * (a[0] * b[0] / rows)", "np.outer(step, step)", "metrics/test_frechet_distance.py"),
    M(METRICS + "network_inputs.py", "check_values(name, x, pixels=pixels)", "pass", "metrics/test_frechet_distance.py::test_errors"),
    M(METRICS + "transfer_accuracy.py", "labels.min() < -1 or ", "", "metrics/test_transfer_accuracy.py::test_errors"),
    M(METRICS + "triplet_accuracy.py", "positive >= place[anchor]", "positive > place[anchor]", "metrics/test_triplet_accuracy.py"),
    M(METRICS + "transfer_accuracy.py", "weight *= ops.cast(sample_weight, self.dtype)", "weight = ops.cast(sample_weight, self.dtype)", "metrics/test_transfer_accuracy.py"),
    M(METRICS + "log_likelihood.py", "ops.where(draws < samples, log_p_x + log_ratio, -math.inf)", "log_p_x + log_ratio", "metrics/test_log_likelihood.py"),
    M(METRICS + "conditional_inception_score.py", "/ max(1, n * (n - 1))", "/ max(1, n * n)", "metrics/test_conditional_inception_score.py"),
    M(METRICS + "classifiers/attribute_batches.py", "default_rng((self.seed, self.epoch, index))", "default_rng((self.seed, self.epoch))", "metrics/test_attribute_classifier.py::test_each_batch_is_augmented_differently"),
    M(METRICS + "nearest_neighbor_accuracy.py", "self._total += len(labels)", "self._total += len(found) + 1", "metrics/test_nearest_neighbor_accuracy.py"),
    M(METRICS + "classifiers/reference_classifier.py", "repr((4, epochs, max_shift, softness,", "repr((4, epochs, max_shift,", "metrics/test_reference_classifier.py"),
    M(METRICS + "classifiers/augmentation.py", "weight * (blurred - images)", "weight * (images - blurred)", "metrics/test_reference_classifier.py"),
    M(METRICS + "attribute_report.py", "np.cumsum(counts) - (counts - 1) / 2", "np.cumsum(counts) - counts / 2", "metrics/test_attribute_classifier.py"),
    M(METRICS + "transfer_program.py", "- before[:, None]", "- before[..., None]", "metrics/test_conditional_inception_score.py"),
    # your own images
    M("keras_latent/src/applications/own/own_data.py", "if 0 < pairs < rows / 5:", "if False:", "applications/test_train_command.py::test_few_pairs_are_in_every_batch"),
    M("keras_latent/src/applications/running/epochs_of_steps.py", "if number != self._pass:", "if self._pass < 0:", "applications/test_compare.py::test_epochs_of_any_length_have_the_order_of_the_pair"),
    M("keras_latent/src/applications/running/epochs_of_steps.py", "self._epoch += self._whole", "self._epoch += 1", "applications/test_compare.py::test_epochs_of_any_length_have_the_order_of_the_pair"),
    M("keras_latent/src/applications/comparing/scores.py", "wanted = self.labels[OTHER[to]]", "wanted = self.labels[to][::-1]", "applications/test_compare.py::test_compare"),
    M("keras_latent/src/applications/comparing/scores.py", "np.full(len(made), DOMAINS.index(to))", "np.full(len(made), DOMAINS.index(OTHER[to]))", "applications/test_compare.py::test_without_labels"),
    M("keras_latent/src/applications/comparing/compare.py", "batches.skip_epochs)", "lambda epochs: None)", "applications/test_compare.py::test_interrupted"),
    M(METRICS + "kernel_distance.py", "(k.sum() - np.trace(k)) / (n * (n - 1))", "k.mean()", "metrics/test_kernel_distance.py"),
    M(METRICS + "label_free.py", "np.fill_diagonal(similar, -np.inf)", "pass", "metrics/test_label_free.py"),
    M(METRICS + "label_free.py", "entropy_of_mean + np.mean", "np.mean", "metrics/test_label_free.py"),
    M(METRICS + "label_free.py", ".fit(z, seen)", ".fit(z, seen[::-1])", "metrics/test_label_free.py"),
    M("keras_latent/src/applications/running/time_limit.py", "self.seconds - self.spent - running", "self.seconds - running", "applications/test_train_command.py::test_minutes_count_all_sessions"),
    M("keras_latent/src/applications/own/likeness.py", "return -total", "return total", "applications/test_train_command.py::test_likeness_sees_color_texture_and_collapse"),
    M("keras_latent/src/applications/own/pictures.py", "np.maximum(data.labels[:rows], 0)", "data.labels[:rows]", "applications/test_train_command.py::test_missing_attributes_count_as_absent"),
    M("keras_latent/src/applications/own/bridge.py", "[len(data.validation[domain]) :]", "", "applications/test_train_command.py::test_classes_of_a_bridge_are_those_of_both_domains"),
    M("keras_latent/src/applications/own/bridge.py", "np.where(np.isin(y, classes), ", "np.where(y >= 0, ", "applications/test_train_command.py::test_classes_of_a_bridge_are_those_of_both_domains"),
    M("keras_latent/src/applications/own/train.py", "bridge.of_latents(arguments, data, transfer, labels)", "bridge.of_latents(arguments, data, transfer, None)", "applications/test_train_command.py::test_a_bridge_keeps_classes_and_resumes"),
    M("keras_latent/src/applications/own/own_data.py", "stamp and stamp[0]", "stamp", "applications/test_train_command.py::test_a_changed_folder_is_noticed"),
    M("keras_latent/src/utils/progress.py", "* steps - self._step)", "* steps)", "utils/test_progress.py"),
    M(MODELS + "lstnet/networks.py", "halvings(shape, min(halved_below, *shape[:2]))", "halvings(shape)", "models/test_networks_for.py::test_the_rule"),
    # datasets
    M(DATASETS + "sources/audio.py", " or not np.isfinite(waveform).all()", "", "datasets/test_audio.py::test_only_finite_numbers_are_waveforms"),
    M(DATASETS + "folders/pair_from_folders.py", "limit = max(", "limit = min(", "datasets/test_pair_from_folders.py::test_pairs_are_on_one_side"),
    M(DATASETS + "folders/pair_from_folders.py", "draws(listings[1].names, seed, partners)", "draws(listings[1].names, seed)", "datasets/test_pair_from_folders.py::test_pairs_are_on_one_side"),
    M(DATASETS + "folders/images_from_folder.py", "os.fspath(listing.place), files", "files", "datasets/test_images_from_folder.py::test_folders_with_the_same_files_do_not_share_arrays"),
    M(DATASETS + "pairs/from_arrays.py", " or isinstance(target, np.memmap)", "", "datasets/test_pair_from_folders.py::test_auto_does_not_copy_memmaps_for_tensorflow"),
    M(DATASETS + "batches/random_flip.py", 'image_batch("images", images).copy()', 'image_batch("images", images)', "datasets/test_random_flip.py::test_mirrors_the_chosen_rows"),
    M(DATASETS + "batches/latent_batches.py", "check_values(name, z, pixels=False)", "pass", "datasets/test_latent_batches.py::test_latents_are_finite_rows"),
    M(DATASETS + "batches/order.py", "self.steps * rest, window=rest)", "self.steps * rest)", "datasets/test_epoch_order.py"),
    M(DATASETS + "batches/order.py", "default_rng([self.seed, self.epoch])", "default_rng(self.seed)", "datasets/test_epoch_order.py"),
    M(DATASETS + "batches/order.py", "self.steps * known, window=known)", "self.steps * known)", "datasets/test_epoch_order.py"),
    M(DATASETS + "batches/order.py", "_STREAMS[domain]", "2", "datasets/test_augment.py::test_factors_are_those_of_seed_epoch_and_domain"),
    M(DATASETS + "batches/numpy_pipeline.py", "gather(self._source, rows % len(self._source))", "gather(self._source, rows % len(self._target))", "datasets/test_domain_pair.py::test_the_smaller_domain_starts_over_among_test_rows"),
    M(DATASETS + "batches/latent_batches.py", "default_rng([self.seed, self._epoch])", "default_rng(self.seed)", "datasets/test_latent_batches.py"),
    M(DATASETS + "batches/random_affine.py", "_outer_sum(-sin * y, cos * x + center_x)", "_outer_sum(sin * y, cos * x + center_x)", "datasets/test_random_affine.py"),
    M(DATASETS + "batches/random_flip.py", "images[mirrored] = images[mirrored, :, ::-1]", "images[mirrored] = images[mirrored, ::-1]", "datasets/test_random_flip.py"),
    M(DATASETS + "matching/match_by_geometry.py", "return left @ right", "return (left @ right).T", "datasets/test_match_by_geometry.py"),
    M(DATASETS + "matching/match_by_attributes.py", "kept[column] = False", "kept[column] = True", "datasets/test_match_by_attributes.py"),
    M(DATASETS + "matching/propagate_labels.py", "scores * (priors / share)", "scores * priors", "datasets/test_propagate_labels.py"),
    M(DATASETS + "matching/known_pairs.py", "(1, \"target\", num_target)", "(1, \"target\", num_source)", "datasets/test_pair_errors.py"),
    M(DATASETS + "batches/augment.py", "self._transform(images.copy(), factors)", "self._transform(images, factors)", "datasets/test_augment.py::test_given_images_are_not_modified"),
    M(DATASETS + "pairs/men_women.py", "np.argsort(attributes[:, _MALE] == 0", "np.argsort(attributes[:, _MALE] == 1", "datasets/test_men_women.py"),
    M(DATASETS + "sources/audio.py", "length - file.tell()) < size", "length - file.tell()) > size", "datasets/test_audio.py"),
    M(DATASETS + "sources/audio.py", "file.seek(start + size + size % 2)", "file.seek(start + size)", "datasets/test_audio.py"),
    M(DATASETS + "sources/npz.py", "if declared != info.file_size:", "if declared < info.file_size:", "datasets/test_load_arrays.py"),
    M(DATASETS + "sources/npz.py", "declared > MOST_EXPANSION * stored", "declared < MOST_EXPANSION * stored", "datasets/test_load_arrays.py"),
    M(DATASETS + "sources/npz.py", "labels.min() < 0 or labels.max() > 9", "labels.max() > 9", "datasets/test_load_arrays.py"),
    M(DATASETS + "pairs/transposed.py", "rng.permutation(target_rest)]", "target_rest]", "datasets/test_domain_pair.py"),
    M(DATASETS + "sources/audio.py", "kept = waveform[:samples]", "kept = waveform[-samples:]", "datasets/test_audio.py"),
    # presets
    M("keras_latent/src/presets/loading.py", "require_undamaged(directory, CONFIG, record, METADATA)", "pass", "models/test_presets.py"),
    M("keras_latent/src/presets/loading.py", "checks.path(\"preset_dir\", preset_dir).resolve()", "checks.path(\"preset_dir\", preset_dir)", "models/test_presets.py"),
    M("keras_latent/src/presets/checksums.py", "wanted | checksums(folder, name)", "wanted | {}", "models/test_presets.py"),
    M("keras_latent/src/presets/hub.py", "FILES if weights else (CONFIG, METADATA)", "FILES", "models/test_hub_presets.py"),
    M("keras_latent/src/presets/hub.py", "allow_patterns=list(names)", "allow_patterns=[\"*\"]", "models/test_hub_presets.py"),
    M("keras_latent/src/presets/hub.py", "(error, error.__cause__)", "(error,)", "models/test_hub_presets.py"),
    M("keras_latent/src/presets/upload.py", "for file in (*FILES, MODEL_CARD)", "for file in (p.name for p in folder.iterdir())", "models/test_hub_presets.py"),
    M("keras_latent/src/presets/upload.py", "if not card.exists() and not client", "if not client", "models/test_hub_presets.py"),
    M("keras_latent/src/presets/upload.py", "    require_undamaged(folder, WEIGHTS, record, METADATA)", "    pass", "models/test_hub_presets.py"),
    M("keras_latent/src/presets/cards.py", "or not card[field]", "or card[field] is None", "models/test_trained_presets.py"),
    M(TRAINING + "model.py", "require_intact(store.archive)", "pass", "models/test_model_saving.py"),
    M(METRICS + "classifiers/cached_model.py", "require_intact(archive)", "pass", "metrics/test_cached_model.py::test_a_changed_bit_is_noticed"),
    # several processes, threads and devices
    M(BACKEND + "torch_processes.py", "for t in [rows, *tensors]]) * _rows.get(1)", "for t in [rows, *tensors]])", "training/test_processes.py", "torch"),
    M(BACKEND + "torch_processes.py", "distributed.broadcast(value, 0)", "pass", "training/test_processes.py", "torch"),
    M(BACKEND + "torch_processes.py", "value[0] += SEEDS_APART", "value[0] += 0", "training/test_processes.py", "torch"),
    M(BACKEND + "torch_processes.py", "m if share else None for", "m for", "training/test_processes.py", "torch"),
    M(BACKEND + "torch_processes.py", "            _average_statistics(self)", "            pass", "training/test_processes.py", "torch"),
    M(MODELS + "base/latent_model.py", "with self._programs.lock, without", "with without", "models/test_many_rows.py::test_threads_share_a_model", "jax"),
    # callbacks
    M(CALLBACKS + "stop_at_nan.py", "variable.assign(value)", "pass", "callbacks/test_stop_at_nan.py"),
    M(CALLBACKS + "stop_at_nan.py", "(*model.variables, *model.optimizer.variables)", "model.variables", "callbacks/test_stop_at_nan.py"),
    M(CALLBACKS + "stop_at_nan.py", "elif not self._weights_are_finite():", "elif False:", "callbacks/test_stop_at_nan.py"),
    M(TRAINING + "checked_model.py", "if not _replaced(c, callbacks)", "if c", "callbacks/test_stop_at_nan.py"),
    M(TRAINING + "batches.py", "else (batch,)", "else batch", "models/test_fit_arguments.py", "jax"),
    M(TRAINING + "checked_model.py", "if sample_weight is not None:", "if False:", "models/test_fit_arguments.py"),
    M(CALLBACKS + "collapse_monitor.py", "if epochs == self.patience:", "if epochs >= self.patience:", "callbacks/test_collapse_monitor.py"),
    M(CALLBACKS + "resume.py", "model.optimizer.build(model.trainable_variables)", "pass", "callbacks/test_resume.py"),
    M(CALLBACKS + "resume.py", "self._state(f\"{epoch + 1:05d}\")", "self._state(f\"{epoch:05d}\")", "callbacks/test_resume.py"),
    M(CALLBACKS + "resume.py", "int(number[0]) < epochs", "int(number[0]) <= epochs", "callbacks/test_resume.py"),
    M(CALLBACKS + "resume.py", "content.split(b\"\\n\")[:-1]", "content.split(b\"\\n\")", "callbacks/test_resume.py"),
    M("keras_latent/src/utils/weight_files.py", "hashlib.sha256(content).digest() != digest", "len(digest) != 32", "utils/test_weight_files.py callbacks/test_resume.py"),
    M("keras_latent/src/utils/files.py", "named in (None, other)", "named == other", "utils/test_weight_files.py"),
    M("keras_latent/src/metrics/classifiers/cached_model.py", "shutil.rmtree(path.with_suffix(\"\"), ignore_errors=True)", "pass", "metrics/test_cached_model.py::test_what_killed_processes_left_is_deleted"),
    M("keras_latent/src/applications/running/run_directory.py", "*partial_files(self.path / CONFIGURATION)]", "]", "applications/test_run_directory.py"),
    M("keras_latent/src/applications/running/training.py", "log=folder / LOG)", "log=None)", "applications/test_training.py"),
    M(CALLBACKS + "translation_grid.py", "with backend.preserved_random_stream():", "if True:", "callbacks/test_translation_grid.py", "torch"),
    # applications
    M("keras_latent/src/applications/faces/celeba_attributes.py", "warm_up=steps // 3", "warm_up=steps", "applications/test_celeba_attributes.py::test_a_fader_network_warms_up_in_a_third_of_its_training"),
    M("keras_latent/src/applications/faces/attribute_scores.py", "elif best_of(rows) is rows[-1]:", "elif best_of(rows) is rows[0]:", "applications/test_celeba_attributes.py::test_a_sweep_goes_on_while_its_end_is_the_best"),
    M("keras_latent/src/applications/faces/data.py", "np.where(labels < 0, np.concatenate(present), labels)", "np.concatenate(present)", "applications/test_celeba_attributes.py::test_missing_labels_are_predicted_and_known_ones_kept"),
    M("keras_latent/src/applications/faces/celeba_attributes.py", "options[\"use_bias\"] = not arguments.no_bias", "options[\"use_bias\"] = True", "applications/test_celeba_attributes.py::test_the_paper_has_no_bias_and_labels_can_be_predicted"),
    M("keras_latent/src/applications/faces/celeba_attributes.py", "(part[\"validation\"] for part in", "(part[\"test\"] for part in", "applications/test_choices.py"),
    M("keras_latent/src/applications/bridging/base_models.py", "LEARNING_RATE, precision, seed]", "LEARNING_RATE, seed]", "applications/test_choices.py"),
    M("keras_latent/src/applications/digits/mnist_usps.py", "OTHER[to], f\"{to}_information\"", "OTHER[to], f\"{OTHER[to]}_information\"", "applications/test_choices.py"),
    M("keras_latent/src/applications/digits/mnist_usps.py", "tuple(f\"{d}_information\" for d in DOMAINS)", "tuple(f\"{d}_test_accuracy\" for d in DOMAINS)", "applications/test_choices.py"),
    M("keras_latent/src/callbacks/epoch_choice.py", "np.argmax([row[criterion] for row in", "np.argmax([row[self.criteria[0]] for row in", "callbacks/test_epoch_choice.py::test_the_best_epoch_is_chosen"),
    M("keras_latent/src/callbacks/epoch_choice.py", "if rows[-1][criterion] >", "if rows[-1][criterion] >=", "callbacks/test_epoch_choice.py::test_the_best_epoch_is_chosen"),
    M("keras_latent/src/callbacks/epoch_choice.py", "model.optimizer.finalize_variable_values(model.trainable_variables)", "pass", "callbacks/test_epoch_choice.py::test_averages_are_measured_and_a_resumed_training_equals_an_unbroken_one"),
    M("keras_latent/src/callbacks/epoch_choice.py", "            variable.assign(value)", "            pass", "callbacks/test_epoch_choice.py::test_averages_are_measured_and_a_resumed_training_equals_an_unbroken_one"),
    M("keras_latent/src/callbacks/epoch_choice.py", "keras.ops.copy(variable.value)", "variable.value", "callbacks/test_epoch_choice.py::test_averages_are_measured_and_a_resumed_training_equals_an_unbroken_one", "jax"),
    M("keras_latent/src/applications/digits/mnist_usps.py", "        optimizer.learning_rate = rate", "        pass", "applications/test_mnist_usps.py::test_the_learning_rate_falls_to_zero_and_weights_are_averaged"),
    M("keras_latent/src/applications/digits/mnist_usps.py", ", ema_momentum=preset.ema_momentum", "", "applications/test_mnist_usps.py::test_the_learning_rate_falls_to_zero_and_weights_are_averaged"),
    M("keras_latent/src/applications/faces/measures.py", "mean_latent(model, women, \"target\") - mean_latent(model, men, \"source\")", "mean_latent(model, men, \"source\") - mean_latent(model, women, \"target\")", "applications/test_choices.py"),
    M("keras_latent/src/applications/faces/celeba_men_women.py", "return training.NEW_SCHEDULE if decays else", "return training.SAME_AS_LONGER_RUN if decays else", "applications/test_run_directory.py"),
    M("keras_latent/src/applications/faces/single_domain_vae.py", "arguments.epochs * steps, alpha", "steps, alpha", "applications/test_face_domains.py::test_the_rate_falls_to_a_twentieth_at_the_end_of_the_run"),
    M("keras_latent/src/applications/faces/single_domain_vae.py", "vbta.alpha / vbta.beta if", "vbta.beta / vbta.alpha if", "applications/test_face_domains.py::test_the_vae_has_the_networks_of_one_domain"),
    M("keras_latent/src/applications/running/training.py", "    skip_epochs(done)", "    skip_epochs(0)", "applications/test_choices.py"),
    M("keras_latent/src/applications/running/run_directory.py", "and all(row[name] != ", "and any(row[name] != ", "applications/test_choices.py"),
    M("keras_latent/src/applications/running/spread.py", "round(min(shares), 4)", "round(max(shares), 4)", "applications/test_spread.py"),
    M("keras_latent/src/applications/running/spread.py", "np.linalg.solve(b, a)", "np.linalg.solve(a, b)", "applications/test_spread.py"),
    M("keras_latent/src/applications/bridging/figures.py", "(\"label_kept\", seen), (\"real\", side.classify(real))", "(\"label_kept\", seen), (\"real\", seen)", "applications/test_spread.py"),
    M("keras_latent/src/applications/bridging/figures.py", "if not bad & set(key.split(\"_to_\"))", "if key not in bad", "applications/test_spread.py"),
    M("keras_latent/src/models/dual_vae/directions.py", "return steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-12)", "return steps / np.maximum(np.linalg.norm(steps), 1e-12)", "models/test_dual_vae.py::test_a_strength_of_1_is_a_step_of_length_1"),
    M("keras_latent/src/models/dual_vae/dual_vae.py", "kops.multiply(strength, self.directions(direction, unit=unit)[columns][None])", "kops.multiply(strength, self.directions(direction)[columns][None])", "models/test_dual_vae.py::test_a_strength_of_1_is_a_step_of_length_1"),
    M("keras_latent/src/applications/bridging/image_pairs.py", "made = {\"collapse\"", "made = {\"mean\"", "applications/test_bridging.py"),
    M("keras_latent/src/applications/bridging/bridge.py", "shares[rng.permutation(len(classes))[: number % len(classes)]] += 1", "pass", "applications/test_bridging.py::test_labels_are_split_evenly"),
)  # fmt: skip


def fits(mutation: Mutation) -> str:
    """Why a mutation no longer fits the tree; empty if it does."""
    path = ROOT / mutation.file
    found = path.read_text().count(mutation.old) if path.exists() else 0
    if found != 1:
        return f"{mutation.file}: {mutation.old!r} occurs {found} times, not once"
    for test in mutation.tests.split():
        file, _, name = test.partition("::")
        path = ROOT / "tests" / file
        if not path.exists() or f"def {name}" not in path.read_text():
            return f"{mutation.file}: there is no test {test}"
    return ""


def copy_tree(folder: Path) -> Path:
    """A copy of the tree whose tests say where they have the package from."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored, symlinks=True)
        else:
            shutil.copy(ROOT / name, folder / name)
    with (folder / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(CHECK)
    return folder


def run_tests(tree: Path, tests: list[str], backend: str, limit: float | None):
    """pytest's exit status, `None` beyond the time limit, and its output."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "MUTATED_TREE": str(tree),
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",  # by which a mutation of the same second would be missed
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    options = ["-x", "-q", "--durations=0", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in tests)],
            cwd=tree,
            env=environment,
            timeout=limit,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except subprocess.TimeoutExpired as error:
        return None, str(error.stdout)
    if done.returncode == FOREIGN:
        raise RuntimeError(f"The tests imported another keras_latent than that of {tree}.")
    return done.returncode, done.stdout


def verdict(tree: Path, mutation: Mutation, backend: str, limit: float) -> tuple[str, str]:
    """`"caught"`, `"SURVIVED"` or what else went wrong, and the test that failed."""
    path = tree / mutation.file
    before = path.read_text()
    path.write_text(before.replace(mutation.old, mutation.new))
    try:
        status, output = run_tests(tree, mutation.tests.split(), backend, limit)
    finally:
        path.write_text(before)
    if status is None:
        return "TOO SLOW", ""
    if status == PASSED:
        return "SURVIVED", ""
    failed = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", output, re.MULTILINE)
    return ("caught" if status in FAILED else f"ERROR {status}"), failed[1] if failed else ""


def main() -> int:
    parser = argparse.ArgumentParser(description="How many one-line mistakes the tests catch.")
    parser.add_argument(
        "--backend", default="torch", help="of the mutations that show on any (default: torch)"
    )
    parser.add_argument("--only", default="", help="mutations whose file or code has this in it")
    parser.add_argument("--jobs", type=int, default=1, help="copies of the tree to work in at once")
    parser.add_argument("--time-limit", type=float, default=300.0, help="seconds for a mutation")
    arguments = parser.parse_args()
    chosen = [m for m in MUTATIONS if any(arguments.only in part for part in m[:3])]
    if problems := [problem for problem in map(fits, chosen) if problem]:
        print("\n".join(problems))
        return 1

    waiting, verdicts, printing = queue.SimpleQueue(), {}, threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        trees = []
        for job in range(max(1, arguments.jobs)):
            tree = Path(folder).resolve() / str(job)
            tree.mkdir()
            trees.append(copy_tree(tree))
        backends = {}
        for mutation in chosen:
            backend = mutation.backend or arguments.backend
            if importlib.util.find_spec(backend) is None:
                print(f"left out, {backend} is not installed: {mutation.file}: {mutation.new}")
                continue
            backends.setdefault(backend, set()).update(mutation.tests.split())
            waiting.put((mutation, backend))
        for backend, tests in backends.items():
            start = time.perf_counter()
            status, output = run_tests(trees[0], sorted(tests), backend, None)
            if status != PASSED:
                print(output, f"\nThese tests fail on {backend} without any mutation.")
                return 1
            seconds = time.perf_counter() - start
            print(f"{len(tests)} test files pass on {backend} in {seconds:.0f} s", flush=True)

        def work(tree: Path) -> None:
            while True:
                try:
                    mutation, backend = waiting.get_nowait()
                except queue.Empty:
                    return
                start = time.perf_counter()
                found, test = verdict(tree, mutation, backend, arguments.time_limit)
                seconds = time.perf_counter() - start
                with printing:
                    verdicts[mutation] = found
                    by = f" by {test}" if test else ""
                    line = f"{found:9}{seconds:6.1f} s  {mutation.file}: {mutation.new.strip()}"
                    print(f"{line}  [{backend}{by}]", flush=True)

        workers = [threading.Thread(target=work, args=(tree,)) for tree in trees]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    left = [m for m in chosen if verdicts.get(m) != "caught"]
    print(f"\n{len(chosen) - len(left)} of {len(chosen)} caught.")
    for mutation in left:
        found = verdicts.get(mutation, "not run")
        print(f"{found}: {mutation.file}: {mutation.old!r} -> {mutation.new!r}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
