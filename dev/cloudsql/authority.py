"""The certificate authority of one instance: its server certificate and ephemeral client ones."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dev.cloudsql.instance import Instance

Clock = Callable[[], dt.datetime]
_YEARS = dt.timedelta(days=3650)
# Clocks of two machines differ; a certificate that is not valid yet would be refused.
_BACKDATE = dt.timedelta(minutes=5)


def utc_now() -> dt.datetime:
    """The wall clock, with its zone."""
    return dt.datetime.now(dt.UTC)


class BadPublicKeyError(ValueError):
    """The public key in a certificate request cannot be read."""


def read_public_key(pem: str) -> rsa.RSAPublicKey:
    """Read the key that the proxy sends.

    It is a PKIX key under the label ``RSA PUBLIC KEY``, which by the label would be PKCS #1, so
    the label is put right before parsing.

    Raises:
        BadPublicKeyError: Not an RSA public key.
    """
    relabelled = pem.replace("RSA PUBLIC KEY", "PUBLIC KEY")
    try:
        key = serialization.load_pem_public_key(relabelled.encode())
    except (ValueError, TypeError) as error:
        raise BadPublicKeyError("public_key is not a PEM public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadPublicKeyError("public_key is not an RSA key")
    return key


@dataclass(frozen=True)
class Authority:
    """Signs for one instance.

    Attributes:
        instance: The instance whose name the server certificate carries.
        key: Private key of the authority.
        certificate: Its self-signed certificate, ``serverCaCert`` in the settings.
        clock: Gives the time from which certificates are valid.
    """

    instance: Instance
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    clock: Clock

    @classmethod
    def create(cls, instance: Instance, clock: Clock = utc_now) -> Authority:
        """Make a new authority in memory."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Cloud SQL stand-in CA for {instance.connection_name}"[:64])
        now = clock()
        certificate = (
            _builder(name, name, key.public_key(), now - _BACKDATE, now + _YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(instance, key, certificate, clock)

    @classmethod
    def load_or_create(
        cls, instance: Instance, directory: Path, clock: Clock = utc_now
    ) -> Authority:
        """Keep the authority in ``directory`` so that a restart does not change it."""
        key_file, certificate_file = directory / "ca.key", directory / "ca.pem"
        if key_file.exists() and certificate_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError(f"{key_file} holds no EC key: delete {directory} and start again")
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            return cls(instance, key, certificate, clock)
        made = cls.create(instance, clock)
        directory.mkdir(parents=True, exist_ok=True)
        key_file.touch(mode=0o600)
        key_file.write_bytes(_key_pem(made.key))
        certificate_file.write_text(made.certificate_pem)
        return made

    @property
    def certificate_pem(self) -> str:
        """The authority's certificate as PEM."""
        return _pem(self.certificate)

    def sign_client(self, public_key: rsa.RSAPublicKey, lifetime: dt.timedelta) -> str:
        """Sign an ephemeral client certificate that is valid for ``lifetime``; returns PEM."""
        now = self.clock()
        certificate = (
            _builder(
                _name("ephemeral"),
                self.certificate.subject,
                public_key,
                now - _BACKDATE,
                now + lifetime,
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return _pem(certificate)

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.3 as the instance speaks it: its own certificate, a client certificate demanded.

        The common name is ``project:instance`` and there is no alternative name: without a
        ``dnsName`` in the settings the proxy compares the common name alone.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = self.clock()
        certificate = (
            _builder(
                _name(self.instance.certificate_name),
                self.certificate.subject,
                key.public_key(),
                now - _BACKDATE,
                now + _YEARS,
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.certificate_pem)
        # The ssl module takes a chain only from a file.
        with tempfile.NamedTemporaryFile(suffix=".pem") as chain:
            chain.write(_key_pem(key) + _pem(certificate).encode())
            chain.flush()
            context.load_cert_chain(chain.name)
        return context


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    start: dt.datetime,
    end: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
