"""A certificate for STARTTLS, made for one run of the sandbox.

Writes two temporary files, the certificate and its key; the key is removed as soon as it is loaded.
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _write(data: bytes) -> Path:
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        file.write(data)
    return Path(file.name)


def make_certificate(host: str, begun: int = 1, days: int = 90) -> tuple[ssl.SSLContext, Path]:
    """A server context for `host` and localhost, and the file with the certificate that a client has to trust: made so
    many days ago, good for so many more."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Distributor sandbox")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=begun)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate_file = _write(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = _write(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate_file, key_file)
    finally:
        key_file.unlink()
    return context, certificate_file
