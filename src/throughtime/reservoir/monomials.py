"""The monomials of some columns, their slopes, and what they become in other units."""

from itertools import combinations_with_replacement

import numpy as np
from jaxtyping import Float, Int


def monomials(x: Float[np.ndarray, "rows columns"], order: int) -> Float[np.ndarray, "rows _"]:
    """1, then all products of 1, 2, ... `order` columns, each product once."""
    parts = [np.ones((len(x), 1))]
    for degree in range(1, order + 1):
        parts.append(x[:, _factors(x.shape[1], degree)].prod(axis=2))
    return np.concatenate(parts, axis=1)


def monomial_slopes(
    x: Float[np.ndarray, "rows columns"], order: int
) -> Float[np.ndarray, "rows _ columns"]:
    """The derivatives of `monomials` by each column."""
    parts = [np.zeros((len(x), 1, x.shape[1]))]
    for degree in range(1, order + 1):
        factors = _factors(x.shape[1], degree)
        values, products = x[:, factors], np.arange(len(factors))
        found = np.zeros((len(x), len(factors), x.shape[1]))
        for place in range(degree):
            others = np.delete(values, place, axis=2).prod(axis=2)
            found[:, products, factors[:, place]] += others
        parts.append(found)
    return np.concatenate(parts, axis=1)


def _factors(columns: int, degree: int) -> Int[np.ndarray, "products degree"]:
    """The columns that each product of that degree multiplies."""
    return np.array(list(combinations_with_replacement(range(columns), degree)))


def change_of_units(
    mean: Float[np.ndarray, " column"], scale: Float[np.ndarray, " column"], order: int
) -> Float[np.ndarray, "monomial monomial"]:
    """The matrix A for which the monomials of (x - mean)/scale are those of x, times A."""
    columns = range(len(mean))
    products = [
        factors
        for degree in range(order + 1)
        for factors in combinations_with_replacement(columns, degree)
    ]
    place = {factors: i for i, factors in enumerate(products)}
    found = np.zeros((len(products), len(products)))
    found[0, 0] = 1.0
    for factors in products[1:]:
        rest, last = found[:, place[factors[:-1]]], factors[-1]
        for k in np.flatnonzero(rest):
            longer = tuple(sorted((*products[k], last)))
            found[place[longer], place[factors]] += rest[k] / scale[last]
            found[k, place[factors]] -= rest[k] * mean[last] / scale[last]
    return found
