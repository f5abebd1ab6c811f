"""The commit, read from a repository's files or from what a package has in their place."""

import shutil
import subprocess

import pytest

from meshbot import version
from meshbot.version import COMMIT_FILE, commit_of, version_text

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
ABC = "abc" + "0" * 37
pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git makes the repositories")


def git(folder, *arguments):
    return subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "first")
    return folder


def prepared(repository, how):
    if how == "detached":
        git(repository, "checkout", "--quiet", "--detach")
    elif how == "packed":
        git(repository, "pack-refs", "--all")
    elif how == "in a worktree":
        git(repository, "worktree", "add", "--quiet", "../other", "-b", "feature/other")
        git(repository.parent / "other", "commit", "--quiet", "--allow-empty", "-m", "second")
        return repository.parent / "other"
    elif how == "in a worktree with packed refs":
        prepared(repository, "in a worktree")
        git(repository, "pack-refs", "--all")
        return repository.parent / "other"
    return repository


@pytest.mark.parametrize(
    "how", ["on a branch", "detached", "packed", "in a worktree", "in a worktree with packed refs"]
)
def test_the_commit_is_git_s_own_however_it_is_kept(repository, how):
    folder = prepared(repository, how)
    assert commit_of(folder) == git(folder, "rev-parse", "HEAD")


def test_a_package_s_own_note_comes_first(repository):
    (repository / "meshbot").mkdir()
    (repository / COMMIT_FILE).write_text(ABC + "\n")
    assert commit_of(repository) == ABC


@pytest.mark.parametrize("head", [None, "", "ref: refs/heads/none", "nonsense", "\N{SNOWMAN}", b"\xff\xfe"])
def test_a_folder_without_a_readable_commit_has_none(tmp_path, head):
    (tmp_path / ".git").mkdir()
    if head is not None:
        (tmp_path / ".git" / "HEAD").write_bytes(head if isinstance(head, bytes) else head.encode())
    assert commit_of(tmp_path) == ""


@pytest.mark.parametrize(("commit", "text"), [(ABC, " (abc0000000)"), ("", "")])
def test_the_text_has_ten_digits_of_the_commit_or_none(monkeypatch, tmp_path, commit, text):
    (tmp_path / "meshbot").mkdir()
    (tmp_path / COMMIT_FILE).write_text(commit)
    monkeypatch.setattr(version, "ROOT", tmp_path)
    assert version_text.__wrapped__() == version.__version__ + text
