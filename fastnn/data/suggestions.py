"""Suggestions for names that fastnn does not have: misspelt, or another library's."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from inspect import CO_VARKEYWORDS
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

# Arguments by the words of scikit-learn, Keras, PyTorch, JAX and others, without case
# and underscores.
_ARGUMENTS = {
    "lr": "learningrate learningrateinit stepsize eta eta0 rate",
    "epochs": "nepochs numepochs nbepoch maxepochs maxiter niter iterations "
    "numiterations steps maxsteps",
    "progress": "verbose verbosity silent quiet disp",
    "seed": "randomstate randomseed rng generator key",
    "seeds": "nnets nruns nseeds restarts randomstates",
    "batch_size": "batch minibatch minibatchsize bs",
    "optimizer": "solver optim optimiser algorithm",
    "n_jobs": "nworkers numworkers nthreads numthreads threads workers jobs cores",
    "loss": "criterion objective lossfunction lossfn cost costfunction",
    "activation": "nonlinearity act activationfunction transferfunction",
    "init": "initializer weightinit weightinitializer kernelinitializer",
    "dtype": "precision floatx",
    "reduction": "reduce aggregate average sizeaverage",
    "weight_decay": "l2 l2reg reg alpha regularization lambda decay",
    "momentum": "mu",
    "nesterov": "nesterovsmomentum usenesterov",
    "eps": "epsilon",
    "beta1": "betas",
    "record": "recordevery logevery snapshots",
    "stop_below": "tol goal target targetloss",
    "classes": "classlabels labels",
    "sample_weight": "weights sampleweights rowweights importance",
    "class_weight": "classweights",
    "X_val": "xvalid xtest",
    "y_val": "yvalid ytest",
    "early_stopping": "patience niternochange earlystop earlystoppingrounds",
    "on_epoch": "callbacks callback onepochend onepochcallback",
    "X": "data inputs features samples xtrain",
    "y": "targets target labels ytrain ytrue outputs",
    "n_in": "infeatures inputdim inputsize fanin",
    "n_out": "outfeatures outputdim units fanout",
    "path": "filename file filepath fname",
    "ax": "axes axis",
    "resolution": "gridsize gridpoints",
    "n": "nsamples npoints size",
}
# What to do where a function takes X_val and y_val.
_VALIDATE = {
    "use X_val= and y_val=": "validationdata validation evalset",
    "divide the rows yourself, and use X_val= and y_val=": "validationsplit "
    "validationfraction",
}
# What to do where no argument of the function does it.
_IN_PARTS = "fit in parts, and call net.score(X_val, y_val) after each"
_REMEDIES = {
    _IN_PARTS: "validationdata validationsplit validationfraction evalset xval yval "
    "earlystopping patience niternochange callbacks callback onepoch",
    "pass lr=fastnn.schedules.cosine(0.1, epochs=100), or any function of the epoch": ""
    "scheduler lrscheduler learningrateschedule schedule",
    "the history that fit returns has loss and accuracy": "metrics",
    "pass the sizes of all layers one by one, as in mlp(2, 3, 1)": "hiddenlayersizes "
    "hidden hiddensizes layersizes sizes layers units hiddenlayers neurons",
    "pass it to the optimizer, as in optimizer=fastnn.SGD(0.1, momentum=0.9)": "l2 "
    "weightdecay momentum nesterov nesterovsmomentum mu biaslr alpha decay",
    "pass it to the optimizer, as in optimizer=fastnn.Adam(0.01, beta1=0.9)": "betas "
    "beta1 beta2 eps epsilon amsgrad",
    "Affine has a bias, MatMul has none": "bias usebias",
    "fit always goes on from the present parameters": "warmstart",
}
# Values of arguments by other libraries' words for the same; after ~ those of what
# comes nearest to something that fastnn does not have.
_VALUES = {
    "softmax_ce": "ce crossentropy crossentropyloss categoricalcrossentropy nllloss "
    "nll sparsecategoricalcrossentropy softmax softmaxcrossentropy multinomial ~kl "
    "softmaxcrossentropywithlogits sparsesoftmaxcrossentropywithlogits softlabels "
    "labelsmoothing ~kldiv",
    "bce": "crossentropy binarycrossentropy bceloss bcewithlogits bcewithlogitsloss "
    "logloss logistic logisticloss sigmoidcrossentropy multilabel binary "
    "multilabelsoftmargin multilabelsoftmarginloss ~hinge ~hingeloss",
    "poisson": "poissonloss poissonnll poissonnllloss poissondeviance count counts "
    "countpoisson ~gamma ~tweedie ~negativebinomial",
    "mse": "mseloss meansquarederror squarederror squaredloss squared l2 l2loss "
    "quadratic leastsquares ~mae ~l1 ~l1loss ~meanabsoluteerror ~absoluteerror ~huber "
    "~huberloss ~smoothl1 ~smoothl1loss ~logcosh ~rmse",
    "sigmoid": "logistic logsig expit ~hardsigmoid",
    "tanh": "tansig hyperbolictangent ~hardtanh ~softsign",
    "relu": "rectifier rectifiedlinear ~relu6 ~leakyrelu ~prelu ~elu ~selu ~gelu "
    "~swish ~silu ~mish ~softplus",
    "identity": "linear none nonetype purelin",
    "sgd": "gd gradientdescent ~momentum ~nesterov",
    "adam": "~adamax ~nadam ~adagrad ~adadelta ~lbfgs ~bfgs ~lion",
    "mean": "average avg elementwisemean",
    "sum": "total",
    "float32": "single fp32 f32 ~half ~float16 ~fp16 ~bfloat16",
    "float64": "double fp64 f64 float",
    "xavier": "glorot glorotuniform xavieruniform ~glorotnormal ~xaviernormal ~lecun",
    "he": "kaiming kaimingnormal henormal ~kaiminguniform ~heuniform",
    "normal(std)": "gaussian randomnormal randn normal ~truncatednormal",
    "uniform(low, high)": "uniform randomuniform rand random",
    "zeros": "zero",
    "specialised": "specialized",
}


def suggests_arguments(function: F) -> F:
    """Make the error for an unknown keyword name the argument that was meant.

    A call that succeeds costs 0.1 us more. The signature is that of the function.
    """

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:
            name = function.__qualname__
            if function.__name__ == "__init__":
                name = type(args[0]).__name__
            if not (hints := argument_hints(name, function, kwargs)):
                raise
        raise TypeError(hints)

    return cast(F, checked)


def argument_hints(
    name: str, function: Callable[..., Any], keywords: Iterable[str]
) -> str:
    """Return what is wrong with keywords that a function does not take, or ""."""
    arguments = _arguments(function)
    if arguments is None or all(word in arguments for word in keywords):
        return ""
    taken = [word for word in arguments if word != "self"]
    return "; ".join(
        f"{name}() has no argument {word!r}{_argument_hint(word, taken)}"
        for word in keywords
        if word not in taken
    )


@lru_cache
def _arguments(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """Return the names of a function's arguments; None if it takes any keyword."""
    code = function.__code__
    if code.co_flags & CO_VARKEYWORDS:
        return None
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def value_hint(value: Any, options: Iterable[str]) -> str:
    """Return how to go on after a value that is none of the options.

    >>> value_hint("ReLU ", ["sigmoid", "relu"])
    ": use 'relu'"
    >>> value_hint("swish", ["sigmoid", "relu"])
    "; fastnn has no 'swish', the nearest is 'relu'"
    """
    if not isinstance(value, str):  # a class, a function or an object
        value = getattr(value, "__name__", type(value).__name__)
    word, allowed = _plain(value), list(options)
    same = [ours for ours in allowed if word in _VALUES.get(ours, "").split()]
    same = [ours for ours in allowed if word == _plain(ours)] or same
    if same:
        return f": use {' or '.join(map(repr, same))}"
    for ours in allowed:
        if f"~{word}" in _VALUES.get(ours, "").split():
            return f"; fastnn has no {value!r}, the nearest is {ours!r}"
    near = _nearest(word, allowed)
    return f": did you mean {near!r}?" if near else ""


def _argument_hint(word: str, arguments: list[str]) -> str:
    plain = _plain(word)
    for ours in arguments:
        if plain in _ARGUMENTS.get(ours, "").split() or plain == _plain(ours):
            return f": use {ours}="
    remedies = _VALIDATE | _REMEDIES if "X_val" in arguments else _REMEDIES
    for remedy, words in remedies.items():
        if plain in words.split():
            return f": {remedy}"
    if near := _nearest(plain, arguments):
        return f": did you mean {near}=?"
    return f": it takes {', '.join(arguments)}"


def _plain(word: str) -> str:
    return re.sub(r"[\W_]", "", word).lower()


def _nearest(word: str, options: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # a millisecond that only errors need

    by_plain = {_plain(option): option for option in options}
    close = get_close_matches(word, by_plain, 1, 0.7)
    return by_plain[close[0]] if close else None
