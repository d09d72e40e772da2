"""One update of the parameters of many nets, one per lane: the steps of `optimizers`.

Each net has its own settings, and a second learning rate for its biases.
"""

from ..codes import (
    ADAM,
    BETA1,
    BETA2,
    BIAS_DECAY_FACTOR,
    BIAS_LR,
    BIAS_RATE,
    DECAY,
    DECAY_FACTOR,
    EPS,
    EPSILON,
    FIRST_BETA,
    LR,
    NESTEROV,
    ONE_MINUS_FIRST_BETA,
    ONE_MINUS_SECOND_BETA,
    RATE,
    SECOND_BETA,
    SECOND_CORRECTION,
    SGD,
    WEIGHT_DECAY,
)
from ..compiler.compile import inlined_by_llvm, subroutine
from ..primitives.table import layer_offsets
from ..primitives.vectors import load, store, vector_length
from .optimizers import (
    Constants,
    adam_step,
    constants_of,
    decay_factor_of,
    momentum_step,
    rate_of,
    sgd_step,
)


@subroutine
def fill_constants(constants, settings, clock, optimizer, lanes):
    """Fill the rows of `constants` from the settings of many nets, one per lane."""
    for i in range(lanes):
        decay = settings[DECAY * lanes + i]
        beta1, beta2 = settings[BETA1 * lanes + i], settings[BETA2 * lanes + i]
        eps, bias_lr = settings[EPS * lanes + i], settings[BIAS_LR * lanes + i]
        power1, power2 = clock[i], clock[lanes + i]
        c = constants_of(
            optimizer,
            settings[LR * lanes + i],
            decay,
            beta1,
            beta2,
            eps,
            power1,
            power2,
        )
        constants[DECAY_FACTOR * lanes + i] = c.decay_factor
        constants[RATE * lanes + i] = c.rate
        constants[WEIGHT_DECAY * lanes + i] = c.decay
        constants[FIRST_BETA * lanes + i] = c.beta1
        constants[ONE_MINUS_FIRST_BETA * lanes + i] = c.one_minus_beta1
        constants[SECOND_BETA * lanes + i] = c.beta2
        constants[ONE_MINUS_SECOND_BETA * lanes + i] = c.one_minus_beta2
        constants[SECOND_CORRECTION * lanes + i] = c.correction
        constants[EPSILON * lanes + i] = c.eps
        constants[BIAS_DECAY_FACTOR * lanes + i] = decay_factor_of(bias_lr, decay)
        constants[BIAS_RATE * lanes + i] = rate_of(optimizer, bias_lr, power1)


@inlined_by_llvm
def load_constants(constants, is_bias, i, lanes):
    """Return the Constants of the nets in a vector, from lane i on."""
    factor = BIAS_DECAY_FACTOR if is_bias else DECAY_FACTOR
    rate = BIAS_RATE if is_bias else RATE
    return Constants(
        load(constants, factor * lanes + i),
        load(constants, rate * lanes + i),
        load(constants, WEIGHT_DECAY * lanes + i),
        load(constants, FIRST_BETA * lanes + i),
        load(constants, ONE_MINUS_FIRST_BETA * lanes + i),
        load(constants, SECOND_BETA * lanes + i),
        load(constants, ONE_MINUS_SECOND_BETA * lanes + i),
        load(constants, SECOND_CORRECTION * lanes + i),
        load(constants, EPSILON * lanes + i),
    )


@inlined_by_llvm
def advance_clock(clock, settings, lanes):
    """Multiply many nets' powers beta1^t and beta2^t by beta1 and beta2."""
    for i in range(lanes):
        clock[i] *= settings[BETA1 * lanes + i]
        clock[lanes + i] *= settings[BETA2 * lanes + i]


@subroutine
def step_nets(theta, moments, g, optimizer, constants, layers, n_layers, lanes):
    """Update the parameters and moments of many nets, one per lane."""
    last = layer_offsets(layers, n_layers - 1)
    n_params = last.b + last.n_out
    for i_layer in range(n_layers):
        layer = layer_offsets(layers, i_layer)
        for p in range(layer.w, layer.b + layer.n_out):
            is_bias = p >= layer.b
            for i in range(0, lanes, vector_length(theta)):
                at, second = p * lanes + i, (n_params + p) * lanes + i
                old, grad = load(theta, at), load(g, at)
                # the branches load only the constants that they use
                if optimizer == SGD:
                    c = load_constants(constants, is_bias, i, lanes)
                    store(theta, at, sgd_step(old, grad, c))
                elif optimizer == ADAM:
                    c = load_constants(constants, is_bias, i, lanes)
                    new, m, v = adam_step(
                        old, load(moments, at), load(moments, second), grad, c
                    )
                    store(theta, at, new)
                    store(moments, at, m)
                    store(moments, second, v)
                else:
                    c = load_constants(constants, is_bias, i, lanes)
                    new, v = momentum_step(
                        old, load(moments, at), grad, c, optimizer == NESTEROV
                    )
                    store(theta, at, new)
                    store(moments, at, v)
