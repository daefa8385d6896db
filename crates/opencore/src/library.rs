//! The library's functions, found once a run.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use crate::Band;

type Init = unsafe extern "C" fn() -> *mut c_void;
type Exit = unsafe extern "C" fn(*mut c_void);
/// State, frame, samples, whether the frame is bad.
type Decode = unsafe extern "C" fn(*mut c_void, *const u8, *mut i16, c_int);

/// The functions of one codec, as `interf_dec.h` and `dec_if.h` declare them.
pub(crate) struct Library {
    pub(crate) init: Init,
    pub(crate) exit: Exit,
    pub(crate) decode: Decode,
    /// They are in it.
    _loaded: libloading::Library,
}

impl Library {
    /// The one for that band, if the system has it.
    pub(crate) fn of(band: Band) -> Option<&'static Library> {
        static NARROW: OnceLock<Option<Library>> = OnceLock::new();
        static WIDE: OnceLock<Option<Library>> = OnceLock::new();
        let (known, name, functions) = match band {
            Band::Narrow => {
                let functions =
                    ["Decoder_Interface_init", "Decoder_Interface_exit", "Decoder_Interface_Decode"];
                (&NARROW, "libopencore-amrnb.so.0", functions)
            }
            Band::Wide => (&WIDE, "libopencore-amrwb.so.0", ["D_IF_init", "D_IF_exit", "D_IF_decode"]),
        };
        known.get_or_init(|| Library::load(name, functions)).as_ref()
    }

    fn load(name: &str, [init, exit, decode]: [&str; 3]) -> Option<Library> {
        // The soname of ABI 0, whose functions have these types; loading it runs nothing of its own.
        #[allow(unsafe_code, reason = "a library of C")]
        unsafe {
            let loaded = libloading::Library::new(name).ok()?;
            let init = *loaded.get::<Init>(init.as_bytes()).ok()?;
            let exit = *loaded.get::<Exit>(exit.as_bytes()).ok()?;
            let decode = *loaded.get::<Decode>(decode.as_bytes()).ok()?;
            Some(Library { init, exit, decode, _loaded: loaded })
        }
    }
}
