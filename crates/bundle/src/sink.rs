//! Where a bundle is written: a folder, or an archive (tar, packed by zstd) that appears once it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clock::Time;
use tar::{Builder, EntryType, Header};
use zstd::stream::write::Encoder;

use crate::error::Error;

/// Where a bundle goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A folder, made where it is not there.
    Folder(PathBuf),
    /// A file.
    Archive(PathBuf),
}

impl Place {
    /// An archive where the name ends with `.tar.zst`, otherwise a folder.
    #[must_use]
    pub fn of(path: &Path) -> Place {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match name.len() > ARCHIVE.len() && name.ends_with(ARCHIVE) {
            true => Place::Archive(path.to_owned()),
            false => Place::Folder(path.to_owned()),
        }
    }
}

const ARCHIVE: &str = ".tar.zst";
/// zstd's own: most of what is packed is sound, which no level packs well.
const LEVEL: i32 = 3;

/// A bundle being written.
pub(crate) enum Sink {
    Folder(PathBuf),
    Archive(Box<Archive>),
}

/// An archive being written.
pub(crate) struct Archive {
    tar: Option<Builder<Encoder<'static, BufWriter<File>>>>,
    path: PathBuf,
    /// Its name until it is whole.
    being_written: PathBuf,
    /// The folder in which everything in it stands, so that unpacking it makes one.
    top: String,
}

impl Sink {
    pub(crate) fn create(place: &Place) -> Result<Sink, Error> {
        match place {
            Place::Folder(folder) => {
                fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
                Ok(Sink::Folder(folder.clone()))
            }
            Place::Archive(path) => Ok(Sink::Archive(Box::new(Archive::create(path)?))),
        }
    }

    /// Writes the file `name` (with `/` between folders) of `bytes` octets, dated `at`.
    pub(crate) fn put(
        &mut self,
        name: &str,
        bytes: u64,
        at: Time,
        content: &mut dyn Read,
    ) -> Result<(), Error> {
        match self {
            Sink::Archive(archive) => archive.put(name, bytes, at, content),
            Sink::Folder(folder) => {
                let path = folder.join(name);
                let above = path.parent().unwrap_or(folder);
                fs::create_dir_all(above).map_err(Error::io("make the folder", above))?;
                let mut file = File::create(&path).map_err(Error::io("write", &path))?;
                io::copy(content, &mut file).map_err(Error::io("write", &path))?;
                Ok(())
            }
        }
    }

    /// Ends it; what is given back is where it is.
    pub(crate) fn finish(self) -> Result<PathBuf, Error> {
        match self {
            Sink::Folder(folder) => Ok(folder),
            Sink::Archive(archive) => archive.finish(),
        }
    }
}

impl Archive {
    fn create(path: &Path) -> Result<Archive, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let top = name.strip_suffix(ARCHIVE).unwrap_or(&name).to_owned();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        }
        let being_written = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let file = File::create(&being_written).map_err(Error::io("write", &being_written))?;
        let packed = Encoder::new(BufWriter::new(file), LEVEL);
        let tar = Builder::new(packed.map_err(Error::io("pack", &being_written))?);
        Ok(Archive { tar: Some(tar), path: path.to_owned(), being_written, top })
    }

    fn put(&mut self, name: &str, bytes: u64, at: Time, content: &mut dyn Read) -> Result<(), Error> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(u64::try_from(at.as_ns() / 1_000_000_000).unwrap_or_default());
        header.set_size(bytes);
        let Some(tar) = &mut self.tar else { return Ok(()) };
        let written = tar.append_data(&mut header, format!("{}/{name}", self.top), content.take(bytes));
        written.map_err(Error::io("write", &self.being_written))
    }

    fn finish(mut self) -> Result<PathBuf, Error> {
        if let Some(tar) = self.tar.take() {
            let written = tar.into_inner().and_then(Encoder::finish).and_then(|mut file| {
                file.flush()?;
                file.get_ref().sync_all()
            });
            written.map_err(Error::io("write", &self.being_written))?;
            fs::rename(&self.being_written, &self.path).map_err(Error::io("make", &self.path))?;
        }
        Ok(self.path.clone())
    }
}

impl Drop for Archive {
    /// What was not ended is no archive; once it was, this name is gone.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.being_written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_told_by_its_name() {
        assert_eq!(Place::of(Path::new("a/case.tar.zst")), Place::Archive("a/case.tar.zst".into()));
        for folder in ["case", "case.tar", ".tar.zst", "a.tar.zst/b"] {
            assert_eq!(Place::of(Path::new(folder)), Place::Folder(folder.into()));
        }
    }

    #[test]
    fn an_archive_appears_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/case.tar.zst");
        let mut sink = Sink::create(&Place::of(&path)).unwrap();
        sink.put("a/b.txt", 3, Time::default(), &mut &b"abc"[..]).unwrap();
        assert!(!path.exists());
        assert_eq!(sink.finish().unwrap(), path);
        let tar = zstd::decode_all(File::open(&path).unwrap()).unwrap();
        let mut archive = tar::Archive::new(&tar[..]);
        let names: Vec<_> =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(names, [PathBuf::from("case/a/b.txt")]);
        drop(Sink::create(&Place::of(&dir.path().join("new/other.tar.zst"))).unwrap());
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1);
    }
}
