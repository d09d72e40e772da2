"""Train on the XOR gate from zeros, which learn nothing, and from random weights.

fastnn warns about the zeros.
"""

import matplotlib.pyplot as plt

import fastnn

X, y = fastnn.datasets.xor_gate()
for init in ("zeros", "uniform(0, 0.1)"):
    net = fastnn.mlp(2, 2, 1, activation="tanh", init=init, seed=0)
    history = net.fit(X, y, epochs=5000, lr=0.1, batch_size="full", reduction="sum")
    predictions = net.predict_proba(X)[:, 1].round(3)
    print(f"{init}: loss {history.loss[-1]:.4f}, predictions {predictions}")
    plt.plot(history.loss, label=init)
plt.xlabel("step")
plt.ylabel("loss")
plt.legend()
plt.savefig("zero_init.png")
