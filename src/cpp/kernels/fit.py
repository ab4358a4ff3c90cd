"""Prints the constants of exp.hpp and of its neighbours: polynomials, fitted and rounded.

Each is a least squares fit on Chebyshev nodes, weighted so that the error that counts is the
relative one of the function that it serves; that is within a factor of two of the minimax fit.
Coefficients may be given; the others are rounded to the type one after the other, from the lowest
degree up, and the rest is fitted anew each time, so that rounding one is mended by the next.

Needs mpmath and NumPy. Run: python src/cpp/kernels/fit.py
"""

from collections.abc import Callable

import mpmath as mp
import numpy as np

mp.mp.prec = 250
Function = Callable[[mp.mpf], mp.mpf]
NODES = 200


def rounded(value: mp.mpf, dtype: type) -> mp.mpf:
    return mp.mpf(float(dtype(mp.nstr(value, 40))))


def lowest_coefficient(
    fixed: list[mp.mpf], degree: int, nodes: list[mp.mpf], targets: list[mp.mpf], w: list[mp.mpf]
) -> mp.mpf:
    """Of the best polynomial that begins with the fixed ones, the coefficient that comes next."""
    powers = range(len(fixed), degree + 1)
    rests = [
        t - mp.polyval(fixed[::-1], x) if fixed else t for x, t in zip(nodes, targets, strict=True)
    ]
    rows = mp.matrix([[a * x**n for n in powers] for x, a in zip(nodes, w, strict=True)])
    return mp.lu_solve(rows, mp.matrix([a * rest for a, rest in zip(w, rests, strict=True)]))[0]


def fit(
    name: str,
    dtype: type,
    degree: int,
    function: Function,
    weight: Function,
    low: mp.mpf,
    high: mp.mpf,
    given: tuple[mp.mpf, ...] = (),
) -> None:
    """Print a polynomial near the function on [low, high], and its largest weighted error."""
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle + half * mp.cos(mp.pi * (2 * i + 1) / (2 * NODES)) for i in range(NODES)]
    targets, weights = [function(x) for x in nodes], [weight(x) for x in nodes]
    fixed = list(given)
    while len(fixed) <= degree:
        fixed.append(rounded(lowest_coefficient(fixed, degree, nodes, targets, weights), dtype))
    errors = [
        abs(w * (t - mp.polyval(fixed[::-1], x)))
        for x, t, w in zip(nodes, targets, weights, strict=True)
    ]
    print(f"{name}, {dtype.__name__}: largest relative error 2^{float(mp.log(max(errors), 2)):.2f}")
    print("  ", ", ".join(float(c).hex() for c in fixed))


def split(name: str, value: mp.mpf, dtype: type, spare: int = 0) -> None:
    """Print the value as a sum of two numbers, the first with spare zero bits at its end."""
    bits = np.finfo(dtype).nmant + 1 - spare
    scale = mp.mpf(2) ** (bits - 1 - mp.floor(mp.log(value, 2)))
    high = mp.nint(value * scale) / scale
    print(f"   {name}", float(high).hex(), float(rounded(value - high, dtype)).hex())


def exponential(dtype: type, degree: int, spare: int) -> None:
    """q of exp(r) = 1 + r + r^2 q(r)."""
    edge = mp.log(2) / 2 * (1 + mp.mpf(2) ** -10)
    fit(
        "exp",
        dtype,
        degree,
        lambda r: (mp.exp(r) - 1 - r) / r**2,
        lambda r: r**2 / mp.exp(r),
        -edge,
        edge,
        (mp.mpf("0.5"),),
    )
    # The high part so short that a product with any exponent is exact.
    split("ln(2)", mp.log(2), dtype, spare)
    print("   log2(e)", float(rounded(1 / mp.log(2), dtype)).hex())


def tangent(dtype: type, degree: int) -> None:
    """p of tanh(x) = x + x^3 p(x^2) below 0.55."""
    fit(
        "tanh",
        dtype,
        degree,
        lambda z: (mp.tanh(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3,
        lambda z: z,
        mp.mpf(0),
        mp.mpf("0.55") ** 2,
    )


def logarithm(dtype: type, degree: int) -> None:
    """p of log(1 + f) = f + f^2 p(f)."""
    fit(
        "log1p",
        dtype,
        degree,
        lambda f: (mp.log1p(f) - f) / f**2,
        lambda f: f**2 / mp.log1p(f),
        mp.mpf(-0.29),
        mp.mpf(0.42),
        (mp.mpf(-0.5),),
    )
    split("ln(2)", mp.log(2), dtype)


def normal(dtype: type, degree: int, far: float, m: float) -> None:
    """M of Phi(-z) = exp(-z^2 / 2) M(t) / (1 + z), with t = a z / (z + m) - 1 in [-1, 1]."""
    a = rounded(2 * (mp.mpf(far) + mp.mpf(m)) / mp.mpf(far), dtype)
    print("   normal: a", float(a).hex())

    def factor(t: mp.mpf) -> mp.mpf:
        z = m * (t + 1) / (a - (t + 1))
        return mp.erfc(z / mp.sqrt(2)) / 2 * mp.exp(z * z / 2) * (1 + z)

    low, high = mp.mpf(-1), mp.mpf(1)
    fit("normal", dtype, degree, factor, lambda t: 1 / factor(t), low, high)


def main() -> None:
    single, double = np.float32, np.float64
    exponential(single, 4, 9)
    exponential(double, 9, 11)
    tangent(single, 4)
    tangent(double, 10)
    logarithm(single, 9)
    logarithm(double, 20)
    normal(single, 10, 14.5, 4.0)
    normal(double, 22, 39.0, 5.375)
    for dtype, spare in ((single, 4), (double, 6)):
        split("2 sqrt(2 / pi)", 2 * mp.sqrt(2 / mp.pi), dtype, spare)
        split("0.044715 of it", 2 * mp.sqrt(2 / mp.pi) * mp.mpf("0.044715"), dtype)


if __name__ == "__main__":
    main()
