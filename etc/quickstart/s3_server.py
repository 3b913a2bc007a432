# SPDX-License-Identifier: Apache-2.0
"""OpenStack Swift on loopback as an S3 server:  s3_server.py DIRECTORY PORT BUCKET

One process of each of its four servers and a memcached, children of this one: when it ends, they end. Everything is in DIRECTORY; PORT 0
takes a free one. DIRECTORY/secret holds the secret key that belongs to the access key test:tester. Once the bucket is there,
DIRECTORY/ready holds the address. The machine's own Swift, if it has one, is left alone: nothing in /etc/swift is read.
"""
import ctypes
import http.client
import os
import signal
import socket
import sys
import time

SERVERS = ("account", "container", "object", "proxy")
LOCAL = "127.0.0.1"

COMMON = """[DEFAULT]
bind_ip = {local}
bind_port = {port}
workers = 0
swift_dir = {dir}
devices = {dir}/devices
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
user = {user}
log_level = WARNING
# one machine that may be busy: an answer that comes late is better than a listing without the newest
conn_timeout = 20
node_timeout = 60
container_update_timeout = 60
"""
STORE = """[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
conn_timeout = 20
node_timeout = 60
container_update_timeout = 60
"""
PROXY = """[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 20
node_timeout = 60
recoverable_node_timeout = 60
# the only node is never left out for a minute because it failed ten times, while it was still starting say
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = {local}:{memcached}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
# BUCKET.localhost is the bucket, too
storage_domain = localhost
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""
SWIFT = """[swift-hash]
swift_hash_path_suffix = loopback
swift_hash_path_prefix = loopback
[storage-policy:0]
name = Policy-0
default = yes
"""


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind((LOCAL, 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def write(path, text):
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    os.rename(path + ".new", path)


def write_settings(directory, secret, ports):
    import pwd
    values = {"dir": directory, "local": LOCAL, "secret": secret, "memcached": ports["memcached"],
              "user": pwd.getpwuid(os.geteuid()).pw_name}
    write(directory + "/swift.conf", SWIFT)
    for kind in SERVERS:
        text = COMMON + (PROXY if kind == "proxy" else STORE)
        write("%s/%s-server.conf" % (directory, kind), text.format(kind=kind, port=ports[kind], **values))


def write_rings(directory, ports):
    """One copy on one device: the ports may differ each time, what is on the device stays where it is."""
    from swift.common.ring import RingBuilder
    os.makedirs(directory + "/devices/d1", exist_ok=True)
    for kind in ("account", "container", "object"):
        builder = RingBuilder(4, 1, 0)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "ip": LOCAL, "port": ports[kind], "device": "d1", "weight": 1,
                         "replication_ip": LOCAL, "replication_port": ports[kind], "meta": ""})
        builder.rebalance()
        builder.get_ring().save("%s/%s.ring.gz" % (directory, kind))


def check_attributes(directory):
    """Swift keeps what it knows of an object in extended attributes."""
    path = directory + "/attributes"
    try:
        write(path, "")
        os.setxattr(path, "user.swift.metadata", b"x" * 500)
    except OSError as why:
        sys.exit("%s: the file system has no extended attributes of users, which Swift needs: %s" % (directory, why))
    os.unlink(path)


def end_with_parent(sign):
    ctypes.CDLL(None).prctl(1, sign)  # PR_SET_PDEATHSIG


def child(function):
    pid = os.fork()
    if pid:
        return pid
    end_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        os._exit(function() or 0)
    except SystemExit as end:
        print(end.code, file=sys.stderr)
    finally:
        os._exit(1)


def run_memcached(port):
    program = next((p for p in ("/usr/bin/memcached", "/usr/local/bin/memcached") if os.path.exists(p)), "memcached")
    os.execvp(program, [program, "-l", LOCAL, "-p", str(port), "-U", "0", "-m", "16", "-t", "1"] +
              (["-u", "root"] if os.geteuid() == 0 else []))


def run_server(directory, kind):
    from swift.common.wsgi import run_wsgi
    more = {}
    if kind == "object":
        from swift.obj import server
        more["global_conf_callback"] = server.global_conf_callback
    return run_wsgi("%s/%s-server.conf" % (directory, kind), kind + "-server", verbose=True, **more)


def ask(port, method, path, headers):
    connection = http.client.HTTPConnection(LOCAL, port, timeout=30)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def make_bucket(port, secret, bucket):
    """Through Swift's own interface: whether S3's works is for the tests to say."""
    deadline = time.time() + 60
    while True:
        try:
            token = ask(port, "GET", "/auth/v1.0", {"X-Auth-User": "test:tester", "X-Auth-Key": secret}).headers.get("X-Auth-Token")
            if token and ask(port, "PUT", "/v1/AUTH_test/" + bucket, {"X-Auth-Token": token, "Content-Length": "0"}).status in (201, 202):
                return
        except OSError:
            pass
        if time.time() > deadline:
            raise SystemExit("Swift does not make the bucket")
        time.sleep(0.1)


def say_ready(directory, port, secret, bucket):
    make_bucket(port, secret, bucket)
    write(directory + "/ready", "http://%s:%d\n" % (LOCAL, port))


def main(directory, port, bucket):
    if os.environ.get("SWIFT_OF_TEST"):
        end_with_parent(signal.SIGTERM)
    directory = os.path.realpath(directory)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if os.path.exists(directory + "/ready"):
        os.unlink(directory + "/ready")
    check_attributes(directory)
    if not os.path.exists(directory + "/secret"):
        write(directory + "/secret", os.urandom(20).hex() + "\n")
    with open(directory + "/secret") as file:
        secret = file.read().strip()
    ports = dict(zip(SERVERS + ("memcached",), free_ports(5)))
    ports["proxy"] = int(port) or ports["proxy"]
    write_settings(directory, secret, ports)
    from swift.common import utils
    utils.set_swift_dir(directory)
    write_rings(directory, ports)
    children = [child(lambda: run_memcached(ports["memcached"]))]
    for kind in SERVERS:
        children.append(child(lambda: run_server(directory, kind)))
    herald = child(lambda: say_ready(directory, ports["proxy"], secret, bucket))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            pid, status = os.wait()
            if pid != herald or status != 0:
                print("s3_server.py: process %d ended with status %d" % (pid, status), file=sys.stderr)
                return 1
    finally:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
