"""Writes pairs of sympy srepr and str for the tests of expc-symbolic.

    python tools/make_symbolic_cases.py [COUNT] [SEED] > dialects/symbolic/tests/data/cases.tsv

Each line holds, separated by tabs: the srepr of an expression, the str of the expression that it evaluates to, and that
expression's srepr. Random expressions use torch's function classes over the symbols that torch.export makes.
"""

import random
import re
import signal
import sys

import sympy
from torch.utils._sympy import functions as F
from torch.utils._sympy.numbers import int_oo

S0, S1, S77 = (sympy.Symbol(n, positive=True, integer=True) for n in ("s0", "s1", "s77"))
U0, U1 = (sympy.Symbol(n, integer=True) for n in ("u0", "u1"))
N0 = sympy.Symbol("n0", integer=True, nonnegative=True)
ZF = sympy.Symbol("zf0", real=True)
SYMBOLS = [S0, S0, S1, S77, U0, U1, N0]
UNARY = [
    n for n in dir(F) if n.startswith("OpaqueUnaryFn_")
]
NAMESPACE = {
    **{n: getattr(F, n) for n in F.__all__ + ["Max", "Min"] + UNARY},
    **{n: getattr(F, n) for n in dir(F) if n.startswith("BitwiseFn_")},
    "int_oo": int_oo,
}


def integer(rng, depth):
    """A random integer expression."""
    if depth == 0 or rng.random() < 0.15:
        if rng.random() < 0.3:
            return sympy.Integer(rng.choice([-7, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 64, 2**40]))
        return rng.choice(SYMBOLS)
    sub = lambda: integer(rng, depth - 1)  # noqa: E731
    kind = rng.random()
    if kind < 0.25:
        return sympy.Add(*[sub() for _ in range(rng.randint(2, 4))])
    if kind < 0.5:
        return sympy.Mul(*[sub() for _ in range(rng.randint(2, 3))])
    if kind < 0.55:
        return sympy.Pow(sub(), rng.randint(0, 3))
    if kind < 0.67:
        return rng.choice([F.FloorDiv, F.FloorDiv, F.CleanDiv])(sub(), rng.choice([sub(), sympy.Integer(rng.randint(1, 9))]))
    if kind < 0.75:
        return rng.choice([F.Mod, F.PythonMod])(sub(), rng.choice([sub(), sympy.Integer(rng.randint(1, 9))]))
    if kind < 0.85:
        return rng.choice([F.Max, F.Min])(*[sub() for _ in range(rng.randint(2, 3))])
    pick = rng.randint(0, 9)
    if pick == 0:
        return F.Where(boolean(rng, depth - 1), sub(), sub())
    if pick == 1:
        return F.LShift(sub(), sympy.Integer(rng.randint(0, 3)))
    if pick == 2:
        return F.RShift(sub(), sympy.Integer(rng.randint(0, 3)))
    if pick == 3:
        return F.PowByNatural(sub(), rng.choice([sub(), sympy.Integer(rng.randint(0, 4))]))
    if pick == 4:
        return sympy.Abs(sub())
    if pick == 5:
        return rng.choice([F.CeilToInt, F.FloorToInt, F.TruncToInt, F.RoundToInt])(real(rng, depth - 1))
    if pick == 6:
        return rng.choice([F.BitwiseFn_bitwise_and, F.BitwiseFn_bitwise_or])(sub(), sub())
    if pick == 7:
        return F.Identity(sub())
    if pick == 8:
        return F.ModularIndexing(sub(), sympy.Integer(rng.randint(1, 5)), sympy.Integer(rng.randint(2, 5)))
    return rng.choice([sympy.floor, sympy.ceiling])(sub() / rng.randint(2, 4))


def real(rng, depth):
    """A random real expression."""
    if depth <= 0 or rng.random() < 0.15:
        return rng.choice([ZF, sympy.Float(rng.choice([0.5, 1.5, -2.25, 0.1, 1e20, 3.14159e-9, 2.0])), F.ToFloat(rng.choice(SYMBOLS))])
    sub = lambda: real(rng, depth - 1)  # noqa: E731
    kind = rng.randint(0, 8)
    if kind == 0:
        return sub() + sub()
    if kind == 1:
        return sub() * sub()
    if kind == 2:
        return F.FloatTrueDiv(sub(), sub())
    if kind == 3:
        return F.IntTrueDiv(integer(rng, depth - 1), integer(rng, depth - 1))
    if kind == 4:
        return F.FloatPow(sub(), sub())
    if kind == 5:
        return getattr(F, rng.choice(UNARY))(sub())
    if kind == 6:
        return F.RoundDecimal(sub(), sympy.Integer(rng.randint(0, 3)))
    if kind == 7:
        return F.TruncToFloat(sub())
    return integer(rng, depth - 1) / sympy.Integer(rng.randint(1, 4))


def boolean(rng, depth):
    """A random truth value."""
    kind = rng.random()
    if depth <= 0 or kind < 0.7:
        cls = rng.choice([sympy.Eq, sympy.Ne, sympy.Lt, sympy.Le, sympy.Gt, sympy.Ge])
        make = integer if rng.random() < 0.85 else real
        return cls(make(rng, max(depth - 1, 0)), make(rng, max(depth - 1, 0)))
    sub = lambda: boolean(rng, depth - 1)  # noqa: E731
    if kind < 0.8:
        return sympy.And(sub(), sub())
    if kind < 0.9:
        return sympy.Or(sub(), sub())
    return sympy.Not(sub())


def give_up(signum, frame):
    raise TimeoutError


def cases(count, seed):
    signal.signal(signal.SIGALRM, give_up)
    rng = random.Random(seed)
    seen = set()
    while len(seen) < count:
        depth = rng.choice([1, 2, 2, 3, 3, 4])
        signal.alarm(5)  # sympy never comes back from a few
        try:
            expr = rng.choice([integer, integer, integer, boolean, real])(rng, depth)
            text = sympy.srepr(expr)
            evaluated = sympy.sympify(text, locals=NAMESPACE)
            result = str(evaluated), sympy.srepr(evaluated)
        except Exception:  # torch and sympy refuse some random expressions
            continue
        unfit = r"zoo|nan|ImaginaryUnit|\b(sign|re|im|frac|arg|log)\("
        if text in seen or re.search(unfit, text + result[0] + result[1]):
            continue
        # Integers have 128 bits and floats 64 in expc.
        if re.search(r"\d{39}|e\+\d{3}", text + result[1]):
            continue
        if len(text) > 600 or "precision=" in result[1].replace("precision=53", ""):
            continue
        seen.add(text)
        yield text, *result


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for row in cases(count, seed):
        print("\t".join(row))
