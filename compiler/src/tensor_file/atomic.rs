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
/// Where the file system can do so the file has no name until it is whole, so that a process that is ended leaves
/// nothing either.
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
    let mut file = io::BufWriter::new(Temporary::create(folder)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(file.persist(folder, &path)?)
}

/// A file that nobody else sees yet, with the permissions of an ordinary new file.
enum Temporary {
    /// Without a name: nothing is left of it when the process ends.
    Unnamed(fs::File),
    Named(tempfile::NamedTempFile),
}

impl Temporary {
    fn create(folder: &Path) -> io::Result<Self> {
        // Errors of the builder name the temporary file, which nobody asked for.
        fs::metadata(folder)?;
        match unnamed::create(folder) {
            Some(file) => Ok(Self::Unnamed(file)),
            None => Ok(Self::Named(builder().tempfile_in(folder)?)),
        }
    }

    fn persist(self, folder: &Path, path: &Path) -> io::Result<()> {
        let named = match self {
            // A name can be given to a file, but not taken from another: it is moved there.
            Self::Unnamed(file) => builder()
                .make_in(folder, |name| unnamed::link(&file, name))?
                .into_temp_path(),
            Self::Named(file) => file.into_temp_path(),
        };
        named.persist(path).map_err(|error| error.error)
    }

    fn file(&mut self) -> &mut fs::File {
        match self {
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file_mut(),
        }
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Seek for Temporary {
    fn seek(&mut self, position: io::SeekFrom) -> io::Result<u64> {
        self.file().seek(position)
    }
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".expc-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

/// Files without a name, where the file system has them.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::{fs, io, os::fd::AsRawFd, path::Path};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

    /// By this path a file that is open can be given a name without privileges.
    fn path_of(file: &fs::File) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }

    /// None where there are none.
    pub fn create(folder: &Path) -> Option<fs::File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = fs::File::from(open(folder, flags, Mode::from_raw_mode(0o666)).ok()?);
        fs::symlink_metadata(path_of(&file)).ok().map(|_| file)
    }

    pub fn link(file: &fs::File, name: &Path) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_FOLLOW;
        Ok(linkat(CWD, path_of(file), CWD, name, flags)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod unnamed {
    use std::{fs, io, path::Path};

    pub fn create(_: &Path) -> Option<fs::File> {
        None
    }

    pub fn link(_: &fs::File, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_in_the_making_has_no_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.npz");
        let n_files = || fs::read_dir(folder.path()).expect("a folder").count();
        let has_names = unnamed::create(folder.path()).is_none();
        for text in ["first", "second"] {
            let n_before = n_files();
            let result: io::Result<()> = write_atomically(&path, |file| {
                assert!(has_names || n_files() == n_before);
                file.write_all(text.as_bytes())
            });
            result.expect("written");
            assert_eq!(fs::read_to_string(&path).expect("a file"), text);
            assert_eq!(n_files(), 1);
        }
    }

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
