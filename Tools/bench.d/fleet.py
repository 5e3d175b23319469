"""The devices: their names and tokens, what they send, and a plain client that sends it once."""
import hashlib
import json
import re
import socket

from machine import BenchError

# Devices of this model take part in the rollout; the others stay idle.
LEASED_MODEL, IDLE_MODEL = 'board-b', 'board-a'


class Fleet:
    """Devices 0 to count - 1, of which the first `leased` take part in the rollout."""

    def __init__(self, count, leased):
        self.count, self.leased = count, leased

    def name(self, number):
        return f'bench-{number:07}'

    def token(self, number):
        return hashlib.sha256(self.name(number).encode()).hexdigest()[:32]

    def table(self):
        """The registration of all devices as CSV."""
        lines = ['id,hardware,token']
        for number in range(self.count):
            model = LEASED_MODEL if number < self.leased else IDLE_MODEL
            lines.append(f'{self.name(number)},{model},{self.token(number)}')
        return '\n'.join(lines).encode()

    def path(self, number):
        return f'/DEFAULT/controller/v1/{self.name(number)}'

    def request(self, number, path=None, method='GET', body=b'', host='127.0.0.1:8080'):
        """A request as embedded clients send it."""
        lines = [
            f'{method} {path or self.path(number)} HTTP/1.1', f'Host: {host}',
            'User-Agent: libcurl/8.5.0 ddi', 'Accept: application/json',
            f'Authorization: TargetToken {self.token(number)}']
        if body:
            lines += ['Content-Type: application/json', f'Content-Length: {len(body)}']
        return ('\r\n'.join(lines) + '\r\n\r\n').encode() + body

    def attributes(self, number):
        """What a device says about itself: five attributes."""
        return json.dumps({'mode': 'replace', 'data': {
            'version': '1.4.2', 'mac': f'02:00:5e:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}'
            f':{number & 255:02x}', 'serial': f'SN-2026-{number:08}',
            'kernel': '6.6.52-rt43', 'region': 'eu-central'}}).encode()

    def progress(self, action, cnt):
        """A report on the way, 387 bytes as such reports have."""
        document = {
            'id': action, 'time': '20261121T060000',
            'status': {
                'execution': 'proceeding', 'code': 200,
                'result': {'finished': 'none', 'progress': {'cnt': cnt, 'of': 100}},
                'details': ['Installing image rootfs.ext4.zst into slot B of /dev/mmcblk0p3', '']}}
        room = 387 - len(json.dumps(document, separators=(',', ':')))
        document['status']['details'][1] = ('written and compared so far, no error; ' * 9)[:room]
        return json.dumps(document, separators=(',', ':')).encode()


class Client:
    """Sends each request once, over a few hundred connections, and expects 200 each time."""

    LANES = 256

    def __init__(self, port):
        self.lanes = [socket.create_connection(('127.0.0.1', port)) for _ in range(Client.LANES)]
        for lane in self.lanes:
            lane.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for lane in self.lanes:
            lane.close()

    def bodies(self, requests):
        """The bodies of the answers, in the order of the requests."""
        requests = list(requests)
        for start in range(0, len(requests), Client.LANES):
            batch = requests[start:start + Client.LANES]
            for lane, request in zip(self.lanes, batch):
                lane.sendall(request)
            for lane, request in zip(self.lanes, batch):
                yield self.answer(lane, request)

    def answer(self, lane, request):
        data = b''
        while True:
            more = lane.recv(65536)
            if not more:
                raise BenchError(f'connection closed after {request[:80]!r}')
            data += more
            head, divider, body = data.partition(b'\r\n\r\n')
            if not divider:
                continue
            if not head.startswith(b'HTTP/1.1 200'):
                raise BenchError(f'{request[:120]!r}: {data[:400]!r}')
            length = int(re.search(rb'(?i)content-length: *(\d+)', head)[1])
            if len(body) >= length:
                return body

    def send(self, requests):
        for _ in self.bodies(requests):
            pass
