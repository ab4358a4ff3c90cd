"""The workshop: `nox` runs every check, `nox -s lint` one of them, `nox -l` lists them."""

import shutil
import subprocess
from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "typing", "cpp", "sanitize", "wheel"]
nox.options.error_on_missing_interpreters = False

PYTHON_FILES = ["python", "tests", "examples", "benchmarks", "src", "noxfile.py"]
LARGEST_WHEEL = 1_000_000  # bytes


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """The Python tests and the examples in the documentation. `nox -s tests -- -m deep`: sweeps."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def interop(session: nox.Session) -> None:
    """The tests beside PyTorch and Keras, which the extra `test` leaves out for their size."""
    session.install(".[test]", "torch", "onnxscript", "keras")
    files = [*Path("tests").glob("test_*torch*.py"), *Path("tests").glob("test_*keras*.py")]
    files += [Path("tests/test_onnx_real.py"), Path("tests/test_docs.py")]
    session.run("python", "-m", "pytest", *map(str, sorted(files)), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style. `nox -s lint -- fix` mends what can be mended."""
    session.install("ruff", "clang-format==23.1.5")
    sources = [str(path) for path in sorted(Path().glob("**/*.[ch]pp")) if is_source(path)]
    if "fix" in session.posargs:
        session.run("ruff", "check", "--fix", *PYTHON_FILES)
        session.run("ruff", "format", *PYTHON_FILES)
        session.run("clang-format", "-i", *sources)
    session.run("ruff", "check", *PYTHON_FILES)
    session.run("ruff", "format", "--check", *PYTHON_FILES)
    session.run("clang-format", "--dry-run", "--Werror", *sources)


@nox.session
def typing(session: nox.Session) -> None:
    """Type hints, strictly, and the stub against the compiled module."""
    session.install(".[test]", "mypy", "nox")
    session.run("mypy")
    allowed = ["--allowlist", ".ci/stubtest-allowlist.txt", "--mypy-config-file", "pyproject.toml"]
    session.run("python", "-m", "mypy.stubtest", "cnnfs._cnnfs_core", *allowed)


@nox.session
def cpp(session: nox.Session) -> None:
    """The core built and tested without Python."""
    session.install("cmake", "ninja")
    build = session.create_tmp()
    options = ["-DCNNFS_BUILD_PYTHON=OFF", "-DCNNFS_BUILD_TESTS=ON"]
    session.run("cmake", "-S", ".", "-B", build, "-G", "Ninja", *options)
    session.run("cmake", "--build", build)
    session.run("ctest", "--test-dir", build, "--output-on-failure")


@nox.session
@nox.parametrize("sanitizer", ["thread", "address"])
def sanitize(session: nox.Session, sanitizer: str) -> None:
    """The C++ tests under ThreadSanitizer, and under AddressSanitizer with UBSan."""
    session.install("cmake", "ninja")
    build = session.create_tmp()
    options = ["-DCNNFS_BUILD_PYTHON=OFF", "-DCNNFS_BUILD_TESTS=ON"]
    options += [f"-DCNNFS_SANITIZE={sanitizer}", "-DCMAKE_BUILD_TYPE=Release"]
    session.run("cmake", "-S", ".", "-B", build, "-G", "Ninja", *options)
    session.run("cmake", "--build", build)
    # Older sanitizers cannot start where a system spreads addresses widely.
    fixed = ["setarch", "--addr-no-randomize"]
    if not shutil.which("setarch") or subprocess.run([*fixed, "true"]).returncode:
        fixed = []
    session.run(*fixed, "ctest", "--test-dir", build, "--output-on-failure", external=True)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel and print its size."""
    directory = Path(session.create_tmp())
    session.run("python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(directory), ".")
    for path in directory.glob("*.whl"):
        size = path.stat().st_size
        session.log(f"{path.name}: {size:,} bytes")
        if size > LARGEST_WHEEL:
            session.error(f"the wheel is larger than {LARGEST_WHEEL:,} bytes")


@nox.session
def bench(session: nox.Session) -> None:
    """Timings beside the peers. `nox -s bench -- --quick`: whether it works."""
    session.install(".", "-r", "benchmarks/requirements.txt")
    session.run("python", "benchmarks/compare.py", *session.posargs)


def is_source(path: Path) -> bool:
    return path.parts[0] in {"src", "tests"}
