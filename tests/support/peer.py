"""The node's end of one connection, driven message by message: for what no virtual node would do."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from meshtastic.protobuf import channel_pb2, config_pb2, mesh_pb2

OWN = 0x1234
# Real seconds: only a failure waits so long
PATIENCE = 30.0


class Peer:
    """The node's end of a connection, driven message by message."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE)
        self._stream = sock.makefile("rb")
        self._sock = sock

    def send(self, **variant):
        self.send_together(mesh_pb2.FromRadio(**variant))

    def send_together(self, *messages):
        self.send_payloads(*(message.SerializeToString() for message in messages))

    def send_payloads(self, *payloads):
        self._sock.sendall(b"".join(b"\x94\xc3" + len(payload).to_bytes(2) + payload for payload in payloads))

    def want_config_id(self):
        """Return the id of the next configuration request."""
        while True:
            size = int.from_bytes(self._stream.read(4)[2:])
            message = mesh_pb2.ToRadio.FromString(self._stream.read(size))
            if message.want_config_id:
                return message.want_config_id

    def configure(self, own=OWN, version="2.7.26.abc"):
        request = self.want_config_id()
        self.send(my_info=mesh_pb2.MyNodeInfo(my_node_num=OWN))
        self.send(node_info=mesh_pb2.NodeInfo(num=own, user=mesh_pb2.User(id=f"!{own:08x}")))
        self.send(metadata=mesh_pb2.DeviceMetadata(firmware_version=version))
        self.send(config_complete_id=request)

    def configure_locked(self, own=OWN):
        """Send what firmware 2.8 sends in lockdown, up to the completion."""
        request = self.want_config_id()
        self.send(my_info=mesh_pb2.MyNodeInfo(my_node_num=own))
        self.send(metadata=mesh_pb2.DeviceMetadata())
        for _ in range(8):
            self.send(channel=channel_pb2.Channel())
        self.send(config=config_pb2.Config(security=config_pb2.Config.SecurityConfig()))
        self.send(config_complete_id=request)

    def close(self):
        self._stream.close()
        self._sock.close()


@contextmanager
def full_backlog() -> Iterator[tuple[str, int]]:
    """An address whose connections hang: its accept queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.settimeout(0)
            sock.connect_ex(server.getsockname())
        yield server.getsockname()
        for sock in waiting:
            sock.close()
