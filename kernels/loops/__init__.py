"""The functions that Python calls: to train, to predict, or to run a layer."""

from . import batches as batches
from . import epochs as epochs
from . import gradients as gradients
from . import layers as layers
from . import one_hidden_layer as one_hidden_layer
from . import orders as orders
from . import per_sample as per_sample
from . import predictions as predictions
from . import specialised as specialised
from . import steps as steps
from . import stream as stream
from . import sweep_batches as sweep_batches
from . import sweep_epochs as sweep_epochs
from . import sweep_one_hidden_layer as sweep_one_hidden_layer
from . import sweep_per_sample as sweep_per_sample
from . import tile_losses as tile_losses
from . import xor_grid_as_published as xor_grid_as_published
