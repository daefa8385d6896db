//! The mapped inputs, kept for those who kept a place in them.

use std::sync::Arc;

use crate::frame::Place;
use crate::map::Map;

/// The mapped inputs of one replay; they stay readable while any clone lives.
///
/// The files must not be cut while they are mapped: reading past a new end of file kills the program (SIGBUS).
#[derive(Clone, Debug, Default)]
pub struct Medium(Arc<[Mapping]>);

impl Medium {
    /// The mappings in the order of their places.
    pub(crate) fn new(mappings: Vec<Mapping>) -> Medium {
        Medium(mappings.into())
    }

    /// The `len` bytes from `place` on; `None` where they are not all in the file that `place` stands in.
    #[must_use]
    #[inline]
    pub fn slice(&self, place: Place, len: usize) -> Option<&[u8]> {
        let after = self.0.partition_point(|mapping| mapping.begin <= place);
        let mapping = self.0.get(after.checked_sub(1)?)?;
        mapping.bytes().get(place.since(mapping.begin)?..)?.get(..len)
    }
}

/// One mapped file and the place where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) begin: Place,
    pub(crate) map: Arc<Map>,
}

impl Mapping {
    pub(crate) fn new(map: Map, begin: Place) -> Mapping {
        Mapping { begin, map: Arc::new(map) }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.bytes()
    }

    /// Where the next file may begin: one byte is left free, so that no place belongs to two files.
    pub(crate) fn end(&self) -> Place {
        self.begin.offset(self.bytes().len()).offset(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn is_shared_among_threads() {
        fn shared<T: Send + Sync + Clone>(_: &T) {}
        shared(&Medium::default());
    }

    #[test]
    fn never_reads_from_one_file_into_the_next() {
        let (_folder, files) = testing::files(&[b"first", b"second"]);
        let mut begin = Place::FIRST;
        let mut mappings = Vec::new();
        for file in &files {
            let mapping = Mapping::new(Map::new(&std::fs::File::open(file).unwrap()).unwrap(), begin);
            begin = mapping.end();
            mappings.push(mapping);
        }
        let second = mappings[1].begin;
        let medium = Medium::new(mappings);
        assert_eq!(medium.slice(Place::FIRST, 5), Some(&b"first"[..]));
        assert_eq!(medium.slice(Place::FIRST.offset(2), 3), Some(&b"rst"[..]));
        assert_eq!(medium.slice(Place::FIRST.offset(5), 0), Some(&b""[..]));
        assert_eq!(medium.slice(Place::FIRST, 6), None);
        assert_eq!(medium.slice(second.offset(1), 5), Some(&b"econd"[..]));
        assert_eq!(medium.slice(second, usize::MAX), None);
        assert_eq!(medium.slice(second.offset(usize::MAX), 0), None);
        assert_eq!(Medium::default().slice(Place::FIRST, 0), None);
    }
}
