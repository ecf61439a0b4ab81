"""Container images: a Docker engine that answers, a base that can be had, and the builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev.cluster.build import build
from dev.cluster.errors import ClusterError
from dev.cluster.folders import cache_folder, clusters_folder
from dev.cluster.locks import locked
from dev.cluster.packages import BASE_PACKAGES, DOCKER_PACKAGES, engine_program, ensure
from dev.cluster.processes import Runner
from dev.cluster.progress import Progress, wait_until
from dev.cluster.scratch import ScratchImage, write_archive

PUBLIC_BASE = "python:3.11-slim-bookworm"
LOCAL_BASE = "vertice-base:bookworm"
PROXY_IMAGE = "cloud-sql-proxy:dev"
_SUITE = "bookworm"
_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
_PULL_SECONDS = 180


def docker_program() -> str:
    """Return the Docker client: Debian's own, which can build, before any other on PATH."""
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


def _docker(
    *arguments: str, timeout: float | None = None, show: bool = False
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [docker_program(), *arguments],
        check=False,
        capture_output=not show,
        text=True,
        timeout=timeout,
        env=os.environ | {"DOCKER_BUILDKIT": "1"},
    )


def engine_answers() -> bool:
    """Tell whether a Docker engine answers."""
    try:
        return _docker("version", timeout=10).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def engine_folder() -> Path:
    """Return the folder of an engine that was started here: its pid file and log."""
    return clusters_folder().parent / "docker"


def ensure_engine(progress: Progress) -> None:
    """Start Debian's Docker engine when none answers, installing it first when it is missing."""
    if engine_answers():
        return
    ensure(DOCKER_PACKAGES, progress)
    folder = engine_folder()
    with locked(folder / "lock"):
        if engine_answers():
            return
        if os.geteuid() != 0:
            raise ClusterError("no Docker engine answers; start one, or run this as root")
        program = engine_program()
        if program is None:
            raise ClusterError("dockerd is not on the PATH although docker.io is installed")
        with progress.step("starting a Docker engine"):
            runner = Runner(folder)
            runner.start("dockerd", [program])
            wait_until(
                "the Docker engine answers",
                engine_answers,
                60,
                explain=lambda: runner.log_tail("dockerd"),
            )
    # Docker drops forwarded packets by default, and with them everybody else's containers.
    subprocess.run(["iptables", "-w", "-P", "FORWARD", "ACCEPT"], check=True)


def stop_engine() -> None:
    """Stop the Docker engine when it was started here; another one is left alone."""
    Runner(engine_folder()).stop("dockerd", grace=30)


def has_image(reference: str) -> bool:
    """Tell whether the engine has an image."""
    return _docker("image", "inspect", reference).returncode == 0


def image_identity(reference: str) -> str:
    """Return the id of an image of the engine, which changes when its content does.

    Raises
    ------
    ClusterError
        When the engine has no such image.
    """
    done = _docker("image", "inspect", "--format", "{{.Id}}", reference)
    if done.returncode:
        raise ClusterError(
            f"the Docker engine has no image {reference}; build it first: "
            "python -m dev.cluster images"
        )
    return done.stdout.strip()


@contextmanager
def save_image(reference: str) -> Iterator[Path]:
    """Yield the archive of an image, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="vertice-image-") as folder:
        archive = Path(folder) / "image.tar"
        done = _docker("save", "--output", str(archive), reference)
        if done.returncode:
            raise ClusterError(f"image {reference} not saved: {done.stderr.strip()}")
        yield archive


def authority_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file of certificate authorities that this machine trusts."""
    chosen = environment.get("SSL_CERT_FILE")
    candidates = [Path(chosen), *_BUNDLES] if chosen else list(_BUNDLES)
    return next((path for path in candidates if path.is_file()), None)


def build_command(
    dockerfile: Path,
    tag: str,
    context: Path,
    build_args: Mapping[str, str],
    authorities: Path | None,
) -> list[str]:
    """Return the command line of an image build.

    Parameters
    ----------
    authorities
        Given to the build as the secret ``ca``: a package index behind a private authority needs
        it, and as a secret it stays out of every layer.
    """
    secret = ["--secret", f"id=ca,src={authorities}"] if authorities else []
    arguments = [
        word for name, value in build_args.items() for word in ("--build-arg", f"{name}={value}")
    ]
    return [
        docker_program(), "build", "--network", "host", *secret, *arguments,
        "--file", str(dockerfile), "--tag", tag, str(context),
    ]  # fmt: skip


def build_image(
    dockerfile: Path,
    tag: str,
    context: Path,
    build_args: Mapping[str, str],
    progress: Progress,
) -> str:
    """Build an image with BuildKit and return its id.

    Parameters
    ----------
    dockerfile, context
        What is built and the folder it may copy from.
    tag
        Name and tag of the image.
    build_args
        For example ``{"BASE": base_image(progress)}``.

    Raises
    ------
    ClusterError
        With the end of the build's output when it fails.
    """
    ensure_engine(progress)
    command = build_command(dockerfile, tag, context, build_args, authority_bundle())
    with progress.step(f"building image {tag}"):
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | {"DOCKER_BUILDKIT": "1"},
        )
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-40:])
        raise ClusterError(f"building {tag} from {dockerfile} failed:\n{tail}")
    return image_identity(tag)


def base_image(progress: Progress) -> str:
    """Return a base image with Python 3.11: the public one, or one made here.

    The public image is pulled where that is possible. Elsewhere Debian's own packages make a base
    (about 45 s), kept in the cache.
    """
    ensure_engine(progress)
    for reference in (PUBLIC_BASE, LOCAL_BASE):
        if has_image(reference):
            return reference
    archive = cache_folder() / "images" / f"base-{_SUITE}.tar"
    if not archive.exists():
        if _pulled(progress):
            return PUBLIC_BASE
        _bootstrap(archive, progress)
    with progress.step(f"importing {LOCAL_BASE}"):
        done = _docker("import", str(archive), LOCAL_BASE)
    if done.returncode:
        raise ClusterError(f"{archive} not imported: {done.stderr.strip()}; delete it, try again")
    return LOCAL_BASE


def _pulled(progress: Progress) -> bool:
    with progress.step(f"pulling {PUBLIC_BASE}"):
        try:
            return _docker("pull", "--quiet", PUBLIC_BASE, timeout=_PULL_SECONDS).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def bootstrap_command(target: Path) -> list[str]:
    """Return the command that installs a minimal Debian with Python into a folder."""
    packages = "ca-certificates,python3,python3-venv"
    return ["debootstrap", "--variant=minbase", f"--include={packages}", _SUITE, str(target)]


def _bootstrap(archive: Path, progress: Progress) -> None:
    ensure(BASE_PACKAGES, progress)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        progress.step(f"{PUBLIC_BASE} cannot be pulled; making a base from Debian's packages"),
        tempfile.TemporaryDirectory(prefix="vertice-base-", dir=cache_folder()) as folder,
    ):
        root = Path(folder) / "root"
        done = subprocess.run(bootstrap_command(root), check=False, capture_output=True, text=True)
        if done.returncode:
            raise ClusterError(f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr}")
        for waste in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / waste, ignore_errors=True)
        staged = archive.with_suffix(".new")
        subprocess.run(["tar", "-C", str(root), "-cf", str(staged), "."], check=True)
        staged.rename(archive)


def proxy_image(progress: Progress) -> str:
    """Put the Cloud SQL Auth Proxy into the engine as ``cloud-sql-proxy:dev`` and return that.

    The image holds the static program and the authorities that this machine trusts, by which the
    proxy knows Google's servers; it is for local clusters only.
    """
    program = build("cloud-sql-proxy", progress) / "cloud-sql-proxy"
    bundle = authority_bundle()
    files = (("etc/ssl/certs/ca-certificates.crt", bundle),) if bundle else ()
    image = ScratchImage(PROXY_IMAGE, program, files=files)
    put_scratch_image(image, progress)
    return PROXY_IMAGE


def put_scratch_image(image: ScratchImage, progress: Progress) -> None:
    """Load an image made of one program into the engine, unless it has exactly this one."""
    ensure_engine(progress)
    archive = write_archive(image, cache_folder() / "images")
    label = engine_folder() / "loaded" / image.reference.replace("/", "_").replace(":", "_")
    known = label.read_text().split() if label.exists() else []
    if has_image(image.reference) and known == [archive.name, image_identity(image.reference)]:
        return
    with progress.step(f"loading {image.reference} into the Docker engine"):
        done = _docker("load", "--input", str(archive))
    if done.returncode:
        raise ClusterError(f"{archive} not loaded: {done.stderr.strip()}")
    label.parent.mkdir(parents=True, exist_ok=True)
    label.write_text(f"{archive.name} {image_identity(image.reference)}")
