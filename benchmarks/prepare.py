"""Makes everything the suite needs: the peers' venv, Debian packages, C programs, files, a key."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = HERE / "build"
PEER_VENV = HERE / ".venv"
PEER_PYTHON = PEER_VENV / "bin" / "python"
FILES = BUILD / "files"
CERT, KEY = BUILD / "chain.pem", BUILD / "chain-key.pem"
FILE_SIZES = {"1 KiB": 1 << 10, "100 KiB": 100 << 10, "10 MiB": 10 << 20}
DEBIAN_PACKAGES = {
    "dnsmasq": "dnsmasq-base",
    "dnsperf": "dnsperf",
    "gcc": "gcc",
    "knotd": "knot",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "unbound": "unbound",
    "wrk": "wrk",
}
ZONE_NAMES = 1000
_OPENSSL_HEADER, _OPENSSL_PACKAGE = Path("/usr/include/openssl/ssl.h"), "libssl-dev"
_LIBRARIES = {"tls_load": ["-lssl", "-lcrypto"]}


def prepare() -> list[str]:
    """Create what is missing. Returns a line for each thing that could not be had."""
    BUILD.mkdir(exist_ok=True)
    os.environ["PATH"] += ":/usr/sbin"  # nginx lives there; a user's PATH often lacks it
    problems = _debian_packages() + _peer_venv()
    for source in sorted((HERE / "native").glob("*.c")):
        problems += _compile(source, BUILD / source.stem)
    _make_files()
    _make_zone()
    _make_key()
    return problems


def file_name(size: str) -> str:
    """The name, below `FILES`, of the file of this size."""
    return size.replace(" ", "") + ".bin"


def _debian_packages() -> list[str]:
    missing = [p for program, p in DEBIAN_PACKAGES.items() if not shutil.which(program)]
    if not _OPENSSL_HEADER.exists():
        missing.append(_OPENSSL_PACKAGE)
    if not missing:
        return []
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        subprocess.run([*sudo, "apt-get", "update", "-q"], check=False)
        subprocess.run([*sudo, "apt-get", "install", "-qy", *missing], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return [f"Debian packages {', '.join(missing)}: {error}"]
    return []


def _peer_venv() -> list[str]:
    requirements = HERE / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    stamp = PEER_VENV / "installed"
    if stamp.exists() and stamp.read_text() == digest:
        return []
    print("installing the peers into benchmarks/.venv", file=sys.stderr)
    venv.create(PEER_VENV, with_pip=True, clear=True)
    pip = [str(PEER_PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if subprocess.run([*pip, "-r", str(requirements)], check=False).returncode == 0:
        stamp.write_text(digest)
        return []
    # One peer that does not install here must not cost us the others.
    wanted = requirements.read_text().split()
    return [
        f"{requirement}: pip could not install it"
        for requirement in wanted
        if subprocess.run([*pip, requirement], check=False).returncode != 0
    ]


def _compile(source: Path, target: Path) -> list[str]:
    newest = max(path.stat().st_mtime for path in (source, *source.parent.glob("*.h")))
    if target.exists() and target.stat().st_mtime >= newest:
        return []
    command = ["gcc", "-O2", "-Wall", "-o", str(target), str(source)]
    done = subprocess.run([*command, *_LIBRARIES.get(source.stem, [])], check=False)
    return [f"{source.name}: gcc could not compile it"] if done.returncode else []


def _make_files() -> None:
    FILES.mkdir(exist_ok=True)
    for size, length in FILE_SIZES.items():
        path = FILES / file_name(size)
        if not path.exists() or path.stat().st_size != length:
            path.write_bytes(os.urandom(length))


def zone_file(kind: str) -> Path:
    """The zone as a `toml`, `hosts`, `zone` (master file) or `unbound` file; the `queries`."""
    return BUILD / f"example.{kind}"


def _make_zone() -> None:
    """One zone of `ZONE_NAMES` names with an address each, for every server in its own form."""
    origin = "example.test"
    hosts = [(f"host{i}", f"10.0.{i >> 8}.{i & 255}") for i in range(ZONE_NAMES)]
    soa = f"ns.{origin}. hostmaster.{origin}. 1 7200 3600 1209600 300"
    lines = {
        "toml": [f'origin = "{origin}"', "[records]", f'"@" = {{ NS = "host0.{origin}" }}']
        + [f'{name} = {{ A = "{address}" }}' for name, address in hosts],
        "hosts": [f"{address} {name}.{origin}" for name, address in hosts],
        "zone": [f"{origin}. 300 IN SOA {soa}", f"{origin}. 300 IN NS host0.{origin}."]
        + [f"{name}.{origin}. 300 IN A {address}" for name, address in hosts],
        "unbound": [f'local-data: "{name}.{origin}. 300 IN A {a}"' for name, a in hosts],
        "queries": [f"{name}.{origin} A" for name, _ in hosts],
    }
    for kind, content in lines.items():
        zone_file(kind).write_text("\n".join([*content, ""]))


def _make_key() -> None:
    """A key, and its certificate with that of its issuer behind it, as real servers have it."""
    if CERT.exists() and KEY.exists():
        return
    issuer, issuer_key, leaf, request = (
        str(BUILD / name) for name in ("issuer.pem", "issuer-key.pem", "leaf.pem", "leaf.csr")
    )
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    sign = ["openssl", "x509", "-req", "-days", "3650", "-CAcreateserial"]
    for command in (
        [*new, "-x509", "-days", "3650", "-subj", "/CN=Benchmark", "-keyout", issuer_key]
        + ["-out", issuer],
        [*new, "-subj", "/CN=localhost", "-keyout", str(KEY), "-out", request],
        [*sign, "-in", request, "-CA", issuer, "-CAkey", issuer_key, "-out", leaf],
    ):
        subprocess.run(command, check=True, capture_output=True)
    CERT.write_bytes(Path(leaf).read_bytes() + Path(issuer).read_bytes())
