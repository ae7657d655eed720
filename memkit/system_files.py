"""Names of files and folders that operating systems, file servers and tools leave behind.

They are never a user's images nor part of a study.
"""

import fnmatch

# Compared without regard to case: file systems of Windows and macOS do not distinguish it either.
_PATTERNS = (
    # macOS
    ".ds_store",
    "._*",
    "__macosx",
    ".appledouble",
    ".apdisk",
    ".documentrevisions-v100",
    ".fseventsd",
    ".localized",
    ".spotlight-v100",
    ".temporaryitems",
    ".trashes",
    ".volumeicon.icns",
    "icon\r",
    # Windows
    "thumbs.db",
    "thumbs.db:*",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "$recycle.bin",
    "system volume information",
    # Linux desktops and file systems
    "lost+found",
    ".directory",
    ".trash-*",
    ".fuse_hidden*",
    # File servers and snapshots: NFS, NetApp, ZFS, Lustre, QNAP and Synology
    ".nfs*",
    ".snapshot",
    ".snapshots",
    "~snapshot",
    ".zfs",
    ".lustre",
    ".@__thumb",
    "@eadir",
    "#recycle",
    "#snapshot",
    # Synchronization
    ".stfolder",
    ".stversions",
    ".dropbox",
    ".dropbox.attr",
    ".dropbox.cache",
    # Notebooks
    ".ipynb_checkpoints",
)


def is_system_file(name: str) -> bool:
    """True for the name of a file or folder that was not put there by a person.

    Args:
      name: the last part of a path, such as ".DS_Store" or "lost+found".

    >>> is_system_file("Thumbs.db"), is_system_file("cat.png")
    (True, False)
    """
    return any(fnmatch.fnmatchcase(name.casefold(), pattern) for pattern in _PATTERNS)
