//! `backorderd init`: writes a commented settings file to begin with.
//!
//! In: the path. Out: the file, readable by its owner alone because secrets may be written into it, and a text that says
//! what to do next. What can go wrong: the file exists, which is left as it is, or it cannot be written.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::settings::EXAMPLE;

/// Why no settings file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{} exists and was left as it is; name another file: `backorderd init FILE`", .0.display())]
    Exists(PathBuf),
    #[error("cannot write {}: {error}; is its folder there, and may you write in it?", file.display())]
    Unwritable { file: PathBuf, error: io::Error },
}

/// Writes the settings file at `path` and returns what to do next.
///
/// # Errors
/// [`InitError::Exists`] if there is anything at `path`; [`InitError::Unwritable`] if it cannot be written.
pub fn init(path: &Path) -> Result<String, InitError> {
    write_new(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists(path.to_owned()),
        _ => InitError::Unwritable { file: path.to_owned(), error },
    })?;
    Ok(next_steps(path))
}

fn write_new(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(EXAMPLE.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // A half of a file would refuse the next try; the error that is returned says more than a second one.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn next_steps(path: &Path) -> String {
    let file = path.display();
    format!(
        "Wrote {file}. Next:\n\
         1. Open it and put in your shop, your order database, your relay and the address of your pages.\n\
         2. Put the relay's password into the file that `password_file` names, and run `chmod 600` on it.\n\
         3. backorderd --config {file} check            (is everything in reach? writes and sends nothing)\n\
         4. backorderd --config {file} run --dry-run    (who would be told what?)\n\
         5. backorderd --config {file} run\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_file_is_written_for_its_owner_alone_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backorderd.toml");
        let next = init(&path).unwrap();
        assert!(next.contains("check") && next.contains(path.to_str().unwrap()), "{next}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), EXAMPLE);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_exists_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backorderd.toml");
        std::fs::write(&path, "mine").unwrap();
        let error = init(&path).unwrap_err();
        assert!(matches!(error, InitError::Exists(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = init(&folder.path().join("nowhere/backorderd.toml")).unwrap_err();
        assert!(error.to_string().contains("nowhere/backorderd.toml"), "{error}");
        let line = format!("{:#}", anyhow::Error::from(error));
        assert_eq!(line.matches("No such file").count(), 1, "{line}");
    }
}
