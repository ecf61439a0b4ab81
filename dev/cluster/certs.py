"""A small certificate authority: keys on curve P-256, one year, files readable by their owner."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = datetime.timedelta(days=365)
_BEFORE = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """Two PEM files: a certificate (or a public key) and its private key."""

    certificate: Path
    key: Path


def write_private(path: Path, content: bytes) -> Path:
    """Write a file that only its owner may read, whatever the umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    path.chmod(0o600)
    path.write_bytes(content)
    return path


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _name(common_name: str, organizations: Iterable[str] = ()) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, value) for value in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _VALID)
    )


@dataclass(frozen=True)
class Authority:
    """A certificate authority whose files live in one folder."""

    files: KeyPair
    _certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, common_name: str, folder: Path) -> Self:
        """Make a new authority and write ``<common_name>.crt`` and ``.key`` into ``folder``."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name)
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(_authority_usage(), critical=True)
            .sign(key, hashes.SHA256())
        )
        files = KeyPair(folder / f"{common_name}.crt", folder / f"{common_name}.key")
        write_private(files.key, _pem(key))
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(files, certificate, key)

    def issue(
        self,
        file_name: str,
        common_name: str,
        *,
        organizations: Iterable[str] = (),
        hosts: Iterable[str] = (),
    ) -> KeyPair:
        """Issue a certificate for a client and, with ``hosts``, for a server too.

        Parameters
        ----------
        file_name
            Base name of the two files, beside the authority's own.
        common_name, organizations
            What Kubernetes reads as the user and its groups.
        hosts
            DNS names and addresses of a server.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(common_name, organizations)
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(subject, self._certificate.subject, key.public_key())
        if names := [_alternative(host) for host in hosts]:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(issuer_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        folder = self.files.certificate.parent
        pair = KeyPair(folder / f"{file_name}.crt", folder / f"{file_name}.key")
        write_private(pair.key, _pem(key))
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return pair


def _authority_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def signing_key(folder: Path, file_name: str) -> KeyPair:
    """Make a bare key pair (for service-account tokens): ``.pub`` and ``.key``."""
    key = ec.generate_private_key(ec.SECP256R1())
    pair = KeyPair(folder / f"{file_name}.pub", folder / f"{file_name}.key")
    write_private(pair.key, _pem(key))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pair.certificate.write_bytes(public)
    return pair
