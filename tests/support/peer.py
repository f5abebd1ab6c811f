"""The node's end of one connection, driven message by message: for what no virtual node would do."""

from meshtastic.protobuf import mesh_pb2

OWN = 0x1234
PATIENCE = 30.0  # real seconds: only a failure waits so long


class Peer:
    """The node's end of a connection, driven message by message."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE)
        self._stream = sock.makefile("rb")
        self._sock = sock

    def send(self, **variant):
        self.send_together(mesh_pb2.FromRadio(**variant))

    def send_together(self, *messages):
        payloads = [message.SerializeToString() for message in messages]
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

    def close(self):
        self._stream.close()
        self._sock.close()
