"""Train ten hidden neurons on three spirals, in batches of 30."""

import matplotlib.pyplot as plt

import fastnn

X, y = fastnn.datasets.spiral(100)  # 300 points of three classes
net = fastnn.mlp(2, 10, 3, activation="sigmoid", loss="softmax_ce", seed=0)
history = net.fit(X, y, epochs=300, lr=1.0, batch_size=30)
print(history)
print(f"accuracy: {net.score(X, y):.1%}")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
fastnn.plot.history(history, ax=left)
fastnn.plot.decision_map(net, X, y, ax=right)
figure.savefig("spiral.png")
