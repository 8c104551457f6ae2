"""A TCP proxy that behaves as badly as a network: cuts, refuses, swallows, delays, throttles."""

import asyncio
import threading

UP, DOWN = "up", "down"  # from the client, to the client
BOTH = frozenset((UP, DOWN))
NONE = frozenset()


class Proxy:
    """Listens on a port of its own and passes what it hears to `target` (host, port), from a thread
    of its own. What goes wrong is set by attributes, at any time, from any thread."""

    def __init__(self, target, port=0):
        self.target = target
        self.refuses = False  # new connections are closed at once
        self.swallows = NONE  # directions in which bytes disappear
        self.delay = 0.0      # seconds each piece waits
        self.rate = 0         # bytes a second and direction; 0: as fast as it goes
        self.watch = None     # called with the direction and each piece, from the proxy's thread
        self._connections = {}  # writers of a connection's two ends: directions that it has lost
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._connected, "127.0.0.1", port))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def cut(self):
        """Resets every connection."""
        self._loop.call_soon_threadsafe(self._abort)

    def forget(self):
        """What is connected now stays connected and hears nothing more: half-open, as behind a
        router that was restarted. New connections are well."""
        self._loop.call_soon_threadsafe(
            lambda: self._connections.update(dict.fromkeys(self._connections, BOTH)))

    def heal(self):
        """Good again. Connections that may have lost bytes are reset."""
        lossy = self.swallows
        self.refuses, self.swallows, self.delay, self.rate = False, NONE, 0.0, 0
        if lossy:
            self.cut()

    def stop(self):
        async def close():
            self._server.close()
            self._abort()
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _abort(self):
        for ends in self._connections:
            for end in ends:
                end.transport.abort()

    async def _connected(self, client_in, client_out):
        if self.refuses:
            client_out.transport.abort()
            return
        try:
            server_in, server_out = await asyncio.open_connection(*self.target)
        except OSError:
            client_out.transport.abort()
            return
        ends = client_out, server_out
        self._connections[ends] = NONE
        await asyncio.gather(self._pass(UP, client_in, server_out, ends),
                             self._pass(DOWN, server_in, client_out, ends))
        for end in ends:
            end.transport.abort()
        del self._connections[ends]

    async def _pass(self, direction, source, target, ends):
        try:
            while data := await source.read(65536):
                if self.watch:
                    self.watch(direction, data)
                wait = self.delay + (len(data) / self.rate if self.rate else 0)
                if wait:
                    await asyncio.sleep(wait)
                if direction in self.swallows or direction in self._connections[ends]:
                    continue
                target.write(data)
                await target.drain()
            target.close()
        except OSError:
            target.transport.abort()
