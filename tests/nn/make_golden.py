"""Write golden.json, what PyTorch finds for the random nets: `python tests/make_golden.py`, where it is installed."""

import json
from pathlib import Path

import torch
import torch_nets
from random_nets import N_NETS, case, digest


def main():
    nets = []
    for number in range(N_NETS):
        loss, grads = torch_nets.loss_and_grads(case(number))
        nets.append({"loss": loss, "grads": digest(grads)})
    made_by = {"command": "python tests/make_golden.py", "torch": torch.__version__}
    lines = ",\n".join(json.dumps(net) for net in nets)
    Path(__file__).with_name("golden.json").write_text(
        f'{{"made_by": {json.dumps(made_by)}, "nets": [\n{lines}\n]}}\n'
    )


if __name__ == "__main__":
    main()
