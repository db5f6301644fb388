"""One thread for the linear algebra of many small steps: more would wait for each other."""

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """A context in which BLAS uses one thread."""
    return threadpool_limits(1)
