/* A net of any sizes, trained in batches of any size or predicted, as most people would
   write it in C: one sample at a time, loops over the layers, sizes known at run time.
   REAL is float or double.

   params: for each layer W (n_in x n_out), then b (n_out). T: targets (n x n_out).
   hidden: 0 sigmoid, 1 tanh. loss: 0 binary cross-entropy, 1 softmax cross-entropy,
   2 mean squared error, 3 mean squared error of a sigmoid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

/* Turns the sums a of the last layer into probabilities, or leaves them as values. */
static void outputs(REAL *restrict a, long n, long loss)
{
    if (loss == 0 || loss == 3)
        for (long j = 0; j < n; j++) a[j] = 1 / (1 + exp(-a[j]));
    if (loss == 1) {
        REAL most = a[0], sum = 0;
        for (long j = 1; j < n; j++) most = a[j] > most ? a[j] : most;
        for (long j = 0; j < n; j++) a[j] = exp(a[j] - most);
        for (long j = 0; j < n; j++) sum += a[j];
        for (long j = 0; j < n; j++) a[j] /= sum;
    }
}

/* a: the units of all layers one after the other, the inputs first. */
static void forward(REAL *a, const REAL *params, long layers, const long *sizes,
                    long hidden, long loss)
{
    for (long l = 0; l < layers; l++) {
        long n_in = sizes[l], n_out = sizes[l + 1];
        const REAL *restrict W = params, *restrict b = params + n_in * n_out;
        const REAL *restrict x = a;
        REAL *restrict z = a + n_in;
        for (long j = 0; j < n_out; j++) z[j] = b[j];
        for (long i = 0; i < n_in; i++)
            for (long j = 0; j < n_out; j++) z[j] += x[i] * W[i * n_out + j];
        if (l == layers - 1)
            outputs(z, n_out, loss);
        else if (hidden == 0)
            for (long j = 0; j < n_out; j++) z[j] = 1 / (1 + exp(-z[j]));
        else
            for (long j = 0; j < n_out; j++) z[j] = tanh(z[j]);
        a += n_in;
        params += (n_in + 1) * n_out;
    }
}

/* Adds scale x gradient to `into`, which may be the parameters themselves.
   d: laid out like a; the caller fills in the gradient of the last layer's sums. */
static void backward(REAL *into, REAL scale, const REAL *a, REAL *d, const REAL *params,
                     long layers, const long *sizes, long hidden)
{
    for (long l = 0; l < layers; l++) {
        a += sizes[l], d += sizes[l];
        into += (sizes[l] + 1) * sizes[l + 1], params += (sizes[l] + 1) * sizes[l + 1];
    }
    for (long l = layers - 1; l >= 0; l--) {
        long n_in = sizes[l], n_out = sizes[l + 1];
        const REAL *dz = d;
        a -= n_in, d -= n_in, into -= (n_in + 1) * n_out, params -= (n_in + 1) * n_out;
        if (l > 0)
            for (long i = 0; i < n_in; i++) {
                REAL sum = 0;
                for (long j = 0; j < n_out; j++) sum += params[i * n_out + j] * dz[j];
                d[i] = sum * (hidden == 0 ? a[i] * (1 - a[i]) : 1 - a[i] * a[i]);
            }
        REAL *restrict dW = into, *restrict db = into + n_in * n_out;
        for (long i = 0; i < n_in; i++)
            for (long j = 0; j < n_out; j++) dW[i * n_out + j] += scale * a[i] * dz[j];
        for (long j = 0; j < n_out; j++) db[j] += scale * dz[j];
    }
}

/* Trains for a number of epochs; returns the mean loss of the last one.
   orders: (epochs x n) the order of the rows in each epoch, or NULL. */
double train(const REAL *X, const REAL *T, const long *orders, long n, long layers,
             const long *sizes, long hidden, long loss, long adam, double lr,
             long batch_size, long epochs, REAL *params)
{
    long units = sizes[0], n_params = 0, n_in = sizes[0], n_out = sizes[layers];
    for (long l = 0; l < layers; l++)
        units += sizes[l + 1], n_params += (sizes[l] + 1) * sizes[l + 1];
    REAL *a = calloc(2 * units + 3 * n_params, sizeof(REAL));
    REAL *d = a + units, *gradient = d + units;
    REAL *m = gradient + n_params, *v = m + n_params;
    REAL *last = a + units - n_out, *d_last = d + units - n_out;
    int in_place = batch_size == 1 && !adam; /* needs no gradient buffer */
    double total = 0, power1 = 1, power2 = 1;
    for (long epoch = 0; epoch < epochs; epoch++) {
        total = 0;
        for (long start = 0; start < n; start += batch_size) {
            long stop = start + batch_size < n ? start + batch_size : n;
            REAL scale = in_place ? -lr : (REAL)1 / (stop - start);
            for (long r = start; r < stop; r++) {
                long i = orders ? orders[epoch * n + r] : r;
                const REAL *t = T + i * n_out;
                memcpy(a, X + i * n_in, n_in * sizeof(REAL));
                forward(a, params, layers, sizes, hidden, loss);
                for (long j = 0; j < n_out; j++) {
                    d_last[j] = last[j] - t[j];
                    if (loss == 0) total -= log(t[j] > 0 ? last[j] : 1 - last[j]);
                    if (loss == 1 && t[j] > 0) total -= log(last[j]);
                    if (loss >= 2) {
                        total += d_last[j] * d_last[j] / n_out;
                        d_last[j] *= (REAL)2 / n_out;
                    }
                    if (loss == 3) d_last[j] *= last[j] * (1 - last[j]);
                }
                backward(in_place ? params : gradient, scale, a, d, params, layers,
                         sizes, hidden);
            }
            if (in_place) continue;
            if (adam) {
                power1 *= 0.9, power2 *= 0.999;
                REAL rate = lr / (1 - power1), undo = 1 / (1 - power2);
                for (long k = 0; k < n_params; k++) {
                    m[k] = (REAL)0.9 * m[k] + (REAL)0.1 * gradient[k];
                    v[k] = (REAL)0.999 * v[k] + (REAL)0.001 * gradient[k] * gradient[k];
                    params[k] -= rate * m[k] / (sqrt(v[k] * undo) + (REAL)1e-8);
                    gradient[k] = 0;
                }
            } else
                for (long k = 0; k < n_params; k++)
                    params[k] -= (REAL)lr * gradient[k], gradient[k] = 0;
        }
    }
    free(a);
    return total / n;
}

/* Trains nets one after the other, with one row of params each; returns the sum of
   their losses. */
double train_all(const REAL *X, const REAL *T, const long *orders, long n, long layers,
                 const long *sizes, long hidden, long loss, long adam, double lr,
                 long batch_size, long epochs, long nets, long n_params, REAL *params)
{
    double total = 0;
    for (long i = 0; i < nets; i++)
        total += train(X, T, orders, n, layers, sizes, hidden, loss, adam, lr,
                       batch_size, epochs, params + i * n_params);
    return total;
}

/* Fills out (n x n_out) with the predictions of the rows. */
void predict(const REAL *X, long n, long layers, const long *sizes, long hidden,
             long loss, const REAL *params, REAL *out)
{
    long units = sizes[0], n_in = sizes[0], n_out = sizes[layers];
    for (long l = 0; l < layers; l++) units += sizes[l + 1];
    REAL *a = calloc(units, sizeof(REAL));
    for (long r = 0; r < n; r++) {
        memcpy(a, X + r * n_in, n_in * sizeof(REAL));
        forward(a, params, layers, sizes, hidden, loss);
        memcpy(out + r * n_out, a + units - n_out, n_out * sizeof(REAL));
    }
    free(a);
}
