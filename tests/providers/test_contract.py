"""Every provider of ours keeps the contract that a stranger's is tested by."""

import imagevault_openverse
import imagevault_pexels

from imagevault.testing import Upstream
from imagevault.testing.contract import ProviderContract
from imagevault.testing.openverse import SimulatedOpenverse
from imagevault.testing.pexels import SimulatedPexels


class TestPexels(ProviderContract):
    plugin = imagevault_pexels
    settings = {"api_key": "test-key"}

    def upstream(self) -> Upstream:
        return SimulatedPexels()


class TestOpenverse(ProviderContract):
    plugin = imagevault_openverse
    hosts_of_strangers = True

    def upstream(self) -> Upstream:
        return SimulatedOpenverse()
