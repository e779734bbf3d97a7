//! Whether a database file lies where it can live: SQLite's locks and shared memory do not work over a network.
//!
//! In: a file, and what Linux says of the mounts. Out: an objection in words, if it lies on another machine. Where the
//! system does not tell, nothing is found wrong.

use std::path::{Path, PathBuf};

/// The kinds that lie on another machine. What a virtual machine is given of its own host (9p, virtiofs) is often all
/// that a container has, and is not among them.
const NETWORK: [&str; 12] =
    ["nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "ocfs2", "gfs2"];
/// The same in user space: `fuse.sshfs` and its like.
const NETWORK_FUSE: [&str; 7] = ["sshfs", "glusterfs", "s3fs", "rclone", "gcsfuse", "ceph", "davfs"];

/// The folder that a database file lies in.
pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Why a database cannot live in `file`, with the mend; `None`: it can, or nobody knows.
pub fn objection(file: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    // A link leads to where the database is, or will be made.
    let folder = file.canonicalize().map(|file| folder_of(&file)).or_else(|_| folder_of(file).canonicalize()).ok()?;
    let kind = network_kind(&mounts, &folder)?;
    Some(format!(
        "{} lies on a network file system ({kind}), on which SQLite loses data; put it on a disk of this machine, or \
         use PostgreSQL",
        file.display()
    ))
}

/// Finds the mount that holds `folder`, by the format of proc(5); gives its kind if it is one of a network.
fn network_kind<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mut deepest: Option<(usize, &str)> = None;
    for mount in mounts.lines() {
        let Some((before, after)) = mount.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (before.split(' ').nth(4), after.split(' ').next()) else { continue };
        let point = unescaped(point);
        // Of two mounts at one place, the later one covers the earlier.
        let covers = folder.starts_with(&point) && deepest.is_none_or(|(length, _)| point.len() >= length);
        if covers {
            deepest = Some((point.len(), kind));
        }
    }
    let is_network = |kind: &str| {
        NETWORK.contains(&kind) || kind.strip_prefix("fuse.").is_some_and(|kind| NETWORK_FUSE.contains(&kind))
    };
    deepest.map(|(_, kind)| kind).filter(|kind| is_network(kind))
}

/// Undoes the octal escapes of blanks and backslashes.
fn unescaped(point: &str) -> String {
    point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv/shop\\040data rw shared:5 master:1 - nfs4 files.example:/shop rw
31 30 8:2 / /srv/shop\\040data/local rw - ext4 /dev/sdb1 rw
32 22 0:50 / /mnt/far rw - fuse.sshfs me@far: rw
33 22 0:51 / /mnt/near rw - fuse.mergerfs a:b rw
34 22 0:52 / /mnt/near rw - cifs //files/near rw
35 22 0:53 / /mnt/nearest rw - tmpfs tmpfs rw";

    #[test]
    fn the_deepest_mount_that_holds_the_folder_decides() {
        let found = |folder: &str| network_kind(MOUNTS, Path::new(folder)).unwrap_or("here");
        assert_eq!(found("/var/lib/backorderd"), "here");
        assert_eq!(found("/srv/shop data"), "nfs4");
        assert_eq!(found("/srv/shop data/deep"), "nfs4");
        assert_eq!(found("/srv/shop data/local/state"), "here");
        assert_eq!(found("/srv/shop"), "here");
        assert_eq!(found("/mnt/far"), "fuse.sshfs");
        assert_eq!(found("/mnt/near"), "cifs", "the later mount covers the earlier");
        assert_eq!(found("/mnt/nearest"), "here");
        assert_eq!(network_kind("", Path::new("/")), None);
    }
}
