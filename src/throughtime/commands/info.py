"""The command `throughtime info`: what would be used here, from versions to the cache."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from .options import Json

EXTRAS = {
    "baselines": "statsforecast",
    "cuda": "jax_cuda12_plugin",
    "darts": "darts",
    "holidays": "holidays",
    "onnx": "onnx",
    "ray": "ray",
    "search": "optuna",
    "sktime": "sktime",
    "spreadsheets": "fastexcel",
}
"""The extras of a user, each with a package that tells whether it is installed."""


def info(as_json: Json = False) -> None:
    """Show what would be used here: versions, devices, kernels, precision, cache and extras.

    Example: `throughtime info --json`
    """
    from dataclasses import asdict

    import jax

    from throughtime._support.versions import package_versions
    from throughtime.recurrence import native_kernels

    devices = [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]
    platform, kernels = jax.default_backend(), native_kernels.status()
    cache = jax.config.jax_compilation_cache_dir  # pyright: ignore
    count, size = _contents(cache)
    extras = {extra: find_spec(package) is not None for extra, package in EXTRAS.items()}
    if as_json:
        plain = asdict(kernels) | {"path": kernels.path and str(kernels.path)}
        result = {
            "versions": package_versions(),
            "platform": platform,
            "devices": devices,
            "kernels": plain,
            "precision": "float32",
            "cache": {"folder": cache, "programs": count, "bytes": size},
            "extras": extras,
        }
        typer.echo(json.dumps(result))
        return
    here = [name for name, installed in extras.items() if installed]
    absent = [name for name, installed in extras.items() if not installed]
    rows: dict[str, Any] = {
        **package_versions(),
        "platform": platform,
        "devices": ", ".join(devices),
        "kernels": kernels.text() + _where_kernels_run(platform, kernels.available),
        "precision": "float32; float64 with `--dtype float64`",
        "cache": f"{cache}, {count:,} programs, {size / 2**20:.1f} MiB" if cache else "none",
        "extras": f"{', '.join(here) or 'none'}; not installed: {', '.join(absent) or 'none'}",
    }
    for name, value in rows.items():
        typer.echo(f"{name:<12} {value}")


def _where_kernels_run(platform: str, available: bool) -> str:
    """What runs the cells on a device that the kernels are not for."""
    if platform == "cpu" or not available:
        return ""
    return f" (on the CPU alone: on the {platform} every cell runs as a `jax.lax.scan`)"


def _contents(folder: str | None) -> tuple[int, int]:
    """The number of programs in the cache, and the bytes of its files."""
    if folder is None or not Path(folder).is_dir():
        return 0, 0
    files = [path for path in Path(folder).iterdir() if path.is_file()]
    return sum(p.name.endswith("-cache") for p in files), sum(p.stat().st_size for p in files)
