"""The connection name of a Cloud SQL instance."""

from __future__ import annotations

from dataclasses import dataclass

# The proxy has this port compiled in; only the address can be chosen.
TLS_PORT = 3307


@dataclass(frozen=True)
class Instance:
    """Names one instance.

    Attributes:
        project: Project id, possibly with a domain prefix (``example.com:project``).
        region: Region, e.g. ``europe-west1``; the proxy refuses an instance whose settings name
            another region than its connection name.
        name: Instance id.
    """

    project: str
    region: str
    name: str

    @classmethod
    def parse(cls, connection_name: str) -> Instance:
        """Split ``PROJECT:REGION:INSTANCE``; the project may hold a colon itself.

        Raises:
            ValueError: The text does not have three parts.
        """
        parts = connection_name.rsplit(":", 2)
        if len(parts) != 3 or not all(parts):
            raise ValueError(
                f"{connection_name!r} is no connection name: write PROJECT:REGION:INSTANCE"
            )
        return cls(*parts)

    @property
    def connection_name(self) -> str:
        """The name as users write it."""
        return f"{self.project}:{self.region}:{self.name}"

    @property
    def certificate_name(self) -> str:
        """The common name that the proxy expects in the server certificate."""
        return f"{self.project}:{self.name}"
