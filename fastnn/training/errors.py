"""The error that a training raises."""


class DivergenceError(ArithmeticError):
    """Training stopped because a loss, or a parameter, was no longer finite.

    The net has the parameters of before the update that broke it, and `net.history` the completed epochs. epoch counts
    from 1; sample is the row of X at which it happened: the batch's first row where no single one is to blame.
    """

    def __init__(self, epoch: int, sample: int, lr: float) -> None:
        self.epoch, self.sample, self.lr = epoch, sample, lr
        super().__init__(
            f"training diverged in epoch {epoch}, at sample {sample} (row of X), with lr={lr:g}: the loss or a "
            "parameter was no longer finite. The net keeps its last finite parameters, which may be very large: "
            "make a new net, or set net.theta, and try a smaller lr"
        )

    def __reduce__(self) -> tuple[type, tuple[int, int, float]]:
        return type(self), (self.epoch, self.sample, self.lr)
