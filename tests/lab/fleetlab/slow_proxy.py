"""The helper of the fault `slow`: a TCP proxy that gives a connection a long delay and little bandwidth.

Started as `slow_proxy PORT ADDRESS PORT LATENCY_S BYTES_PER_S MARK`. Its own connections carry the mark, so that the
rule which leads connections here lets them through.
"""

import asyncio
import socket
import sys
import time

CHUNK = 2048
CHUNKS_IN_FLIGHT = 64


async def _pump(reader, writer, latency_s, bytes_per_s):
    """Passes bytes on in one direction: each chunk arrives `latency_s` late and after those before it."""
    queue = asyncio.Queue(CHUNKS_IN_FLIGHT)

    async def deliver():
        line_free_at = 0.0
        while True:
            due, data = await queue.get()
            line_free_at = max(due, line_free_at) + len(data) / bytes_per_s
            await asyncio.sleep(line_free_at - time.monotonic())
            if not data:
                return
            writer.write(data)
            await writer.drain()

    delivery = asyncio.create_task(deliver())
    try:
        data = b"-"
        while data:
            data = await reader.read(CHUNK)
            await queue.put((time.monotonic() + latency_s, data))
        await delivery
        writer.write_eof()
    finally:
        delivery.cancel()


async def _connect(address, port, mark):
    target = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    target.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    target.setblocking(False)
    await asyncio.get_running_loop().sock_connect(target, (address, port))
    return await asyncio.open_connection(sock=target)


async def _serve(client_reader, client_writer, address, port, latency_s, bytes_per_s, mark):
    writers = [client_writer]
    try:
        host_reader, host_writer = await _connect(address, port, mark)
        writers.append(host_writer)
        await asyncio.gather(_pump(client_reader, host_writer, latency_s, bytes_per_s),
                             _pump(host_reader, client_writer, latency_s, bytes_per_s))
    except OSError:
        pass  # either side broke the connection: so does the proxy, below
    finally:
        for writer in writers:
            writer.close()


async def _main(listen_port, address, port, latency_s, bytes_per_s, mark):
    server = await asyncio.start_server(
        lambda reader, writer: _serve(reader, writer, address, port, latency_s, bytes_per_s, mark), "0.0.0.0",
        listen_port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]),
                      int(sys.argv[6])))
