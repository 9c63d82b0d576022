//! Files that are written whole or not at all.

use std::{
    fs,
    io::{self, Cursor, Seek, Write},
    path::Path,
};

/// What writers of tensor files need.
pub trait Target: Write + Seek {}

impl<T: Write + Seek> Target for T {}

/// Lets `write` fill a temporary file beside `path` and then gives it that name; on a failure nothing is left.
///
/// A path that is a device or pipe is written to directly, and a symbolic link keeps pointing where it does.
///
/// # Errors
/// What `write` or the file system reports.
pub fn write_atomically<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Target) -> Result<(), E>,
) -> Result<(), E> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let mut buffer = Cursor::new(Vec::new());
        write(&mut buffer)?;
        return Ok(fs::write(&path, buffer.into_inner())?);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = io::BufWriter::new(create(folder)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// A temporary file with the permissions of an ordinary new file.
fn create(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".expc-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // Errors of the builder name the temporary file, which nobody asked for.
    fs::metadata(folder)?;
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.npz");
        fs::write(&path, "old").expect("written");
        let result = write_atomically(&path, |file| {
            file.write_all(b"half of the n")?;
            Err(io::Error::other("no more"))
        });
        assert!(result.is_err());
        assert_eq!(fs::read(&path).expect("there"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_device_is_written_to() {
        write_atomically::<io::Error>(Path::new("/dev/null"), |file| file.write_all(b"gone"))
            .expect("written");
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let path = Path::new("no/such/folder/out.npz");
        let error = write_atomically::<io::Error>(path, |_| Ok(())).expect_err("refused");
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
    }
}
