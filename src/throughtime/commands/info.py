"""The command `throughtime info`: versions, devices and native kernels."""

import json

import typer

from .options import Json


def info(as_json: Json = False) -> None:
    """Show the versions, the devices and the native kernels in use.

    Example: `throughtime info --json`
    """
    from dataclasses import asdict

    import jax

    from throughtime._support.versions import package_versions
    from throughtime.recurrence import native_kernels

    devices = [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]
    kernels = native_kernels.status()
    if as_json:
        plain = asdict(kernels) | {"path": kernels.path and str(kernels.path)}
        result = {
            "versions": package_versions(),
            "platform": jax.default_backend(),
            "devices": devices,
            "kernels": plain,
        }
        typer.echo(json.dumps(result))
        return
    for package, number in package_versions().items():
        typer.echo(f"{package:<12} {number}")
    typer.echo(f"{'platform':<12} {jax.default_backend()}")
    typer.echo(f"{'devices':<12} {', '.join(devices)}")
    typer.echo(f"{'kernels':<12} {kernels.text()}")
