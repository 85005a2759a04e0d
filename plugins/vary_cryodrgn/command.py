"""`spa vary cryodrgn`: latents and volumes by the user's own `cryodrgn` command."""

import click

from spa.errors import UsageError
from spa.job import call, options
from spa.job.run import Run, job

OWN = {"--zdim": "--latent", "-n": "--epochs", "--num-epochs": "--epochs", "--seed": "--seed", "-o": "--outdir",
       "--outdir": "--outdir", "--poses": "the table", "--ctf": "the table"}  # fmt: skip


@click.command()
@options.star_in
@options.star_out
@options.outdir
@click.option("--latent", type=click.IntRange(1, 64), default=8, show_default=True, help="Coordinates of a particle.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=25, show_default=True,
              help="Passes over the particles.")  # fmt: skip
@click.option("--frames", type=click.IntRange(2, 50), default=5, show_default=True,
              help="Volumes along each of the first --axes axes.")  # fmt: skip
@click.option("--axes", type=click.IntRange(0, 64), default=2, show_default=True,
              help="Principal axes of the latents that volumes are made along.")  # fmt: skip
@click.option("--program", default="cryodrgn", show_default=True, metavar="COMMAND", help="How cryoDRGN is called.")
@click.option("--extra", default="", metavar="WORDS", help="More options for `cryodrgn train_vae`, as one text.")
@options.seed
@options.standard
@job("vary cryodrgn", devices="one")
def cryodrgn(
    run: Run, star: str, output: str, latent: int, epochs: int, frames: int, axes: int, program: str, extra: str,
    seed: int,
) -> None:  # fmt: skip
    """A latent space by your own cryoDRGN.

    Writes the particles as cryoDRGN takes them, runs `cryodrgn train_vae` (Zhong et al. 2021; installed by yourself,
    found on PATH) in DIR/run, and reads its latents back as columns, turned to their principal axes
    (_spaLatent1 ..., with errors and covariances), so that select latent and vary volumes go on from here.
    `cryodrgn eval_vol` makes volumes along the first axes (series01_001.mrc ...), between the 3 % and the 97 %
    quantile.  With --resume a training that has ended is not done again.  cryoDRGN takes a CUDA device where it finds
    one; with --device cpu it is shown none.

    \b
    Examples:
      spa vary cryodrgn refined.star -d Drgn --device cuda > latents.star
      spa vary cryodrgn r.star -d Drgn --latent 8 --extra "--enc-dim 256 --dec-dim 256" | spa select latent --clusters 4
    """
    import shutil

    from spa.errors import DeviceError
    from spa_plugins.vary_cryodrgn.calling import Settings, varied

    if axes > latent and call.was_given("axes"):
        raise UsageError(f"--axes {axes}: there are {latent} latents (--latent)")
    more = _words(extra)
    found = shutil.which(program)
    if found is None:
        raise DeviceError(f"no command {program} on PATH: install cryoDRGN (pip install cryodrgn, in an environment of "
                          f"its own), or name it by --program")  # fmt: skip
    settings = Settings(found, latent, epochs, frames, axes, more, seed)
    run.write(varied(run, run.read(star), settings), output)


def _words(extra: str) -> tuple[str, ...]:
    """The words of --extra; UsageError for what the job says itself: it would come to nothing after the training."""
    import shlex

    try:
        words = shlex.split(extra)
    except ValueError as error:
        raise UsageError(f"--extra {extra}: {str(error).lower()}") from None
    for word in words:
        owner = OWN.get(word.partition("=")[0])
        if owner:
            raise UsageError(f"--extra {word}: that is said by {owner}")
    return tuple(words)
