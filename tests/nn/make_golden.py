"""Write golden.json: PyTorch's losses and gradients of the random nets.

Run it from the checkout, where PyTorch is installed:
`PYTHONPATH=tests python tests/nn/make_golden.py`.
"""

import json
from pathlib import Path

import torch
import torch_nets
from random_nets import N_NETS, case, digest

COMMAND = "PYTHONPATH=tests python tests/nn/make_golden.py"


def main():
    nets = []
    for number in range(N_NETS):
        loss, grads = torch_nets.loss_and_grads(case(number))
        nets.append({"loss": loss, "grads": digest(grads)})
    made_by = {"command": COMMAND, "torch": torch.__version__}
    lines = ",\n".join(json.dumps(net) for net in nets)
    Path(__file__).with_name("golden.json").write_text(
        f'{{"made_by": {json.dumps(made_by)}, "nets": [\n{lines}\n]}}\n'
    )


if __name__ == "__main__":
    main()
