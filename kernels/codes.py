"""The numbers that the API and the compiled loops agree on, without NumPy or Numba.

A net of Affine layers, each followed by an activation, is a *layer table*: one row of
integers per layer. It holds everything that a loop needs to know about the
architecture, so that one compilation serves all architectures.

The kernels' alphabet: x is a layer's input, y a target, w weights, b a bias,
z = x w + b, a = activation(z); d is dL/dz, g is dL/dtheta. n_in and n_out are a layer's
sizes. Where rows of numbers stand side by side, a row has a number per lane.
"""

# Columns of the layer table. A layer's weights, (n_in, n_out) row by row, start at
# theta[WEIGHTS], and its bias follows at once. Its input starts in row INPUT of the
# scratch, its output in row OUTPUT, which is the next layer's INPUT.
N_IN, N_OUT, ACTIVATION, WEIGHTS, INPUT, OUTPUT = range(6)
N_COLUMNS = 6

# Further columns of the packed table, for the loop over single samples, where the
# numbers of a vector are units. Rows of weights are padded with zeros to whole vectors,
# and so are the units: a layer has WIDTH_IN and WIDTH_OUT of them. Weights are stored
# twice: row by row from ROWS on, and column by column from COLUMNS on, for the backward
# pass. The first layer needs no columns. A last layer of one unit is BY_COLUMN: it
# needs no rows. INPUT and OUTPUT count padded units.
BY_COLUMN, WIDTH_IN, WIDTH_OUT, ROWS, COLUMNS, BIAS = range(6, 12)
N_PACKED_COLUMNS = 12

# ACTIVATION: the function that is applied to the layer's z. SOFTMAX and EXP are links
# only.
IDENTITY, SIGMOID, TANH, RELU, SOFTMAX, EXP = range(6)

# Losses, which are functions of the last layer's z. A loss of values compares f(z) with
# the target: its number is MSE + LINK f, where the activation f is its link, or POISSON
# + LINK EXP. The links of BCE and SOFTMAX_CE, sigmoid and softmax, are not added to
# their numbers. SOFT_BCE and SOFT_CE are the same losses where there is a target, a
# probability, for each of several outputs; BCE takes a probability for its one output.
# The specialised loop, which is compiled for a loss, has SOFT_BCE for that.
BCE, SOFTMAX_CE, MSE, POISSON, SOFT_BCE, SOFT_CE = range(6)
LINK = 8

# Optimizers, and how many moments each has per parameter.
SGD, MOMENTUM, NESTEROV, RMSPROP, ADAM, ADAMW = range(6)
N_MOMENTS = (0, 1, 1, 1, 2, 2)

# Entries of an optimizer's float64 settings, of which each net of a sweep has its own.
# BIAS_LR and BIAS_DECAY are the learning rate and the weight decay of the biases.
# EPS_HAT is 1 if eps is added before Adam's bias correction, otherwise 0. CLIP_NORM is
# the largest norm of a gradient, or 0 if none is too large.
LR, DECAY, BETA1, BETA2, EPS, BIAS_LR, BIAS_DECAY, EPS_HAT, CLIP_NORM = range(9)
N_SETTINGS = 9

# Entries of a loop's `position`: updates made, samples of the next update whose
# gradient is already summed, and the row whose loss was not finite.
UPDATES, SAMPLES, ROW = range(3)
N_POSITION = 3

# The losses of a record are scaled by this and by loss_scale, which keeps the sum of an
# epoch finite: a record may sum over any number of epochs.
RECORD_SCALE = 2.0**-32

# The status that a loop returns.
DONE, NOT_FINITE = range(2)

# The length of a vector on every processor: 8 numbers of float64, 16 of float32.
VECTOR_BYTES = 64

# The most samples in a tile of a sweep in batches: a power of two.
MAX_SAMPLES = 32

# The most parameters of a net with a specialised loop: more do not fit into registers.
MAX_SPECIALISED_PARAMS = 40

# Rows of the losses' scratch: each lane's loss, whether its class was right (1 or 0),
# how many outputs are the largest one; then one row, or one per number of a vector, of
# partial sums over the outputs.
LOSSES, HITS, TIED, PARTIAL_SUMS = range(4)

# Rows of factors in a sweep over single samples: of the gradient that is added to the
# old value, and of what weight decay adds to weights and to biases. Where samples
# have weights, there are the sample's weight, and the gradient's factor without it.
(
    GRADIENT_FACTOR,
    DECAY_FACTOR,
    BIAS_DECAY_FACTOR,
    SAMPLE_WEIGHT,
    UNWEIGHTED_FACTOR,
) = range(5)
N_FACTORS = 5

# Rows of an optimizer's constants in a sweep (see `functions.optimizers.Constants`),
# and two more rows for biases.
(
    RATE,
    WEIGHT_DECAY,
    FIRST_BETA,
    FIRST_BETA_REST,
    ONE_MINUS_FIRST_BETA,
    SECOND_BETA,
    SECOND_BETA_REST,
    ONE_MINUS_SECOND_BETA,
    SECOND_CORRECTION,
    EPSILON,
    BIAS_RATE,
    BIAS_WEIGHT_DECAY,
) = range(12)
N_CONSTANTS = 12

# Entries of a barrier's `sync`: threads that have arrived, how often all have, and 1 to
# give up.
ARRIVED, TURNS, GIVEN_UP = range(3)
N_SYNC = 3

# What is measured of a net of a sweep in an epoch, the last two on validation data.
LOSS, ACCURACY, VAL_LOSS, VAL_ACCURACY = range(4)

# What is kept of a net's best epoch by early stopping: the monitored value, negative
# where a larger one is better; the number of the epoch, from 0, or -1; and what was
# measured in it on validation data.
BEST_VALUE, BEST_EPOCH, BEST_VAL_LOSS, BEST_VAL_ACCURACY = range(4)
N_BEST = 4
