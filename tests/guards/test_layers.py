"""A module imports only from lower layers; heavy libraries have one home each."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "spa").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])

HOST = {"cli", "web", "recipe", "job", "io", "model", "plot", "testing", "plug", "installed", "errors"}
BELOW = {"compiled", "errors"}
BESIDE_REFINE = {"search", "volume", "image", *BELOW}  # what a science of its own stands on
ALLOWED = {
    "errors": set(),
    "plug": set(),
    "compiled": {"errors"},
    "installed": {"errors"},
    "io": {"installed", *BELOW},  # one module of mrcfile
    "model": {"errors"},
    "plot": {"io", "errors"},  # files are whole
    "gpu": {"errors"},
    "image": {"gpu", "installed", *BELOW},  # one module of pyfftw
    "volume": {"gpu", "image", *BELOW},
    "search": {"gpu", "volume", "image", *BELOW},
    "class3d": {"gpu", "refine", "search", "volume", "image", *BELOW},
    "refine": {"gpu", "symmetry", "search", "volume", "image", *BELOW},
    "vary": {"abinit", "class3d", "refine", "search", "volume", "image", *BELOW},
    "flex": {"gpu", "vary", "abinit", "class3d", "refine", "search", "volume", "image", *BELOW},
    "relax": {"gpu", "abinit", "refine", "search", "volume", "image", *BELOW},
    "picking": {"gpu", "search", "volume", "image", *BELOW},
    "class2d": {"gpu", "refine", "search", "volume", "image", *BELOW},
    "abinit": {"gpu", "symmetry", "refine", "search", "volume", "image", *BELOW},
    "ctffit": {"gpu", "image", *BELOW},
    "motion": {"gpu", "image", *BELOW},
    "polish": {"image", *BELOW},
    "simulate": {"motion", "volume", "image", *BELOW},  # movies move and burn as the science says
    "job": {"model", "io", "gpu", "image", "subtract", "installed", "errors"},  # images are straightened on reading
    "web": {"job", "io", "model", "picking", "image", "errors"},  # the frame of pages, and micrographs as pictures
    "cli": {"plug", "gpu", "installed", "errors"},  # doctor asks what cards there are
    "testing": {"cli", "job", "model", "io", "volume", "image", "errors"},
}
HOMES = {
    "pyfftw": ["spa/image/fft.py"],
    "mrcfile": ["spa/io/"],
    "gemmi": ["spa/io/"],
    "tifffile": ["spa/io/tiff.py"],
    "matplotlib": ["spa/plot/"],
    "tqdm": ["spa/job/progress.py"],
    "pluggy": ["spa/plug.py", "spa/cli/"],
    "click": ["spa/cli/", "spa/job/options/", "spa/job/call.py", "spa/testing.py", "plugins/"],
    "pycuda": ["spa/gpu/"],
    "starlette": ["spa/web/"],
    "uvicorn": ["spa/web/"],
    "torch": ["plugins/train_neural/", "plugins/vary_neural/", "spa/recipe/torch_device.py"],
    "umap": ["spa/vary/embed.py"],
    "starfile": [],
    "pandas": [],
}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(name: str) -> str:
    """The layer of spa that an import reaches."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_layers(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    plugin = parts[1] if parts[0] == "plugins" else None
    for name in imports(path):
        if name.split(".")[0] == "spa_plugins":
            assert plugin and name.split(".")[1] == plugin, f"{name}: no plugin imports another, and spa imports none"
        if name.split(".")[0] != "spa" or place(name) in ("", "__version__"):
            continue
        if plugin:
            assert place(name) not in ("cli", "testing"), f"a plugin imports {name}"
        else:
            here = parts[1]
            if here == "recipe":
                assert place(name) not in ("cli", "testing", "plug"), f"a recipe imports {name}"
                continue
            assert place(name) != "recipe", f"spa/{here} imports {name}: only plugins do"
            allowed = ALLOWED.get(here, BESIDE_REFINE)
            assert place(name) in allowed | {here}, f"spa/{here} imports {name}; it may import {sorted(allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_homes_of_libraries(path: Path) -> None:
    where = label(path)
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or where.startswith(tuple(homes)), f"{name} is imported in {homes} alone"
        science = where.startswith("spa/") and where.split("/")[1].removesuffix(".py") not in HOST
        assert not (science and name.split(".")[0] in ("click", "tqdm", "logging")), f"science imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_size(path: Path) -> None:
    """Modules under 300 lines, functions under 50 (compiled kernels 100), public functions annotated."""
    text = path.read_text()
    assert text.count("\n") < 300, f"{text.count(chr(10))} lines"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1
            decorators = map(ast.unparse, node.decorator_list)
            kernel = any(re.match(r"(kernel|inner)\b|.*jit", decorator) for decorator in decorators)
            assert length < (100 if kernel else 50), f"{node.name} has {length} lines"
            if not node.name.startswith("_") and not kernel:
                arguments = [one for one in [*node.args.args, *node.args.kwonlyargs] if one.arg not in ("self", "cls")]
                assert all(one.annotation for one in arguments), f"{node.name}: arguments without annotation"
                assert node.returns is not None, f"{node.name}: no annotation of what it returns"


def test_names() -> None:
    for path in MODULES:
        assert not {"utils", "util", "helpers", "common", "base", "misc", "manager"} & set(
            path.with_suffix("").parts
        ), path
