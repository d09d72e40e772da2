"""The numbers that the API and the compiled loops agree on. Needs neither NumPy nor Numba.

A net of Affine layers, each followed by an activation, is a *layer table*: one row of integers a layer.
Everything that a loop needs to know about the architecture is in it, so that one compilation serves all.
"""

# Columns of the layer table. A layer's weights, (n_in, n_out) row by row, start at theta[WEIGHTS]; its bias
# follows at once. Its input starts at unit INPUT of the scratch, its output at unit OUTPUT (the next one's INPUT).
N_IN, N_OUT, ACTIVATION, WEIGHTS, INPUT, OUTPUT = range(6)
N_COLUMNS = 6

# Columns of the packed table, for the loop over single samples, where a vector's numbers are a layer's units. Rows of
# weights are filled up with zeros to whole vectors, and so are the units: a layer has WIDTH_IN and WIDTH_OUT of them.
# Weights are kept twice: row by row from ROWS on, and column by column from COLUMNS on, for the way back. The first
# layer needs no columns; a last layer of one unit (BY_COLUMN) needs no rows, whose sum over a column is all.
# The first four columns are the layer table's, INPUT and OUTPUT count filled-up units.
BY_COLUMN, WIDTH_IN, WIDTH_OUT, ROWS, COLUMNS, BIAS = range(6, 12)
N_PACKED_COLUMNS = 12

# ACTIVATION: what is applied to the layer's output.
IDENTITY, SIGMOID, TANH, RELU = range(4)

# Losses, all of them functions of the last layer's plain output z.
BCE, SOFTMAX_CE, MSE = range(3)

# Optimizers, the entries of their float64 vector of settings, and how many vectors of moments each keeps.
SGD, MOMENTUM, NESTEROV, ADAM = range(4)
# Many nets have these each, and a learning rate of their biases.
LR, DECAY, BETA1, BETA2, EPS, BIAS_LR = range(6)
N_MOMENTS = (0, 1, 1, 2)

# Entries of a loop's `position`: the updates made, the samples of the next one whose gradient is summed already, and
# the row at which a loss was not finite.
UPDATES, SAMPLES, ROW = range(3)
N_POSITION = 3

# What a loop answers.
DONE, NOT_FINITE = range(2)

# The length of a vector, on every processor: 8 numbers of float64, 16 of float32.
VECTOR_BYTES = 64

# The most parameters of a net that can have a loop of its own: beyond, they do not fit into registers.
MOST_TINY = 40

# Rows of the scratch of many nets (see `many_nets`): a sample's losses, how often each net was right, how many classes
# are the most probable, and then the terms of a sum; what a parameter is multiplied by before a gradient is added, and
# what the gradient; an optimizer's constants.
LOSSES, HITS, TIED, TERMS = range(4)
KEEP, BY = range(2)
(
    KEPT,
    RATE,
    BIAS_KEPT,
    BIAS_RATE,
    DECAYED,
    FIRST,
    NEW_FIRST,
    SECOND,
    NEW_SECOND,
    SPREAD,
    EPSILON,
) = range(11)
N_RATES = 11

# Of what threads wait with: how many have come, how often all have, and 1 to give up.
ARRIVED, TURNS, GIVEN_UP = range(3)
N_SYNC = 3
