"""Names of files and folders that operating systems, file servers and tools leave behind.

They are neither a user's images nor part of a study.
"""

import fnmatch

# Matched case-insensitively, like the file systems of Windows and macOS.
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
    """Returns True for the name of a file or folder that no person created.

    Args:
      name: the last component of a path, such as ".DS_Store" or "lost+found".

    Examples:
      >>> is_system_file("Thumbs.db"), is_system_file("cat.png")
      (True, False)
    """
    return any(fnmatch.fnmatchcase(name.casefold(), pattern) for pattern in _PATTERNS)
