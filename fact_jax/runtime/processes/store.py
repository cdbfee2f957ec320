"""The small store of keys and values that the coordinator of `jax.distributed` keeps for all processes."""

import jax

PREFIX = "fact_jax/"
# A wait in pieces of this length, so that Python sees signals in between.
_WAIT_MS = 1000
_DAY_MS = 24 * 3600 * 1000


class Store:
    """Texts by key. What cannot be done because the coordinator is gone raises `jax.errors.JaxRuntimeError`."""

    def __init__(self, client):
        """
        Args:
          client: of the coordination service, as `jax.distributed.initialize` makes it.
        """
        self._client = client

    def set(self, key: str, text: str) -> None:
        """Writes a value, over the one before if there is one."""
        self._client.key_value_set(PREFIX + key, text, allow_overwrite=True)

    def wait_for(self, key: str) -> str:
        """Returns the value of a key, waiting until there is one."""
        while True:
            try:
                return self._client.blocking_key_value_get(PREFIX + key, _WAIT_MS)
            except jax.errors.JaxRuntimeError as error:
                if "DEADLINE_EXCEEDED" not in str(error):
                    raise

    def below(self, key: str) -> dict[str, str]:
        """Returns the values of all keys KEY/NAME by name."""
        folder = f"{PREFIX}{key}/"
        return {name.removeprefix(folder): text for name, text in self._client.key_value_dir_get(folder)}

    def meet(self, key: str) -> None:
        """Waits until every process has called this with the same key, which is used once."""
        self._client.wait_at_barrier(PREFIX + key, _DAY_MS)
