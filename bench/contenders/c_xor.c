/* Per-sample SGD of a 2-2-1 sigmoid net with binary cross-entropy, as most people would
   write it in C. orders: (epochs x n) the order of the rows in each epoch, or NULL.
   params: w1 (2 x 2, by inputs), b1 (2), w2 (2), b2. Returns the mean loss of the last
   epoch. */
#include <math.h>

static double sigmoid(double z) { return 1.0 / (1.0 + exp(-z)); }

double train(const double *X, const double *y, const long *orders, long n, long epochs,
             double lr, double *params)
{
    double w00 = params[0], w01 = params[1], w10 = params[2], w11 = params[3];
    double b0 = params[4], b1 = params[5];
    double v0 = params[6], v1 = params[7], c = params[8];
    double total = 0.0;
    for (long epoch = 0; epoch < epochs; epoch++) {
        total = 0.0;
        for (long k = 0; k < n; k++) {
            long i = orders ? orders[epoch * n + k] : k;
            double x0 = X[2 * i], x1 = X[2 * i + 1], t = y[i];
            double h0 = sigmoid(x0 * w00 + x1 * w10 + b0);
            double h1 = sigmoid(x0 * w01 + x1 * w11 + b1);
            double p = sigmoid(h0 * v0 + h1 * v1 + c);
            double d = p - t;
            double d0 = d * v0 * h0 * (1.0 - h0), d1 = d * v1 * h1 * (1.0 - h1);
            total -= log(t > 0.5 ? p : 1.0 - p);
            v0 -= lr * d * h0;
            v1 -= lr * d * h1;
            c -= lr * d;
            w00 -= lr * d0 * x0;
            w10 -= lr * d0 * x1;
            b0 -= lr * d0;
            w01 -= lr * d1 * x0;
            w11 -= lr * d1 * x1;
            b1 -= lr * d1;
        }
    }
    params[0] = w00, params[1] = w01, params[2] = w10, params[3] = w11;
    params[4] = b0, params[5] = b1, params[6] = v0, params[7] = v1, params[8] = c;
    return total / n;
}
