"""Pass TCP on with a delay, so that round trips can be counted: delay_proxy LISTEN TARGET ROUND_TRIP_S NEAR:FAR ...

It prints its near ports once it is ready; for 0 it takes any.

Loopback shakes hands at once, so what a client sends first waits one round trip longer: the one that its SYN and the
answer to it would take.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float, first_s: float) -> None:
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)

    arriving = asyncio.create_task(arrive())
    earliest = loop.time() + first_s
    data = b"-"
    while data:
        with contextlib.suppress(OSError):
            data = b""
            data = await reader.read(65536)
        under_way.put_nowait((max(earliest, loop.time() + delay_s), data))
    await arriving


def _handler(
    target: str, port: int, round_trip_s: float
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    one_way_s = round_trip_s / 2

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(target, port)
        await asyncio.gather(
            _pass_on(reader, far_writer, one_way_s, round_trip_s + one_way_s),
            _pass_on(far_reader, writer, one_way_s, 0.0),
        )

    return handle


async def _main(listen: str, target: str, round_trip_s: str, *pairs: str) -> None:
    servers = []
    for near, far in (pair.split(":") for pair in pairs):
        handler = _handler(target, int(far), float(round_trip_s))
        servers.append(await asyncio.start_server(handler, listen, int(near)))
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)  # noqa: T201 - it says so
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
