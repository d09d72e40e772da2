"""Many nets of one architecture, a net in each lane (see `many_lanes`), one sample at a time.

All nets see the samples in the same order, so that a sample is read once for all of them; zero_block else is shared, and
a net that diverges disturbs no other. Each has the bits of `per_sample.train`.
"""

from ..codes import ADAM, BIAS_LR, BY, KEEP, KEPT, LOSSES, LR, RATE, SGD, TERMS, UPDATES
from ..compiler.compile import entry_point, subroutine
from ..functions.many_losses import slopes
from ..functions.many_steps import add_hits, fill, leave, set_rates, step, tick
from ..passes.nets import backward, forward, show
from ..primitives.pointers import flat
from ..primitives.table import output_rows
from ..primitives.vectors import offset, scalar


@subroutine
def add_losses(sums, t, lanes):
    """Add the row LOSSES of t to a row of sums."""
    for i in range(lanes):
        sums[i] += t[LOSSES * lanes + i]


@entry_point
def train(
    theta,
    moments,
    clock,
    settings,
    losses,
    n_right,
    trained,
    position,
    X,
    y,
    order,
    layers,
    loss,
    optimizer,
    batch_size,
    mean,
    every,
    epochs,
    stop_below,
    first_epoch,
    end,
    budget,
    g,
    a,
    d,
    t,
    rule,
    rates,
):
    """Train all nets up to the update `end`, counted over all epochs, or for `budget` samples, or until all have left.

    Changed in place: theta (1, n_params, lanes), moments (1, N_MOMENTS[optimizer], n_params, lanes), clock
    (1, 2, lanes) float64; settings (1, 6, lanes) float64; losses and n_right (n_kept, 1, lanes), to which each sample's
    loss, and whether its class was right, are added at its forward pass, in epochs 0, every, 2 every ... and the last,
    from `first_epoch` on; trained (1, lanes), 0 or after how many epochs a net has left, as its loss was below
    stop_below (0: none leaves) or not finite; position (1, N_POSITION).
    Read: data and order as in `batches.train`; batch_size is 1.
    Scratch: g as theta; a and d with a row of lanes for each unit; t with TERMS rows and one for each number of a
    vector, zero at first; rule with 2 rows, rates with N_RATES.
    """
    n, n_in = X.shape
    _, n_params, lanes = theta.shape
    n_layers, n_y = layers.shape[0], y.shape[1]
    table, w, grads, m, c, times = (
        flat(layers),
        flat(theta),
        flat(g),
        flat(moments),
        flat(rates),
        flat(clock),
    )
    x, slope, extra, by, rule_of = flat(a), flat(d), flat(t), flat(rule), flat(settings)
    z, n_out = output_rows(table, n_layers)
    fused = optimizer == SGD
    for i in range(lanes):
        fused = fused and rule_of[BIAS_LR * lanes + i] == rule_of[LR * lanes + i]
    target = w if fused else grads
    budget = min(budget, 2**24)  # up to which float32 counts
    before, set_anew = (first_epoch + every - 1) // every, True
    while position[0, UPDATES] < end and budget > 0:
        if set_anew and optimizer != ADAM:  # whose rates are those of an update
            set_rates(c, rule_of, times, optimizer, lanes)
        if set_anew and fused:  # each sample's gradient changes theta at once
            for i in range(lanes):
                rule[KEEP, i], rule[BY, i] = rates[KEPT, i], -rates[RATE, i]
        elif set_anew:
            fill(by, KEEP * lanes, lanes, scalar(by, 0))
            fill(by, BY * lanes, lanes, scalar(by, 1))
        set_anew = False
        epoch = position[0, UPDATES] // n
        s = position[0, UPDATES] - epoch * n
        i = order[(epoch - first_epoch) % order.shape[0], s]
        wanted = epoch % every == 0 or epoch == epochs - 1
        kept = ((epoch + every - 1) // every - before) * lanes
        show(x, offset(flat(X), i * n_in), n_in, lanes)
        forward(x, w, table, n_layers, offset(extra, TERMS * lanes), lanes)
        slopes(slope, x, z, n_out, offset(flat(y), i * n_y), loss, extra, wanted, lanes)
        backward(target, by, w, slope, x, table, n_layers, lanes)
        if not fused:
            if optimizer == ADAM:
                tick(times, rule_of, lanes)
                set_rates(c, rule_of, times, optimizer, lanes)
            step(w, m, grads, optimizer, c, table, n_layers, n_params, lanes)
        position[0, UPDATES] += 1
        budget -= 1
        if wanted:
            sums = offset(flat(losses), kept)
            add_losses(sums, extra, lanes)
            if s == n - 1 or budget == 0 or position[0, UPDATES] == end:
                add_hits(offset(flat(n_right), kept), extra, lanes)
            if s == n - 1 and stop_below > 0.0:
                set_anew = True
                if (
                    leave(flat(trained), rule_of, sums, n, stop_below, epoch + 1, lanes)
                    == 0
                ):
                    return
