"""`spa pick sample`: the face. It names the job, and imports nothing else."""

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs():
    return [Job("pick sample", "Pick dark spots of one size.", "spa_pick_sample.command:sample")]
