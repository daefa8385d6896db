//! What is wrong with a configuration: one line that names the file, the line in it, and what to write instead.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug)]
pub(crate) struct Problem {
    path: PathBuf,
    /// Counted from 1; `None` where the file as a whole is meant.
    line: Option<usize>,
    what: String,
}

impl Problem {
    pub(crate) fn unreadable(path: &Path, source: &io::Error) -> Problem {
        let what = match source.kind() {
            io::ErrorKind::NotFound => {
                "no such file; `sipreel config show` prints one to begin with".to_owned()
            }
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::InvalidData => "not a text in UTF-8".to_owned(),
            _ => format!("cannot be read: {source}"),
        };
        Problem { path: path.to_owned(), line: None, what }
    }

    /// What the reader of TOML has to say.
    pub(crate) fn of_toml(path: &Path, text: &str, error: &toml::de::Error) -> Problem {
        let what = error.message().lines().collect::<Vec<_>>().join(" ");
        let what = format!("{what}; `sipreel config show` tells every key");
        match error.span() {
            Some(span) => Problem::at(path, text, &span, what),
            None => Problem { path: path.to_owned(), line: None, what },
        }
    }

    /// What is wrong with the bytes of that range.
    pub(crate) fn at(path: &Path, text: &str, span: &Range<usize>, what: String) -> Problem {
        let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Problem { path: path.to_owned(), line: Some(line), what }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.what)
    }
}

impl std::error::Error for Problem {}
