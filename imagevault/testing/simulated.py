"""Serves every simulated upstream, to try the whole gateway without a key and without a network.

    python -m imagevault.testing.simulated                 all of them
    python -m imagevault.testing.simulated pexels met      these two

The command prints the environment variables that make a server use them on standard output, one a line as in a `.env`
file. On standard error it says that it runs and what to do with the variables. It serves until it is interrupted.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial

from imagevault.testing.upstream import FILES_PATH, Upstream
from imagevault.testing.upstreams.artic import SimulatedArtic
from imagevault.testing.upstreams.cleveland import SimulatedCleveland
from imagevault.testing.upstreams.europeana import SimulatedEuropeana
from imagevault.testing.upstreams.flickr import SimulatedFlickr
from imagevault.testing.upstreams.met import SimulatedMet
from imagevault.testing.upstreams.nasa import SimulatedNasa
from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.pixabay import SimulatedPixabay
from imagevault.testing.upstreams.smithsonian import SimulatedSmithsonian
from imagevault.testing.upstreams.smk import SimulatedSmk
from imagevault.testing.upstreams.unsplash import SimulatedUnsplash
from imagevault.testing.upstreams.wellcome import SimulatedWellcome
from imagevault.testing.upstreams.wikimedia import SimulatedWikimedia

SIMULATED: dict[str, Callable[..., Upstream]] = {
    "artic": SimulatedArtic,
    "cleveland": SimulatedCleveland,
    "europeana": SimulatedEuropeana,
    "flickr": SimulatedFlickr,
    "met": SimulatedMet,
    "nasa": SimulatedNasa,
    "openverse": SimulatedOpenverse,
    "pexels": SimulatedPexels,
    "pixabay": SimulatedPixabay,
    "smithsonian": SimulatedSmithsonian,
    "smk": SimulatedSmk,
    "unsplash": SimulatedUnsplash,
    "wellcome": SimulatedWellcome,
    "wikimedia": SimulatedWikimedia,
}
FIRST_PORT = 9900
INSTRUCTIONS = """\
Simulating {names}. It runs until Ctrl-C, or in the background until: kill {process}
A server calls it if the variables on standard output are in its environment. Do one of these:
  * Add them to the file .env in the folder where the server starts.
  * Add > simulated.env to this command, and start the server with: env $(cat simulated.env) imagevault serve
"""


def environment(name: str, upstream: Upstream) -> dict[str, str]:
    """Return the variables that make the provider `name` use this upstream, which is started, and its files."""
    settings = {"BASE_URL": upstream.url}
    key = getattr(upstream, "key", None)
    if key:
        settings["API_KEY"] = key
    if name == "wikimedia":
        settings["CONTACT"] = "you@images.example"
    settings["FILES_PATH"] = FILES_PATH
    return {f"{name.upper()}_{setting}": value for setting, value in settings.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until it is interrupted or terminated."""
    parser = argparse.ArgumentParser(
        prog="python -m imagevault.testing.simulated", description="Simulated upstreams on loopback."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SIMULATED)}; all by default")
    parser.add_argument(
        "--port",
        type=int,
        default=FIRST_PORT,
        help="port of the first; the others take the ports after it; 0 takes free ports (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.names) - set(SIMULATED))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}: use {', '.join(SIMULATED)}")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    met_with_firewall = partial(SimulatedMet, clock=time.monotonic)
    upstreams: dict[str, Callable[..., Upstream]] = {**SIMULATED, "met": met_with_firewall}
    printed: list[str] = []
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        for position, name in enumerate(given.names or SIMULATED):
            port = given.port + position if given.port else 0
            try:
                upstream = stack.enter_context(upstreams[name](port=port))
            except OSError as error:
                parser.error(f"{name} cannot listen on port {port}: {error.strerror}; choose another with --port")
            printed += [f"{variable}={value}" for variable, value in environment(name, upstream).items()]
        sys.stdout.write("".join(f"{line}\n" for line in printed))
        sys.stdout.flush()
        names = ", ".join(given.names or SIMULATED)
        sys.stderr.write(INSTRUCTIONS.format(names=names, process=os.getpid()))
        sys.stderr.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
