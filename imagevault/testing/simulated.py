"""Every simulated upstream at once, to try the whole gateway with no key and no network.

    python -m imagevault.testing.simulated                 all eleven
    python -m imagevault.testing.simulated pexels met      these two

prints the variables that make a server use them, one a line as in a `.env`, and serves until it is interrupted.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial

from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.artic import SimulatedArtic
from imagevault.testing.upstreams.europeana import SimulatedEuropeana
from imagevault.testing.upstreams.flickr import SimulatedFlickr
from imagevault.testing.upstreams.met import SimulatedMet
from imagevault.testing.upstreams.nasa import SimulatedNasa
from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.pixabay import SimulatedPixabay
from imagevault.testing.upstreams.smithsonian import SimulatedSmithsonian
from imagevault.testing.upstreams.unsplash import SimulatedUnsplash
from imagevault.testing.upstreams.wikimedia import SimulatedWikimedia

SIMULATED: dict[str, Callable[..., Upstream]] = {
    "artic": SimulatedArtic,
    "europeana": SimulatedEuropeana,
    "flickr": SimulatedFlickr,
    "met": SimulatedMet,
    "nasa": SimulatedNasa,
    "openverse": SimulatedOpenverse,
    "pexels": SimulatedPexels,
    "pixabay": SimulatedPixabay,
    "smithsonian": SimulatedSmithsonian,
    "unsplash": SimulatedUnsplash,
    "wikimedia": SimulatedWikimedia,
}
FIRST_PORT = 9900


def environment(name: str, upstream: Upstream) -> dict[str, str]:
    """The variables that make a server ask this upstream, which has been started, for that provider."""
    found = {"BASE_URL": upstream.url}
    if key := getattr(upstream, "key", None):
        found["API_KEY"] = key
    if name == "wikimedia":
        found["CONTACT"] = "you@images.example"
    return {f"{name.upper()}_{field}": value for field, value in found.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted or ended."""
    parser = argparse.ArgumentParser(
        prog="python -m imagevault.testing.simulated", description="Simulated upstreams on loopback."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SIMULATED)}; all if none is named")
    parser.add_argument(
        "--port",
        type=int,
        default=FIRST_PORT,
        help="of the first, each next has the next; 0 takes free ones (%(default)s)",
    )
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(SIMULATED):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(SIMULATED)}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    punctual = partial(SimulatedMet, clock=time.monotonic)  # its firewall goes by the time
    makers: dict[str, Callable[..., Upstream]] = {**SIMULATED, "met": punctual}
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        for at, name in enumerate(given.names or SIMULATED):
            port = given.port and given.port + at
            try:
                upstream = stack.enter_context(makers[name](port=port))
            except OSError as error:
                parser.error(f"port {port} cannot be had for {name}: {error.strerror}; see --port")
            sys.stdout.writelines(f"{variable}={value}\n" for variable, value in environment(name, upstream).items())
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
