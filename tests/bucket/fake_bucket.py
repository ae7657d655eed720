"""A stand-in for a bucket: gs:// in a local folder, by the rules of an object store.

Objects have flat names, there are no folders, an object appears whole when its upload ends, and a
client that is not told otherwise remembers its listings. What an object store cannot do, or does
badly, raises: appending, renaming, making folders. Every upload is a line in the file `uploads`.

It has its folder from the environment and imports only fsspec, so that worker processes of real
commands use it too: `sitecustomize.py` beside it, found through PYTHONPATH, registers it.
"""

import io
import os
import pathlib
import urllib.parse
import uuid

import fsspec

VARIABLE = "MEMKIT_TESTS_BUCKET"


def register():
    """Makes every gs:// address of this process lie in the folder that the variable names."""
    for protocol in ("gcs", "gs"):
        fsspec.register_implementation(protocol, FakeBucket, clobber=True)


class FakeBucket(fsspec.AbstractFileSystem):
    """See the module."""

    protocol = ("gs", "gcs")

    @property
    def _root(self):
        return pathlib.Path(os.environ[VARIABLE])

    def _file(self, path):
        return self._root / "objects" / urllib.parse.quote(self._strip_protocol(path), safe="")

    def ls(self, path, detail=True, **_):
        """Lists what is below a name, up to the next slash."""
        path = self._strip_protocol(path).rstrip("/")
        entries = self._ls_from_cache(path)
        if entries is None:
            entries = self.dircache[path] = self._list(path)
        return entries if detail else [entry["name"] for entry in entries]

    def _list(self, path):
        entries = {}
        for file in (self._root / "objects").iterdir():
            name = urllib.parse.unquote(file.name)
            if name.startswith(f"{path}/"):
                first, slash, _ = name.removeprefix(f"{path}/").partition("/")
                kind = "directory" if slash else "file"
                size = 0 if slash else file.stat().st_size
                name = f"{path}/{first}"
                entries[name] = {"name": name, "size": size, "type": kind}
        if not entries:
            raise FileNotFoundError(path)
        return list(entries.values())

    def info(self, path, **_):
        """Says whether a name is an object or the beginning of some."""
        path = self._strip_protocol(path).rstrip("/")
        if self._file(path).exists():
            return {"name": path, "size": self._file(path).stat().st_size, "type": "file"}
        self._list(path)
        return {"name": path, "size": 0, "type": "directory"}

    def _open(self, path, mode="rb", **_):
        if mode == "rb":
            return io.BytesIO(self._file(path).read_bytes())
        if mode == "wb":
            return _Upload(self._root, self._strip_protocol(path), self._file(path))
        raise NotImplementedError(f"an object store cannot open with mode {mode}")

    def rm_file(self, path):
        """Deletes an object."""
        self._file(path).unlink()

    _rm = rm_file

    def mkdir(self, path, create_parents=True, **_):
        """Refuses: it could make a bucket."""
        raise NotImplementedError(f"mkdir {path}")

    def makedirs(self, path, exist_ok=False):
        """Refuses: it could make a bucket."""
        raise NotImplementedError(f"makedirs {path}")

    def cp_file(self, path1, path2, **_):
        """Refuses: a rename would be a copy and a deletion."""
        raise NotImplementedError(f"copy {path1}")

    mv = cp_file


class _Upload(io.BytesIO):
    def __init__(self, root, name, file):
        super().__init__()
        self._root, self._name, self._target = root, name, file

    def close(self):
        if not self.closed:
            half = self._root / uuid.uuid4().hex
            half.write_bytes(self.getvalue())
            os.replace(half, self._target)
            with open(self._root / "uploads", "a") as log:
                log.write(f"{self._name}\n")
        super().close()
