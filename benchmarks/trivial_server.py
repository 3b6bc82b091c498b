"""A server that costs as little as Python allows: every request gets the same 200 bytes. Prints its port.

One epoll loop, no parsing beyond the end of a request; pipelined requests are not supported. Ends with its input.
"""

from __future__ import annotations

import select
import socket
import sys

BODY = b"x" * 200
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Cache: HIT\r\nX-Content-Version: p=3\r\n"
    b"Server-Timing: cache;dur=0.1, total;dur=0.2\r\nContent-Length: 200\r\n\r\n" + BODY
)


def main() -> None:
    """Serve until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    poll.register(sys.stdin, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for number, _ in poll.poll():
            client = clients.get(number)
            if client is not None:
                try:
                    asked = client.recv(65536)
                except OSError:
                    asked = b""
                if asked:
                    client.send(ANSWER)
                else:
                    poll.unregister(client)
                    clients.pop(number).close()
            elif number == listener.fileno():
                client, _ = listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
            else:
                return


if __name__ == "__main__":
    main()
