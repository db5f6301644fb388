"""The command `throughtime info`: versions, devices and native kernels."""

import json

import typer

from .options import Json


def info(as_json: Json = False) -> None:
    """Versions, devices and native kernels.

    Example: `throughtime info --json`
    """
    from dataclasses import asdict

    import jax

    from throughtime.recurrence import native_kernels
    from throughtime.runs.run_folder import versions

    devices = [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]
    kernels = native_kernels.status()
    if as_json:
        plain = asdict(kernels) | {"path": kernels.path and str(kernels.path)}
        found = {"versions": versions(), "platform": jax.default_backend(), "devices": devices}
        typer.echo(json.dumps(found | {"kernels": plain}))
        return
    for package, number in versions().items():
        typer.echo(f"{package:<12} {number}")
    typer.echo(f"{'platform':<12} {jax.default_backend()}")
    typer.echo(f"{'devices':<12} {', '.join(devices)}")
    typer.echo(f"{'kernels':<12} {kernels.text()}")
