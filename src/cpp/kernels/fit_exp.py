"""Prints the constants of exp.hpp: fits of q(r) = (exp(r) - 1 - r) / r**2, |r| <= ln(2)/2.

The error that counts is that of exp itself, so the fit is weighted by r**2 / exp(r). It is a least
squares fit on Chebyshev nodes, which is within a factor of two of the minimax fit. The first
coefficient is held at exactly 1/2; the others are rounded to the type one after the other, from the
lowest degree up, and the rest is fitted anew each time, so that rounding one is mended by the next.

Needs mpmath and NumPy. Run: python src/cpp/kernels/fit_exp.py
"""

import mpmath as mp
import numpy as np

mp.mp.prec = 250
EDGE = mp.log(2) / 2 * (1 + mp.mpf(2) ** -10)
NODES = [EDGE * mp.cos(mp.pi * (2 * i + 1) / 400) for i in range(200)]
TARGETS = [(mp.exp(r) - 1 - r) / r**2 for r in NODES]
WEIGHTS = [r**2 / mp.exp(r) for r in NODES]


def fit(fixed: list[mp.mpf], degree: int) -> list[mp.mpf]:
    """Coefficients len(fixed)..degree of the best polynomial that begins with the fixed ones."""
    powers = range(len(fixed), degree + 1)
    rests = [t - mp.polyval(fixed[::-1], r) for r, t in zip(NODES, TARGETS, strict=True)]
    rows = mp.matrix([[w * r**n for n in powers] for r, w in zip(NODES, WEIGHTS, strict=True)])
    right = mp.matrix([w * rest for w, rest in zip(WEIGHTS, rests, strict=True)])
    return list(mp.lu_solve(rows, right))


def main() -> None:
    for name, dtype, degree, spare in (("float", np.float32, 4, 9), ("double", np.float64, 9, 11)):
        fixed = [mp.mpf("0.5")]
        while len(fixed) <= degree:
            fixed.append(mp.mpf(float(dtype(mp.nstr(fit(fixed, degree)[0], 40)))))
        errors = [
            abs(w * (t - mp.polyval(fixed[::-1], r)))
            for r, t, w in zip(NODES, TARGETS, WEIGHTS, strict=True)
        ]
        print(f"{name}: largest relative error of exp 2^{float(mp.log(max(errors), 2)):.2f}")
        print("  ", ", ".join(float(c).hex() for c in fixed))
        # ln(2) = high + low, high so short that a product with any exponent is exact.
        bits = np.finfo(dtype).nmant + 1 - spare
        high = mp.nint(mp.ldexp(mp.log(2), bits)) / mp.mpf(2) ** bits
        low = dtype(mp.nstr(mp.log(2) - high, 40))
        print("   ln2 high", float(high).hex(), "low", float(low).hex())
        print("   log2(e)", float(dtype(mp.nstr(1 / mp.log(2), 40))).hex())


if __name__ == "__main__":
    main()
