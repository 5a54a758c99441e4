"""A Nix store of its own in a run's directory: no daemon, no sandbox, no network, nobody else's store."""

from row import run


class Nix:
    def __init__(self, directory):
        self.store = directory / "nix" / "store"
        state = directory / "nix" / "var"
        self.environment = {
            "NIX_STORE_DIR": self.store,
            "NIX_STATE_DIR": state,
            "NIX_LOG_DIR": state / "log",
            "NIX_CONF_DIR": directory / "nix" / "etc",
            "NIX_REMOTE": "local",
            "HOME": directory,
            "NIX_CONFIG": "sandbox = false\nbuild-users-group =\nsubstituters =\nexperimental-features = nix-command\n",
        }

    def run(self, *command, **options):
        import os

        environment = {**os.environ, **{key: str(value) for key, value in self.environment.items()}}
        return run(*command, env=environment, **options)
