# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/collection: what it builds is installed offline, finds all its parts, and says what the
tree says; what it cannot build it explains."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from playbook import PROJECT, play

FULL = "fix_fk.laravel"
# Every Python file of the installed collection, imported with Ansible's own finder.
IMPORT_ALL = """
import importlib, pathlib, sys
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

folder = pathlib.Path(sys.argv[1])
_AnsibleCollectionFinder(paths=[str(folder)])._install()
for path in sorted(folder.glob("ansible_collections/fix_fk/laravel/plugins/**/*.py")):
    name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
    importlib.import_module(name)
    print(name)
"""


class Installed:
    """The collection in a folder of its own, and an empty folder beside it to run it in."""

    def __init__(self, folder):
        self.path, self.place = Path(folder, "collections"), Path(folder, "place")
        self.root = self.path / "ansible_collections" / "fix_fk" / "laravel"
        self.place.mkdir()

    def run(self, *command, **environment):
        """Run a command of Ansible as someone does who has nothing of the tree."""
        programs = os.path.dirname(sys.executable)
        given = {k: v for k, v in os.environ.items() if not k.startswith(("ANSIBLE", "PYTHON"))}
        given["PATH"] = f"{programs}{os.pathsep}{given['PATH']}"
        given["ANSIBLE_COLLECTIONS_PATH"] = str(self.path)
        return subprocess.run(
            command,
            cwd=self.place,
            env={**given, **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    made = Installed(folder)
    built = made.run(str(PROJECT / "scripts/collection"), str(folder))
    assert built.returncode == 0, built.stderr
    assert re.fullmatch(r"fix_fk-laravel-[\w.-]+\.tar\.gz", Path(built.stdout.strip()).name)
    command = ("ansible-galaxy", "collection", "install", "--offline", built.stdout.strip())
    put = made.run(*command, "-p", str(made.path))
    assert put.returncode == 0, put.stderr
    return made


def filter_names():
    text = "".join(path.read_text("utf-8") for path in (PROJECT / "plugins/filter").glob("*.py"))
    return set(re.findall(r'"(fix_fk_\w+)": ', text))


def in_the_collection(report):
    """Return a report of the tree with the names that the collection has for things."""
    text = json.dumps(report)
    text = re.sub(r"(?<![\w/.])(?:playbooks/(\w+)|(fix_fk))\.yml", rf"{FULL}.\1\2", text)
    return json.loads(text)


def without_what_differs(report):
    """Return a report without the name of the run and the place of the inventory."""
    text = json.dumps(report).replace(report["run_id"], "RUN")
    return json.loads(re.sub(r"-i [\w./-]+", "-i INVENTORY", text))


def test_the_diagnosis_is_that_of_the_tree(broken, installed):
    before = broken.schema_dump(), broken.files()
    tree = play(broken, "playbooks/diagnose.yml")
    inventory = {"all": {"children": {"laravel": {"hosts": {"app": broken.variables()}}}}}
    (installed.place / "hosts.yml").write_text(yaml.safe_dump(inventory), "utf-8")
    command = ("ansible-playbook", f"{FULL}.diagnose", "-i", "hosts.yml", "-e")
    run = installed.run(
        *command,
        "rehearsal_level=none",
        PATH=f"{os.path.dirname(sys.executable)}{os.pathsep}{broken.server.suite.path}",
        ANSIBLE_CALLBACKS_ENABLED=f"{FULL}.fix_fk_exit_code",
    )
    assert run.returncode == tree.rc == 11, run.stdout + run.stderr
    assert (broken.schema_dump(), broken.files()) == before
    (path,) = installed.place.glob("reports/*.json")
    report = json.loads(path.read_text("utf-8"))
    assert report["diagnosis"]["verdict"] == "renamed_table_kept_the_name"
    assert without_what_differs(report) == without_what_differs(in_the_collection(tree.report))
    assert f" ansible-playbook {FULL}.fix_fk -i hosts.yml" in report["summary"]
    assert re.search(r" changed=0 .* failed=1 ", run.stdout)


def test_every_python_file_finds_what_it_imports(installed):
    run = installed.run(sys.executable, "-c", IMPORT_ALL, str(installed.path))
    assert run.returncode == 0, run.stderr
    found = run.stdout.split()
    wanted = {path.stem for path in (PROJECT / "library").glob("*.py")}
    assert {name.split(".")[-1] for name in found if ".modules." in name} == wanted
    for path in installed.root.glob("plugins/**/*.py"):
        # What is left of the tree's own way to find its parts would find the tree's here.
        assert not re.search(
            r"ansible\.module_utils\.fix_fk|^ *(from|import) fix_fk\b",
            path.read_text("utf-8"),
            re.M,
        )


def test_every_module_has_its_documentation(installed):
    run = installed.run("ansible-doc", "--metadata-dump", "--no-fail-on-errors", FULL)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)["all"]
    modules = {f"{FULL}.{path.stem}" for path in (PROJECT / "library").glob("*.py")}
    assert set(told["module"]) == modules
    assert set(told["role"]) == {f"{FULL}.{path.name}" for path in (PROJECT / "roles").iterdir()}
    asks = told["module"][f"{FULL}.fk_constraint_info"]
    assert "pymysql_archive" in asks["doc"]["options"]
    assert f"{FULL}.fk_constraint_info:" in asks["examples"]
    assert all("error" not in module for module in told["module"].values())


def test_every_task_and_filter_is_found(installed):
    """The play holds every task file of every role; Ansible looks each action up as it reads it."""
    tasks = [
        {
            "name": f"Read {path.stem}",
            "ansible.builtin.import_role": {
                "name": f"{FULL}.{path.parts[-3]}",
                "tasks_from": path.stem,
            },
        }
        for path in sorted(installed.root.glob("roles/*/tasks/*.yml"))
    ]
    assert len(tasks) > 17
    play_of_all = [{"name": "All", "hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (installed.place / "all.yml").write_text(yaml.safe_dump(play_of_all), "utf-8")
    playbooks = [f"{FULL}.{path.stem}" for path in (PROJECT / "playbooks").glob("*.yml")]
    run = installed.run("ansible-playbook", "--syntax-check", "all.yml", *playbooks)
    assert run.returncode == 0, run.stdout + run.stderr
    names = filter_names()
    assert len(names) > 30
    for path in installed.root.glob("roles/**/*"):
        if path.suffix in (".yml", ".j2"):
            used = re.findall(r"[\w.]*\bfix_fk_\w+", path.read_text("utf-8"))
            assert not names.intersection(used), path


def test_every_name_is_a_full_one(installed):
    """Also where a short one is found, as long as nobody uses it from somewhere else."""
    modules = "|".join(path.stem for path in (PROJECT / "library").glob("*.py"))
    lookups = "|".join(path.stem for path in (PROJECT / "plugins/lookup").glob("*.py"))
    short = re.compile(
        rf"_execute_module\(\s*\"\w+\"|\b[MP]\((?:{modules})\b"
        rf"|\b(?:lookup|query|q)\(\s*['\"](?:{lookups})['\"]"
        r"|(?<!Rendered by )\bplaybooks/\w+\.yml|(?<![\w/.])fix_fk\.yml"
    )
    for path in installed.root.glob("**/*"):
        inside = path.relative_to(installed.root).parts
        if path.suffix in (".yml", ".j2", ".py") and "files" not in inside:
            assert not short.findall(path.read_text("utf-8")), path
    for path in installed.root.glob("plugins/**/*.py"):
        if not {"modules", "module_utils"} & set(path.parts):
            # What lets the tree find its parts.
            assert not re.search(r"\bsys\.path\b|__path__", path.read_text("utf-8")), path


def test_links_of_its_pages_lead_somewhere(installed):
    for page in [*installed.root.glob("*.md"), *installed.root.glob("docs/**/*.md")]:
        for part in page.read_text("utf-8").split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.fixture(scope="module")
def script():
    """What scripts/collection defines."""
    return runpy.run_path(str(PROJECT / "scripts" / "collection"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of what the collection is made of; each test puts back what it changed."""
    tree = tmp_path_factory.mktemp("copy") / "tree"
    out = shutil.ignore_patterns(".*", "tests", "collections", "reports", "build", "__pycache__")
    shutil.copytree(PROJECT, tree, symlinks=True, ignore=out)
    return tree


def build(tree, folder, **environment):
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, str(tree / "scripts" / "collection"), str(folder)],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("CHANGELOG.md", "# Changelog\n", "CHANGELOG.md has no heading that gives a version"),
        ("plugins/inventory/of_laravel.py", "", "plugins/inventory holds plugins of a kind"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_sentence(copy, tmp_path, file, text, says):
    path = copy / file
    kept = path.read_bytes() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    try:
        run = build(copy, tmp_path)
    finally:
        path.unlink()
        if kept is None:
            path.parent.rmdir()
        else:
            path.write_bytes(kept)
    assert run.returncode == 1
    assert run.stderr.startswith("collection: ") and run.stderr.count("\n") == 1, run.stderr
    assert says in run.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("roles/report/tasks/odd.yml", "- a: [\n", "odd.yml is no YAML"),
        (
            "roles/report/tasks/odd.yml",
            "- fail:\n    msg: \"{{ x | map(*['fix_fk_wrote']) }}\"\n",
            "roles/report/tasks/odd.yml, line 2, uses fix_fk_wrote in a way",
        ),
        (
            "roles/report/tasks/odd.yml",
            "- action: progress text=x\n",
            "`action` in line 1 of a task",
        ),
        (
            "roles/report/vars/odd.yml",
            "a: '{{ playbook_dir }}/x'\n",
            "line 1, uses playbook_dir in",
        ),
        ("plugins/modules/odd.py", "import fix_fk.facts\n", "odd.py imports fix_fk.facts in a way"),
        ("plugins/modules/odd.py", "import (\n", "odd.py is no Python"),
    ],
)
def test_what_cannot_be_rewritten_is_named(script, file, text, says):
    with pytest.raises(SystemExit) as ended:
        script["RULES"][Path(file).suffix](text, Path(file))
    assert str(ended.value).startswith(f"collection: {file}"), ended.value
    assert says in str(ended.value) and "\n" not in str(ended.value)


def test_without_ansible_galaxy_it_says_what_to_do(copy, tmp_path):
    run = build(copy, tmp_path, PATH="/nonexistent")
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "ansible-galaxy was not found; scripts/setup demo" in run.stderr


@pytest.mark.parametrize(
    ("changelog", "version"),
    [
        ("## [1.2.3] - 2026-01-30\n\n- A\n", "1.2.3"),
        ("## [Unreleased]\n\n- B\n", "0.1.0-dev"),
        ("## [Unreleased]\n\n## [1.2.3] - 2026-01-30\n\n- A\n", "1.2.3"),
        ("## [Unreleased]\n\n- B\n\n## [1.2.3] - 2026-01-30\n\n- A\n", "1.2.4-dev"),
    ],
)
def test_the_version_is_that_of_the_changelog(script, changelog, version):
    assert script["version"](f"# Changelog\n\n{changelog}") == version
